"""How much has been tried: every configuration ever scored, when it was declared, and
whether its walk kept to the books.

The best of many is better than any one of them deserves to be, so what is shown beside the
best is how many there were.
"""

import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from regime.config import ExperimentConfig, load_experiment, member_files
from regime.evaluation.splits import Fold
from regime.exceptions import ConfigError
from regime.experiment import ExperimentResult
from regime.labels.leadership import leadership_path, target
from regime.settings import Settings
from regime.shipped import is_installed
from regime.studies import Studies, Study
from regime.tracking.git import ask_git
from regime.tracking.mlflow_client import client, find_runs, has_tracking, is_simulated

CONFIGURATION, CANDIDATE, DECLARED = "configuration", "candidate", "declared"  # tags of a run
UNCOMMITTED, UNKNOWN = "uncommitted", "unknown"
MOST_CANDIDATES = 5  # of one question
QUESTIONS = "questions"  # a folder in it is a question, a file in that a candidate
COLUMNS = [
    CONFIGURATION, "names", "questions", "first_scored", "last_scored", "n_runs", "code_versions",
]  # fmt: skip
_SCORED = {"FINISHED", "FAILED"}  # what fails while it is logged has been scored before
_PAGE = 500
_OF_THE_STACK = {"name", "question", "baskets", "labels", "evaluation"}  # a member's do not count
_UNCONFIRMED = "training rows not confirmed by the close they were learned at"
_RELABELLED = "training rows with a label that was not theirs at that close"
_IN_BOTH = "rows both learned from and served by one fit"
_LATE = "fits that serve a day not after their own close"
_TWICE = "days served twice"
_NOT_SERVED = "days of the test not served, or served outside of it"
_OTHERWISE = "days served by another fit than was made for them"
_FAULTS = (_UNCONFIRMED, _RELABELLED, _IN_BOTH, _LATE, _TWICE, _NOT_SERVED, _OTHERWISE)


def configuration_digest(config: ExperimentConfig) -> str:
    """Sixty-four hex digits that name all of a configuration that its numbers follow from.

    Two files that differ in name, comment, order of baskets or horizons, or in spelling out
    a default, are one configuration. Members of a stack count as what they are,
    not as what they are called.
    """
    told = _told(config, {"name", "question", "members", "baskets"})
    told["members"] = [_told(member, _OF_THE_STACK) for member in config.members]
    told["horizons"] = sorted(config.labels.horizons)
    told["first_test"] = {baskets: f"{config.first_test(baskets)}" for baskets in config.baskets}
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(config: ExperimentConfig, ignored: set[str]) -> dict[str, Any]:
    # Defaults are left out: a key that experiments learn later makes none of them another.
    told = config.model_dump(mode="json", exclude=ignored, exclude_defaults=True)
    told.get("labels", {}).pop("horizons", None)
    told.get("evaluation", {}).pop("first_test", None)
    return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Declaration:
    """When an experiment file was last changed, as far as git knows.

    Attributes
    ----------
    state : `path@commit`, the path from the top of the repository; "uncommitted" where the
        file is not in HEAD as it is on disk; "unknown" where there is no git to ask
    committed_at : time of that commit, UTC; None unless there is one
    candidate : `question/name` of a file in a question's folder, else None
    """

    state: str
    committed_at: pd.Timestamp | None
    candidate: str | None

    @property
    def tags(self) -> dict[str, str]:
        """What a run of the file is tagged with."""
        tags = {DECLARED: self.state}
        return {**tags, CANDIDATE: self.candidate} if self.candidate else tags


def declaration_of(file: Path) -> Declaration:
    """Since when an experiment is declared; a stack no longer than its newest member."""
    own = _declaration_of(file)
    for one in map(_declaration_of, member_files(file)):
        if own.committed_at is None:
            break
        if one.committed_at is None or one.committed_at > own.committed_at:
            own = replace(own, state=one.state, committed_at=one.committed_at)
    return own


def _declaration_of(file: Path) -> Declaration:
    """Ask git for the first commit that held an experiment file as it is; raises nothing.

    Its contents count, not its name: a file may move without being declared anew.
    """
    file = file.resolve()
    is_candidate = file.parent.parent.name == QUESTIONS
    candidate = f"{file.parent.name}/{file.stem}" if is_candidate else None
    if is_installed(file):  # be it in an environment within somebody's repository
        return Declaration(UNKNOWN, None, candidate)
    try:
        ask_git(file, "rev-parse", "--show-toplevel")
    except (OSError, subprocess.SubprocessError):
        return Declaration(UNKNOWN, None, candidate)
    try:
        # Contents and not `git status`: a file that git was told to overlook is a change too.
        contents = ask_git(file, "hash-object", "--", file.name)
        same = ask_git(file, "rev-parse", f"HEAD:./{file.name}") == contents
        held = ask_git(file, "log", "--format=%h %cI", f"--find-object={contents}")
        commit, when = held.splitlines()[-1].split()
        path = ask_git(file, "ls-files", "--full-name", "--", file.name)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Declaration(UNCOMMITTED, None, candidate)
    if not same:
        return Declaration(UNCOMMITTED, None, candidate)
    return Declaration(f"{path}@{commit}", pd.Timestamp(when).tz_convert("UTC"), candidate)


def count_configurations(settings: Settings, *, simulated: bool) -> int:
    """How many different configurations have been scored on such data."""
    # Not by `trials`, whose table takes as long as the search for the runs.
    runs = runs_that_scored(settings, simulated=simulated)
    return len({run.data.tags[CONFIGURATION] for run in runs})


def trials(settings: Settings, *, simulated: bool | None = None) -> pd.DataFrame:
    """Every configuration ever scored, deleted runs included.

    Parameters
    ----------
    simulated : of simulated data, of real data, or of both (None)

    Returns
    -------
    DataFrame, one row per configuration in the order of their first scoring
        `configuration` (digest), `names` it ran under, `questions` it was a candidate of,
        `first_scored` and `last_scored` (UTC), `n_runs`, `code_versions`; the plural ones
        are tuples. Runs that carry no digest are not counted; nothing is created where
        nothing was ever logged.

    Raises
    ------
    StoreError
        If MLflow cannot be reached.
    """
    runs = scored_runs(settings, simulated=simulated)
    rows = [
        {
            CONFIGURATION: digest,
            "names": _each(of_one["name"]),
            "questions": _each(of_one[CANDIDATE].str.rpartition("/")[0]),
            "first_scored": of_one["scored"].min(),
            "last_scored": of_one["scored"].max(),
            "n_runs": len(of_one),
            "code_versions": _each(of_one["code_version"]),
        }
        for digest, of_one in runs.groupby(CONFIGURATION, sort=False)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def scored_runs(settings: Settings, *, simulated: bool | None = None) -> pd.DataFrame:
    """Every run that scored a configuration, oldest first: `configuration`, `name`, `scored`
    (when, UTC), `code_version`, `candidate` and `declared`, empty where it was not tagged.
    """
    names = [CONFIGURATION, "name", "scored", "code_version", CANDIDATE, DECLARED]
    rows = []
    for run in runs_that_scored(settings, simulated=simulated):
        told = {name: run.data.tags.get(name, "") for name in names}
        when = pd.Timestamp(run.info.start_time, unit="ms", tz="UTC")
        rows.append({**told, "name": run.info.run_name, "scored": when})
    return pd.DataFrame(rows, columns=names).sort_values("scored", kind="stable")


def runs_that_scored(settings: Settings, *, simulated: bool | None = None) -> list[Any]:
    """The same as MLflow gives them, deleted ones too, in no order."""
    return [
        run
        for run in _runs(settings)
        if run.info.status in _SCORED
        and CONFIGURATION in run.data.tags
        and simulated in (None, is_simulated(run.data.tags))
    ]


def _runs(settings: Settings) -> list[Any]:
    return find_runs(client(settings), settings, page=_PAGE) if has_tracking(settings) else []


def _each(values: "pd.Series[str]") -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check of the protocol found.

    Attributes
    ----------
    check, about : which check, and the question or experiment it looked at
    holds : whether it is as the method wants it
    words : one line with counts; where it does not hold, what to do next
    counts : the same as plain values
    """

    check: str
    about: str
    holds: bool
    words: str
    counts: dict[str, Any] = field(default_factory=dict)


def check_candidates(folder: Path, scored: pd.DataFrame) -> Finding:
    """At most five candidates: files of the question's folder, and what was scored from it.

    A candidate that was scored and then edited or deleted was tried all the same.
    """
    files = experiment_files([folder])
    here = {configuration_digest(load_experiment(file)) for file in files}
    runs = scored[scored[CANDIDATE].str.startswith(f"{folder.name}/")]
    gone = {*runs[CONFIGURATION]} - here
    ablations = sum(file.stem.endswith("_ablation") for file in files)
    holds = len(files) + len(gone) <= MOST_CANDIDATES
    words = (
        f"{len(files)} in the folder ({ablations} of them ablations), {len(gone)} scored from it "
        f"and no longer there; at most {MOST_CANDIDATES} in all"
    )
    words += "" if holds else ". Ask another question in a folder of its own."
    counts = {"files": len(files), "ablations": ablations, "gone": len(gone)}
    return Finding("candidates", folder.name, holds, words, counts)


def check_declared(name: str, digest: str, declared: Declaration, scored: pd.DataFrame) -> Finding:
    """The file was last changed, and committed, before its configuration was first scored."""
    about = declared.candidate or name
    mine = scored[scored[CONFIGURATION] == digest]
    other = scored[(scored[CANDIDATE] == about) & (scored[CONFIGURATION] != digest)]
    counts = {"runs": len(mine), "runs_as_another_configuration": len(other)}
    first = f"first scored on {_moment(mine['scored'].min())}" if len(mine) else "not scored yet"
    when = "" if declared.committed_at is None else (
        f"committed on {_moment(declared.committed_at)} ({declared.state}), "
    )  # fmt: skip
    holds = False
    if len(other):
        words = (
            f"changed after it was scored: on {_moment(other['scored'].min())} this file was "
            "another configuration. Put it back, and give the new one a file of its own."
        )
    elif declared.state == UNKNOWN:
        words = f"{first}; there is no git to say when it was declared. Keep experiments in one."
    elif declared.committed_at is None:
        words = f"{first}; the file is not committed as it is. Commit it before it is scored."
    elif len(mine) and declared.committed_at > mine["scored"].min():
        words = (
            f"changed after it was scored: {when}{first}. Put it back as it was scored, or "
            "declare a candidate that has not been."
        )
    else:
        holds, words = True, f"{when}{first}"
    return Finding("declared", about, holds, words, counts)


def _moment(when: pd.Timestamp) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def experiment_files(paths: Sequence[Path]) -> list[Path]:
    """Files, and those of folders in alphabetical order, each once.

    Raises
    ------
    ConfigError
        If a folder holds no experiment, or a file comes twice.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("[!.]*.toml")) if path.is_dir() else [path]
        if not found:
            raise ConfigError(f"{path} holds no experiment: expected files that end in .toml.")
        files += found
    real = [file.resolve() for file in files]
    if twice := sorted({file.name for file in real if real.count(file) > 1}):
        raise ConfigError(f"{', '.join(twice)} comes twice; give each experiment once.")
    return files


class Piece(NamedTuple):
    """Work as it was handed out: the days and labels that its folds number the rows of."""

    study: Study
    days: pd.Index
    labels: Any
    folds: list[Fold]


def check_bookkeeping(
    result: ExperimentResult, studies: Studies, pieces: Sequence[Piece]
) -> Finding:
    """Every fit against the leads up to its own close, and every day against the calendar."""
    config, first = result.config, ""
    counts: Counter[str] = Counter()
    paths: dict[Any, pd.DataFrame] = {}
    made_for: dict[Any, set[Any]] = {}
    for study, days, labels, folds in pieces:
        cost = study.config.labels.switching_cost
        # The walks of its reference and of its members are looked at like its own.
        own = studies.ingredients(study) == studies.ingredients(study._replace(config=config))
        for fold in folds:
            close, learned, today = fold.fitted_on, days[fold.train], days[fold.test]
            if (key := (study.baskets, cost, close)) not in paths:
                lead = studies.lead(study.baskets)[:close]
                paths[key] = leadership_path(lead, switching_cost=cost)
            # What was known at that close, from the leads up to it and from nothing else.
            known = target(paths[key], study.horizon).reindex(learned)
            settled = known["confirmed_on"].notna().to_numpy()
            other = settled & (known["regime"].to_numpy() != labels[fold.train])
            faults = {
                _UNCONFIRMED: int((~settled).sum()),
                _RELABELLED: int(other.sum()),
                _IN_BOTH: len(learned.intersection(today)),
                _LATE: int(close >= today[0]),
            }
            if any(faults.values()) and not first:
                where = f"{study.baskets} baskets, {study.horizon} days ahead"
                first = f", first with {where}, fitted on {close:%Y-%m-%d}"
            counts.update({"fits": 1, "training_rows": len(learned), **faults})
            if own:
                served = made_for.setdefault((study.baskets, study.horizon), set())
                served.update((day, close) for day in today)
    for _, said in result.predictions.groupby(["baskets", "horizon"]):
        baskets, horizon = str(said["baskets"].iloc[0]), int(said["horizon"].iloc[0])
        day = pd.DatetimeIndex(said["date"])
        asked = studies.lead(baskets)[pd.Timestamp(config.first_test(baskets)) :].index
        path = result.labels[result.labels["baskets"] == baskets].set_index("date")
        scored = day.isin(target(path, horizon)["regime"].dropna().index)
        served = {*zip(day, said["fitted_on"], strict=True)}
        counts["served_rows"] += len(day)
        counts["scored_rows"] += int(scored.sum())
        counts[_TWICE] += int(day.duplicated().sum())
        counts[_NOT_SERVED] += len(asked.symmetric_difference(day.unique()))
        counts[_OTHERWISE] += len(served ^ made_for.get((baskets, horizon), set()))
    many = (
        f"{counts['fits']:,} fits (its reference's too), {counts['training_rows']:,} training "
        f"rows, {counts['scored_rows']:,} scored rows of {counts['served_rows']:,} served"
    )
    found = [f"{counts[name]:,} {name}" for name in _FAULTS if counts[name]]
    words = f"{many}, rows in both: 0; every label was confirmed, every day served once"
    if found:
        words = f"{'; '.join(found)}{first} ({many}). Look at regime/evaluation/splits.py."
    return Finding("bookkeeping", config.name, not found, words, dict(counts))

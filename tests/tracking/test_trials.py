"""What was tried is counted, deleted runs too; when it was declared is asked of git."""

import subprocess
from datetime import date

import pandas as pd
import pytest
from tracked import tracked

from regime.config import ExperimentConfig
from regime.experiment import Comparison
from regime.settings import Settings
from regime.tracking import trials as module
from regime.tracking.mlflow_client import client, experiment_id
from regime.tracking.runs import log_result
from regime.tracking.trials import (
    check_candidates,
    check_declared,
    configuration_digest,
    count_configurations,
    declaration_of,
    experiment_files,
    scored_runs,
    trials,
)

FILTER = {"name": "a", "model": {"kind": "filter"}, "training": {"every": 3}}
TOML = '# Does it?\nmodel = {{ kind = "filter", params = {{ C = {} }} }}\n'


def digest(**changes):
    return configuration_digest(ExperimentConfig(**{**FILTER, **changes}))


# What makes two configurations one


@pytest.mark.parametrize(
    "same",
    [
        {"name": "b", "question": "Is this another?"},
        {"baskets": ("funds", "french")},
        {"labels": {"horizons": (63, 0, 21), "switching_cost": 10}},
        {"evaluation": {"first_test": {"french": date(1975, 1, 1)}}},
        {"evaluation": {"first_test": {"funds_xlg": date(2015, 1, 1)}}},  # not asked for
        {"training": {"every": 3, "since": date(1927, 1, 1)}},
        {"features": {"window": 2520}, "model": {"kind": "filter", "params": {}}},
    ],
)
def test_what_moves_no_number_is_the_same_configuration(same):
    assert digest(**same) == digest()


@pytest.mark.parametrize(
    "other",
    [
        {"model": {"kind": "filter", "params": {"C": 0.2}}},
        {"model": {"kind": "persistence"}},
        {"baskets": ("french",)},
        {"labels": {"horizons": (0, 21)}},
        {"labels": {"switching_cost": 12.5}},
        {"training": {"every": 2}},
        {"evaluation": {"refit_every": 504}},
        {"evaluation": {"first_test": {"funds": date(2012, 1, 3)}}},
        {"features": {"window": 252}},
    ],
)
def test_what_moves_a_number_is_another_configuration(other):
    assert digest(**other) != digest()


def stack(*members, **changes):
    parts = [ExperimentConfig(**{**FILTER, **member}) for member in members]
    return digest(model={"kind": "stack"}, training={}, members=parts, **changes)


def test_a_stack_is_its_members_whatever_they_are_called_or_were_judged_on():
    plain = stack({"name": "a"}, {"name": "b", "model": {"kind": "persistence"}})
    renamed = {"name": "d", "model": {"kind": "persistence"}, "baskets": ("french",)}
    assert stack({"name": "c", "labels": {"horizons": (5,)}}, renamed) == plain
    sharper = {"name": "a", "model": {"kind": "filter", "params": {"C": 1.0}}}
    assert stack(sharper, {"name": "b", "model": {"kind": "persistence"}}) != plain


# What was scored


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Settings, and a function that writes a run such as a comparison leaves behind."""
    settings = tracked(tmp_path_factory.mktemp("trials"), tmp_path_factory)
    tracker = client(settings)
    experiment = experiment_id(tracker, settings)

    def wrote(configuration, day, *, name="a", status="FINISHED", data="market", deleted=False,
              candidate=None, code="c0"):  # fmt: skip
        tags = {"configuration": configuration, "candidate": candidate, "data": data}
        run = tracker.create_run(
            experiment,
            start_time=int(pd.Timestamp(day, tz="UTC").timestamp() * 1000),
            run_name=name,
            tags={"code_version": code} | {key: tag for key, tag in tags.items() if tag},
        )
        if status != "RUNNING":
            tracker.set_terminated(run.info.run_id, status)
        if deleted:
            tracker.delete_run(run.info.run_id)

    wrote("one", "2026-01-03", candidate="which/a")
    wrote("one", "2026-01-02", name="was_a", deleted=True, code="c1")
    wrote("two", "2026-01-01", status="FAILED", candidate="which/b")
    wrote("three", "2026-01-05", deleted=True, candidate="which/c")
    wrote("demo", "2026-01-04", data="SIMULATED")
    wrote("still running", "2026-01-06", status="RUNNING")
    wrote(None, "2026-01-07")
    return settings


def test_every_configuration_counts_once_deleted_failed_or_renamed(store, monkeypatch):
    monkeypatch.setattr(module, "_PAGE", 2)
    table = trials(store, simulated=False)
    assert list(table["configuration"]) == ["two", "one", "three"]
    one = table.iloc[1]
    assert one["names"] == ("a", "was_a")
    assert one["questions"] == ("which",)
    assert one["first_scored"] == pd.Timestamp("2026-01-02", tz="UTC")
    assert one["last_scored"] == pd.Timestamp("2026-01-03", tz="UTC")
    assert one["n_runs"] == 2
    assert one["code_versions"] == ("c0", "c1")


def test_simulated_and_real_trials_are_counted_apart(store):
    assert count_configurations(store, simulated=False) == 3
    assert count_configurations(store, simulated=True) == 1
    assert len(trials(store)) == 4


def test_where_nothing_was_scored_nothing_is_counted_and_nothing_created(tmp_path):
    settings = Settings(home=tmp_path / "home")
    assert count_configurations(settings, simulated=False) == 0
    assert list(trials(settings).columns) == module.COLUMNS
    assert not settings.home.exists()


def test_a_logged_result_carries_its_configuration_and_what_git_knows(
    market, tmp_path, tmp_path_factory
):
    config = ExperimentConfig(
        **FILTER,
        baskets=("french",),
        labels={"horizons": (21,)},
        evaluation={"first_test": {"french": date(2004, 1, 2)}, "refit_every": 1000},
    )
    result = Comparison(market).run(config)
    settings = tracked(tmp_path, tmp_path_factory)
    log_result(result, settings, simulated=True)
    log_result(result, settings, simulated=True, tags={"declared": "x.toml@abc"})
    runs = scored_runs(settings)
    assert list(runs["configuration"]) == [configuration_digest(config)] * 2
    assert list(runs["declared"]) == ["unknown", "x.toml@abc"]


# When it was declared


def git(folder, *words, when="2026-01-02T12:00:00+02:00"):
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    dates = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when, "PATH": "/usr/bin:/bin"}
    command = ["git", "-C", str(folder), *identity, *words]
    subprocess.run(command, check=True, capture_output=True, env=dates)


@pytest.fixture
def question(tmp_path):
    """A committed question with the candidates a and b."""
    folder = tmp_path / "experiments" / "questions" / "which"
    folder.mkdir(parents=True)
    for name, value in (("a", 0.1), ("b", 0.2)):
        (folder / f"{name}.toml").write_text(TOML.format(value))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "which?")
    return folder


def test_a_committed_file_is_declared_when_it_was_last_changed(question):
    (question / "b.toml").write_text(TOML.format(0.3))
    git(question, "commit", "-qam", "b", when="2026-03-04T00:00:00Z")
    first, second = (declaration_of(question / f"{name}.toml") for name in "ab")
    assert first.committed_at == pd.Timestamp("2026-01-02T10:00:00Z")
    assert second.committed_at == pd.Timestamp("2026-03-04T00:00:00Z")
    path, _, commit = first.state.partition("@")
    assert path == "experiments/questions/which/a.toml"
    assert len(commit) >= 7
    assert first.tags == {"declared": first.state, "candidate": "which/a"}


def test_a_file_that_moves_is_not_declared_anew(question):
    git(question, "mv", "a.toml", "renamed.toml")
    git(question, "commit", "-qm", "moved", when="2026-03-04T00:00:00Z")
    declared = declaration_of(question / "renamed.toml")
    assert declared.committed_at == pd.Timestamp("2026-01-02T10:00:00Z")


def test_a_stack_is_declared_no_earlier_than_its_newest_member(question):
    stack = 'members = ["a", "b"]\nmodel = { kind = "stack" }\n'
    (question / "all.toml").write_text(stack)
    git(question, "add", ".")
    git(question, "commit", "-qm", "stack", when="2026-02-01T00:00:00Z")
    assert declaration_of(question / "all.toml").committed_at == pd.Timestamp(
        "2026-02-01T00:00:00Z"
    )
    (question / "b.toml").write_text(TOML.format(0.3))
    assert declaration_of(question / "all.toml").state == "uncommitted"
    git(question, "commit", "-qam", "b", when="2026-03-04T00:00:00Z")
    declared = declaration_of(question / "all.toml")
    assert declared.committed_at == pd.Timestamp("2026-03-04T00:00:00Z")


def test_a_changed_new_or_overlooked_file_is_not_committed(question):
    (question / "new.toml").write_text(TOML.format(1))
    git(question, "update-index", "--assume-unchanged", "b.toml")
    (question / "b.toml").write_text(TOML.format(1))
    for name in ("new", "b"):
        declared = declaration_of(question / f"{name}.toml")
        assert (declared.state, declared.committed_at) == ("uncommitted", None)


def test_without_git_nothing_is_known_of_a_file(tmp_path, monkeypatch):
    (tmp_path / "a.toml").write_text(TOML.format(1))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert declaration_of(tmp_path / "a.toml").tags == {"declared": "unknown"}
    monkeypatch.setattr("shutil.which", lambda _: "/no/such/git")
    assert declaration_of(tmp_path / "a.toml").state == "unknown"


def runs(*rows):
    """Scored runs: (configuration, candidate, day)."""
    table = pd.DataFrame(rows, columns=["configuration", "candidate", "scored"])
    return table.assign(scored=pd.to_datetime(table["scored"], utc=True))


@pytest.mark.parametrize(
    ("scored", "holds", "said"),
    [
        ([], True, "not scored yet"),
        ([("mine", "", "2026-01-03")], True, "first scored on 2026-01-03 00:00 UTC"),
        ([("mine", "", "2026-01-01")], False, "after it was scored: committed on 2026-01-02"),
        ([("old", "which/a", "2025-12-01")], False, "on 2025-12-01 00:00 UTC this file"),
        ([("old", "which/b", "2025-12-01")], True, "not scored yet"),
    ],
)  # fmt: skip
def test_a_file_holds_if_it_was_committed_before_it_was_scored(question, scored, holds, said):
    found = check_declared("a", "mine", declaration_of(question / "a.toml"), runs(*scored))
    assert found.holds is holds
    assert said in found.words
    assert found.about == "which/a"


def test_a_file_that_is_not_committed_as_it_is_does_not_hold(question):
    (question / "a.toml").write_text(TOML.format(7))
    found = check_declared("a", "mine", declaration_of(question / "a.toml"), runs())
    assert not found.holds
    assert "not scored yet; the file is not committed as it is" in found.words


# How many there are


def test_a_sixth_candidate_is_one_too_many_edited_deleted_or_an_ablation(question):
    here = [
        configuration_digest(module.load_experiment(file)) for file in experiment_files([question])
    ]
    scored = runs(*[(one, "which/a", "2026-01-03") for one in here])
    assert check_candidates(question, scored).counts == {"files": 2, "ablations": 0, "gone": 0}
    for number in range(3):
        (question / f"c{number}_ablation.toml").write_text(TOML.format(5 + number))
    five = check_candidates(question, scored)
    assert five.holds
    assert five.words.startswith("5 in the folder (3 of them ablations), 0 scored from it")
    elsewhere = runs(("gone", "whichever/a", "2026-01-03"))
    assert check_candidates(question, pd.concat([scored, elsewhere])).holds
    deleted = pd.concat([scored, runs(("gone", "which/d", "2026-01-03"))])
    assert not check_candidates(question, deleted).holds
    (question / "d.toml").write_text(TOML.format(9))
    six = check_candidates(question, scored)
    assert not six.holds
    assert "6 in the folder" in six.words

"""Run every detector, and say what was looked at: counts, seeds and digests."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from regime.audit import books, chance, replay, structure
from regime.audit.subject import Subject, subject_of
from regime.code_digest import code_digest
from regime.settings import Settings
from regime.shipped import shipped
from regime.tracking.trials import (
    Finding,
    check_declared,
    configuration_digest,
    declaration_of,
    scored_runs,
)

STEPS = 4  # beside the days: two of the books, two of chance


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes
    ----------
    about : version, digests, seed, days, and when; plain values
    findings : in the order they were made
    """

    about: dict[str, Any]
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return all(found.holds for found in self.findings)

    def certificate(self) -> dict[str, Any]:
        """All of it as plain values, with a digest of the rest."""
        told = {
            "passed": self.passed,
            **self.about,
            "findings": [asdict(found) for found in self.findings],
        }
        text = json.dumps(told, sort_keys=True, default=str)
        return {**told, "digest": hashlib.sha256(text.encode()).hexdigest()}


def audit(
    settings: Settings,
    *,
    days: int,
    seed: int,
    now: pd.Timestamp,
    on_step: Callable[[], None] = lambda: None,
    tell: Callable[[Finding], None] = lambda found: None,
    experiment: Path | None = None,
) -> Audit:
    """Audit the version in service and what was published last.

    Work is shared out by the caller's `joblib.parallel_config`.

    Parameters
    ----------
    days : random past days that are worked out again
    seed : draws them, and the random walks
    now : the present moment (UTC), for the certificate
    on_step : called after each day and each further piece of work, `STEPS` of them
    tell : called with each finding as it is made
    experiment : the file the version was trained from, by default looked for by its name

    Raises
    ------
    StoreError
        If no model is in service, nothing was published, or the store cannot be read.
    EvaluationError
        If what was published is of another version.
    """
    subject = subject_of(settings)
    found: list[Finding] = []
    for one in _all(subject, days, seed, on_step, experiment):
        found.append(one)
        tell(one)
    return Audit(_about(subject, days, seed, now), found)


def _all(
    subject: Subject,
    days: int,
    seed: int,
    on_step: Callable[[], None],
    experiment: Path | None,
) -> Iterator[Finding]:
    chosen = replay.chosen_days(subject, days, seed)
    yield from replay.findings(replay.replays(subject, chosen, on_step))
    walk = books.Walk(subject)
    yield from books.books(subject, walk, on_step)
    yield from structure.structure(subject, walk.fits)
    yield from chance.chances(subject, seed, on_step)
    yield declared(subject, experiment)


def declared(subject: Subject, experiment: Path | None) -> Finding:
    """The version's experiment was committed before it was first scored."""
    config = subject.version.bundle.config
    runs = scored_runs(subject.settings, simulated=subject.version.simulated)
    file = experiment or _experiment_file(config.name)
    if file is None:
        words = "not checked: its file is not here to ask git about. Give it with --experiment."
        return Finding("declared", config.name, True, words, {"told": False})
    return check_declared(config.name, configuration_digest(config), declaration_of(file), runs)


def _experiment_file(name: str) -> Path | None:
    """The file of this experiment: in this folder, or one that comes with the program."""
    return next(iter(sorted(Path("experiments").rglob(f"{name}.toml"))), shipped().get(name))


def _about(subject: Subject, days: int, seed: int, now: pd.Timestamp) -> dict[str, Any]:
    version, bundle = subject.version, subject.version.bundle
    return {
        "audited_at": now.isoformat(timespec="seconds"),
        "days": min(days, len(subject.days)),
        "of_days": len(subject.days),
        "first_day": f"{subject.days[0]:%Y-%m-%d}",
        "last_day": f"{subject.days[-1]:%Y-%m-%d}",
        "seed": seed,
        "model_version": version.number,
        "experiment": bundle.config.name,
        "baskets": bundle.baskets,
        "simulated": version.simulated or subject.store.is_simulated(),
        "trained_until": f"{bundle.trained_until:%Y-%m-%d}",
        "known_at": subject.moment.isoformat(timespec="seconds"),
        "panel_digest": str(subject.published["about"]["panel_digest"]),
        "bundle_digest": version.digest,
        "code_digest": code_digest(),
    }

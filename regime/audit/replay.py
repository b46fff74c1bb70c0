"""Random past days worked out again, each from the store as it was at that close.

The store is asked as of the end of the day. All that follows is made anew: the panel, every
feature and signal on every day up to it, the labels confirmed by then, the fit that was in
service, and what it says of the day. It must be what is said of it now, to the bit; of a
probability, whose sums may come in another order, to 1e-12.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from regime.audit.comparing import TOLERANCE, Compared, compared
from regime.audit.subject import Made, Subject, made_at
from regime.data.calendar import end_of_day
from regime.evaluation.walk_forward import serve_last
from regime.exceptions import RegimeError
from regime.experiment import Comparison
from regime.models.assembly import build_classifier
from regime.scoring import COLUMNS, Basis
from regime.service.entries import calls_of
from regime.studies import Studies, Study, splits_of
from regime.taxonomy import REGIMES
from regime.tracking.trials import Finding

PARTS = ("panel", "features", "labels", "probabilities", "calls", "signals")
WALKS = 3  # days of a model whose fits hang on one another: each takes a whole walk-forward


class Replayed(NamedTuple):
    """What one day's replay found, by part; `fault` if it could not be replayed."""

    day: pd.Timestamp
    parts: dict[str, Compared]
    fault: str = ""


def chosen_days(subject: Subject, number: int, seed: int) -> list[pd.Timestamp]:
    """Random days with probabilities, each once, in order; all of them where there are fewer."""
    days = subject.days
    drawn = np.random.default_rng(seed).choice(len(days), min(number, len(days)), replace=False)
    return [pd.Timestamp(days[at]) for at in sorted(drawn)]


def replays(
    subject: Subject,
    days: Sequence[pd.Timestamp],
    on_day: Callable[[], None] = lambda: None,
) -> list[Replayed]:
    """Replay days, shared out by the caller's `joblib.parallel_config`."""
    walked = {*_spread(days, WALKS)}
    chained = is_chained(subject)
    tasks = (delayed(replay_day)(subject, day, refit=not chained or day in walked) for day in days)
    found = []
    for one in Parallel(return_as="generator")(tasks):
        found.append(one)
        on_day()
    return found


def is_chained(subject: Subject) -> bool:
    """Whether a fit of the version's model hangs on the fits before it, or on its members'."""
    config = subject.version.bundle.config
    if config.members:
        return True
    model = build_classifier(config, config.labels.horizons[0])
    return hasattr(model[-1] if hasattr(model, "steps") else model, "fit_from")


def replay_day(subject: Subject, day: pd.Timestamp, *, refit: bool = True) -> Replayed:
    """One day from what was known when it was over.

    Parameters
    ----------
    refit : whether the fit that was in service is made again too; without, a day of the
        walk-forward has no probabilities to compare
    """
    moment = min(end_of_day(day), subject.moment)
    try:
        then = made_at(subject.settings, subject.store, subject.version, moment)
        then = _until(then, day)
        said = _said(subject, then, day) if refit else None
    except (RegimeError, ValueError, KeyError) as error:
        return Replayed(day, {}, f"{day:%Y-%m-%d} cannot be worked out again: {error}")
    now = _until(subject.made, day)
    parts = {
        "panel": compared(then.panel, now.panel),
        "features": compared(then.features, now.features),
        "labels": _labels(then, now, day),
        "signals": compared(then.signals, now.signals),
    }
    if said is not None:
        own = subject.said[subject.said["date"] == day].set_index("horizon")
        names = [*REGIMES, "basis"]
        parts["probabilities"] = compared(said[names], own[names], tolerance=TOLERANCE)
    parts["calls"] = _calls(subject, then, day)
    return Replayed(day, parts)


def _until(made: Made, day: pd.Timestamp) -> Made:
    """What was made of days up to one, the confirmed labels as they are."""
    return Made(
        panel=made.panel.loc[:day],
        features=made.features.loc[:day],
        path=made.path,
        known=made.known.loc[:day],
        signals=made.signals.loc[:day],
    )


def _labels(then: Made, now: Made, day: pd.Timestamp) -> Compared:
    """Rows confirmed by a day, and what the path looked like on each day up to it."""
    confirmed = [one.path[one.path["confirmed_on"] <= day] for one in (then, now)]
    one, other = compared(*confirmed), compared(then.known, now.known)
    return Compared(
        one.cells + other.cells, one.different + other.different,
        max(one.largest, other.largest), one.first or other.first,
    )  # fmt: skip


def _said(subject: Subject, then: Made, day: pd.Timestamp) -> pd.DataFrame:
    """What is said of a day, by horizon: by the version, or by the fit that served it."""
    version, bundle = subject.version, subject.version.bundle
    if day > bundle.trained_until:
        own = bundle.predict_proba(then.panel, day)
        said = own[own["date"] == day].assign(basis=Basis.OUT_OF_SAMPLE.value)
        return said.set_index("horizon").sort_index()
    config = subject.config
    if is_chained(subject):
        walked = Comparison(then.panel).run(config).predictions
        said = walked[walked["date"] == day].set_index("horizon")
    else:
        studies = Studies(then.panel)
        rows = {}
        for horizon in config.labels.horizons:
            study = Study(config, bundle.baskets, horizon)
            served = serve_last(
                build_classifier(config, horizon),
                studies.features(study),
                studies.target(study),
                splits_of(study),
            )
            rows[horizon] = served.proba.iloc[-1]
        said = pd.DataFrame(rows).T.rename_axis("horizon")
    record = version.walk_forward
    of_day = record[record["date"] == day]
    late = (of_day["fitted_on"] >= day).any() or of_day.empty
    basis = "a fit that was not made before it" if late else Basis.WALK_FORWARD.value
    return said.assign(basis=basis).sort_index()[[*REGIMES, "basis"]]


def _calls(subject: Subject, then: Made, day: pd.Timestamp) -> Compared:
    """The call of a day, from the probabilities up to it and what else was known."""
    bundle = subject.version.bundle
    said = subject.said.loc[subject.said["date"] <= day, COLUMNS]
    nothing = subject.published["ledger"].iloc[:0]
    again = calls_of(said, bundle, then.panel, nothing)
    return compared(again.loc[[day]], subject.calls.loc[[day]])


def findings(done: Sequence[Replayed]) -> list[Finding]:
    """One for each part: what was compared, and what is not as it was."""
    faults = [one for one in done if one.fault]
    found = []
    for part in PARTS:
        counts: Counter[str] = Counter()
        largest, first = 0.0, ""
        for one in done:
            if part in one.parts:
                told = one.parts[part]
                counts.update(days=1, cells=told.cells, different=told.different)
                largest = float(np.nanmax([largest, told.largest]))
                first = first or told.first
        holds = not faults and counts["cells"] > 0 and not counts["different"]
        words = f"{counts['cells']:,} values of {counts['days']:,} days"
        if holds:
            words += ", all as they were"
        elif faults:
            words = faults[0].fault
        else:
            words += (
                f", {counts['different']:,} not as they were ({first}): what came later is in them"
                if counts["cells"]
                else ": nothing was compared"
            )
        told_counts = {**counts, "largest": largest}
        found.append(Finding("replay", part, holds, words, told_counts))
    return found


def _spread(days: Sequence[pd.Timestamp], number: int) -> list[pd.Timestamp]:
    at = np.linspace(0, len(days) - 1, min(number, len(days))).astype(int)
    return [days[one] for one in at]

"""The books: whether what was published is what its model says of what was known, and no more.

What was published is made again, every row of it; the walk-forward behind it is walked again;
and what every fit learned from is counted against what was confirmed when it was made.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from regime.audit.comparing import TOLERANCE, Compared, compared
from regime.audit.subject import Subject
from regime.audit.walks import watched
from regime.data.as_of import panel_as_of
from regime.data.baskets import spliced_lead
from regime.data.panel import digest
from regime.experiment import Comparison, call_conditions
from regime.scoring import Basis
from regime.service.overlay import as_scores, overlaid
from regime.taxonomy import REGIMES
from regime.tracking.anchors import anchors, given_up
from regime.tracking.ledger import Ledger
from regime.tracking.published import NAME, load_features, load_signal_history
from regime.tracking.results import goal_of
from regime.tracking.trials import Finding, check_bookkeeping

MOST_DAYS = 250  # of the ledger whose panel is made again: each is a read of the store
_HISTORY = {Basis.WALK_FORWARD.value, Basis.OUT_OF_SAMPLE.value, Basis.LIVE.value, Basis.LATE.value}


class Walk:
    """The version's experiment walked again up to the end of its training.

    Attributes
    ----------
    result : `ExperimentResult`
    pieces : what its fits were given, of `walks.watched`
    fits : DataFrame of the result: what each fit records of itself
    """

    def __init__(self, subject: Subject) -> None:
        until = subject.version.bundle.trained_until
        self.comparison = Comparison(subject.made.panel.loc[:until])
        self.pieces = watched(self.comparison)
        self.result = self.comparison.run(subject.config)
        self.fits = self.result.fits


def books(
    subject: Subject, walk: Walk, on_step: Callable[[], None] = lambda: None
) -> Iterator[Finding]:
    """Every finding of the books, one by one."""
    yield from walked(subject, walk)
    on_step()
    yield from published(subject)
    yield footing(subject)
    yield ledger(subject)
    on_step()


def published(subject: Subject) -> Iterator[Finding]:
    """Every row of every frame that is shown, made again from the store."""
    made, bundle = subject.made, subject.version.bundle
    folder = goal_of(subject.settings.published / NAME)
    shown = subject.published
    lead = spliced_lead(made.panel, bundle.baskets)
    expected = overlaid(subject.said, as_scores(_of_ledger(subject)))
    names = [*made.features.columns]
    signals = made.signals.loc[:, made.signals.notna().any()]
    kept = signals.astype(np.float32).astype(np.float64)  # a file has them in half the bytes
    pairs = {
        "scores": (_by_day(shown["scores"]), _by_day(expected)),
        "labels": (shown["labels"].set_index("date"), made.path),
        "leads": (shown["leads"].set_index("date"), lead),
        "conditions": (
            shown["conditions"].set_index("date"),
            call_conditions(made.panel, bundle.baskets),
        ),
        "features": (load_features(folder, names), made.features),
    }
    if (folder / "signals.parquet").exists():
        shown_signals = load_signal_history(folder, [*signals.columns]).astype(np.float64)
        pairs["signals"] = (shown_signals, kept)
    same_panel = subject.published["about"]["panel_digest"] == digest(made.panel)
    words = "is what the store knew then" if same_panel else (
        "is not what the store knew then. Was it changed past the program? `regime store verify`"
    )  # fmt: skip
    yield Finding("books", "published panel", same_panel, f"the panel behind it {words}")
    for name, (then, now) in pairs.items():
        tolerance = TOLERANCE if name == "scores" else 0.0
        told = compared(then, now, tolerance=tolerance)
        yield _finding(f"published {name}", told, "Run `regime score` and audit again.")


def footing(subject: Subject) -> Finding:
    """No row that is shown or kept as history is of a day its model was trained on."""
    shown, record = subject.published["scores"], subject.version.walk_forward
    trained_until = pd.to_datetime(shown["trained_until"])
    outside = ~shown["basis"].isin(_HISTORY)
    own = shown["model_version"].astype(str).eq(subject.version.number)
    seen = own & (shown["date"] <= trained_until) & (shown["basis"] == Basis.OUT_OF_SAMPLE.value)
    late = record["fitted_on"] >= record["date"]
    counts = {
        "rows": len(shown) + len(record),
        "in_sample": int((outside | seen).sum()),
        "fitted_on_the_day_or_later": int(late.sum()),
    }
    bad = counts["in_sample"] + counts["fitted_on_the_day_or_later"]
    words = f"{counts['rows']:,} rows, each said by a fit that was made before its day"
    if bad:
        words = (
            f"{counts['in_sample']:,} rows of days that the model was trained on are shown as "
            f"history, {counts['fitted_on_the_day_or_later']:,} were said by a fit of the day or "
            "later. Look at regime/scoring.py."
        )
    return Finding("books", "footing", not bad, words, counts)


def ledger(subject: Subject) -> Finding:
    """The chain holds, and each row names the panel that the store knew when it was published."""
    rows = Ledger(subject.store).read(newest_only=False)
    faults = Ledger(subject.store).faults(anchors(subject.settings))
    gone = given_up(subject.settings)
    pairs = rows.drop_duplicates(["date", "known_at", "panel_digest"]).tail(MOST_DAYS)
    other = []
    for row in pairs.to_dict("records"):
        panel = panel_as_of(subject.store, row["known_at"]).loc[: row["date"]]
        if digest(panel) != row["panel_digest"]:
            other.append(f"{row['date']:%Y-%m-%d}")
    counts = {
        "rows": len(rows), "panels": len(pairs), "faults": len(faults), "other": len(other),
        "given_up": len(gone),
    }  # fmt: skip
    words = f"{len(rows):,} rows, chain unbroken; {len(pairs):,} panels made again"
    words = "; ".join([words, *map(str, gone)])
    if faults:
        words = faults[0]
    elif other:
        words = (
            f"the panel of {', '.join(other[:3])} is not the one the ledger names: something in "
            "the store was changed, or is read another way by this program"
        )
    return Finding("books", "ledger", not faults and not other, words, counts)


def walked(subject: Subject, walk: Walk) -> Iterator[Finding]:
    """What each fit of the experiment was given, and whether the record is what they said."""
    yield check_bookkeeping(walk.result, walk.comparison.studies, walk.pieces)
    record = _by_day(subject.version.walk_forward)
    told = compared(record, _by_day(walk.result.predictions), tolerance=TOLERANCE)
    remedy = "Another program, library or store made it: run `regime retrain` and promote that."
    yield _finding("walk-forward in service", told, remedy)


def _finding(about: str, told: Compared, remedy: str) -> Finding:
    counts = {"cells": told.cells, "different": told.different, "largest": told.largest}
    words = f"{told.cells:,} values, all as they are made from the store"
    if told.different:
        words = f"{told.different:,} of {told.cells:,} values differ ({told.first}). {remedy}"
    return Finding("books", about, not told.different, words, counts)


def _of_ledger(subject: Subject) -> pd.DataFrame:
    """What was published of each day by the moment that is audited."""
    rows = Ledger(subject.store).read(baskets=subject.version.bundle.baskets)
    return rows[rows["published_at"] <= subject.moment.ceil("s")]


def _by_day(rows: pd.DataFrame) -> pd.DataFrame:
    wanted = [*REGIMES, *(name for name in ("basis", "fitted_on") if name in rows)]
    return rows.set_index(["date", "horizon"]).sort_index()[wanted]

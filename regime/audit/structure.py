"""What no replay of the store can show, read off how series and models are made."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from regime.audit.subject import Subject
from regime.data.catalog import CATALOG, Basis
from regime.data.store import ObservationStore
from regime.models.assembly import build_classifier
from regime.tracking.trials import Finding

MACRO = ("fred_daily", "fred_weekly", "fred_monthly")  # tables of what is revised
COVERAGE, BREADTH = "members_coverage", "sp500_breadth_daily"
_ROWS = 1000  # of a rehearsed training set


def structure(subject: Subject, fits: pd.DataFrame) -> Iterator[Finding]:
    """Every structural finding.

    Parameters
    ----------
    fits : of `ExperimentResult`, of the version's experiment walked again
    """
    read = subject.version.bundle.series_read()
    yield known_after(subject.store)
    yield vintages(subject.store, read)
    yield members(subject.store, read)
    yield calibration(subject.version.bundle.config)
    yield states(fits)


def known_after(store: ObservationStore) -> Finding:
    """No value is known before its period is over, or before its publisher's lag has passed."""
    rows = store.read()
    known = rows["known_at"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    early = rows[known < rows["period"] + pd.Timedelta(hours=9)]  # the markets open after it
    names = early["series"].astype(str).unique()
    words = f"{len(rows):,} values, none known before its day"
    if len(early):
        words = (
            f"{len(early):,} of {len(rows):,} values are known before their period is over, first "
            f"of {names[0]}: their lag is missing."
        )
    counts = {"values": len(rows), "early": len(early)}
    return Finding("structure", "release lags", early.empty, words, counts)


def vintages(store: ObservationStore, read: tuple[str, ...]) -> Finding:
    """What is revised is read in the revision of its day, or not at all."""
    stored = {*store.series()}
    of_macro = [name for name in read if name in stored and CATALOG[name].table in MACRO]
    revised = [name for name in of_macro if CATALOG[name].basis is Basis.REVISED]
    dated = [name for name in of_macro if CATALOG[name].basis is Basis.VINTAGE]
    latest = []
    if dated:
        rows = store.read(None, dated)
        several = rows.groupby("series", observed=True)["period"].apply(
            lambda periods: periods.duplicated().any()
        )
        latest = [name for name in dated if not several.get(name, False)]
    bad = [*revised, *latest]
    words = f"{len(of_macro)} macro series read, {len(dated)} of them by vintage, none as revised"
    if bad:
        words = (
            f"{', '.join(bad)} {'are' if len(bad) > 1 else 'is'} read in the latest revision, "
            "which nobody had at the time. Fetch vintages (REGIME_FRED_KEY), or read others."
        )
    counts = {"macro": len(of_macro), "vintage": len(dated), "revised": len(bad)}
    return Finding("structure", "vintages", not bad, words, counts)


def members(store: ObservationStore, read: tuple[str, ...]) -> Finding:
    """Breadth is of the members of each day: some of those who have left have no price."""
    breadth = [name for name in read if CATALOG[name].table == BREADTH and name != COVERAGE]
    if not breadth or not {*breadth} & {*store.series()}:
        return Finding("structure", "members", True, "no breadth over members is read", {})
    coverage = store.read(None, [COVERAGE]) if COVERAGE in store.series() else None
    if coverage is None or coverage.empty:
        words = (
            f"{', '.join(breadth)} is read, but {COVERAGE} is not stored: of whose members it is "
            "cannot be told. Give the column coverage beside it."
        )
        return Finding("structure", "members", False, words, {"breadth": len(breadth)})
    covered = float(coverage["value"].mean())
    holds = covered < 1.0
    words = f"breadth of the members of each day; on average {covered:.0%} of them had a price"
    if not holds:
        words = "every member had a price on every day: these are today's members in the past"
    return Finding("structure", "members", holds, words, {"coverage": covered})


def calibration(config: Any) -> Finding:
    """What a model is calibrated on comes after, and apart from, what it learned from."""
    splits = []
    for one in config.members or [config]:
        for horizon in config.labels.horizons:
            splits += [*_splitters(build_classifier(one, horizon))]
    X, rng = np.zeros((_ROWS, 1)), np.random.default_rng(0)
    y = np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, _ROWS)]
    bad = 0
    for splitter in splits:
        for learned, calibrated in splitter.split(X, y):
            bad += int(len(learned) == 0 or max(learned) >= min(calibrated))
    words = f"{len(splits)} calibrations, each on rows after those its model learned from"
    if not splits:
        words = "nothing is calibrated on rows of its own"
    if bad:
        words = f"{bad} calibrations on rows that the model had learned from, or before them"
    return Finding("structure", "calibration", not bad, words, {"splits": len(splits), "bad": bad})


def _splitters(model: Any) -> Iterator[Any]:
    """Every cross-validation splitter inside an estimator."""
    for name, value in model.get_params(deep=True).items():
        if name.rpartition("__")[2] == "cv" and value is not None:
            if not hasattr(value, "split"):
                from sklearn.model_selection import check_cv

                value = check_cv(value, classifier=True)
            yield value


def states(fits: pd.DataFrame) -> Finding:
    """Hidden states keep their names from fit to fit."""
    if "n_states" not in fits:
        return Finding("structure", "state names", True, "the model has no hidden states", {})
    later = fits.sort_values("fitted_on")
    later = later[later.duplicated("horizon")]  # every fit of a horizon but its first
    unmatched = (
        len(later) if "match_overlap" not in later else int(later["match_overlap"].isna().sum())
    )
    words = f"{len(later):,} refits, the states of each matched with those of the fit before"
    if unmatched:
        words = (
            f"{unmatched:,} of {len(later):,} refits number their states anew: a state of one "
            "fit is another of the next"
        )
    counts = {"refits": len(later), "unmatched": unmatched}
    return Finding("structure", "state names", not unmatched, words, counts)

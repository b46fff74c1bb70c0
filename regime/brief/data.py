"""What is stored of every series, how new it should be, and who needs it."""

import itertools
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa
from pandas.tseries.holiday import USFederalHolidayCalendar

from regime.data import baskets as basket_sets
from regime.data import declared as publishers
from regime.data.calendar import trading_days
from regime.data.catalog import CATALOG, Basis, Frequency, Series
from regime.data.checks.freshness import Age, dated_by_closes, freshness
from regime.data.database import schema
from regime.data.database.encoding import day_numbers, days, second, utc
from regime.data.database.writing import names_in
from regime.data.store import ObservationStore
from regime.tracking.wording import day_words

Days = npt.NDArray[np.int64]  # since 1970-01-01

COLUMNS = [
    "state", "needed", "series", "title", "newest_period", "expected_period", "age_days", "gaps",
    "longest_gap", "quarantined", "first_period", "frequency", "unit", "known", "basis",
    "publisher", "sources", "fetched_at",
]  # fmt: skip
BASKETS, MODEL, SHOWN, NOBODY = "baskets", "model", "signals", ""  # who needs a series
BASES = {
    Basis.PUBLISHED: "as first published",
    Basis.VINTAGE: "every vintage",
    Basis.REVISED: "latest revision",
    Basis.RECONSTRUCTED: "computed later",
}
# Modules of `regime.data.declared` that readers know by another name than the module's own.
_CALLED = {
    "fred": "FRED", "french": "Ken French", "funds": "fund prices", "shiller": "Robert Shiller",
    "breadth": "S&P 500 members", "sec": "SEC", "cftc": "CFTC", "ici": "ICI",
    "holdings": "fund issuers", "finra": "FINRA", "filers": "SEC, all companies",
    "own": "your own tables",
}  # fmt: skip
PUBLISHERS = {  # by series
    one.id: _CALLED.get(module.name, module.name)
    for module in pkgutil.iter_modules(publishers.__path__)
    for one in import_module(f"{publishers.__name__}.{module.name}").SERIES
}
_STEPS = {  # days
    Frequency.WEEKLY: 7, Frequency.TWICE_MONTHLY: 15.22, Frequency.MONTHLY: 30.44,
    Frequency.QUARTERLY: 91.3, Frequency.YEARLY: 365.25,
}  # fmt: skip
_BEHIND = {BASKETS: 0, MODEL: 1, SHOWN: 2, NOBODY: 3}
_WORST = {Age.MISSING: 0, Age.LATE: 1, Age.FRESH: 2}
_MOST = 4  # names in a sentence


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a store held at a moment.

    Attributes
    ----------
    series : DataFrame indexed by series: `first_period`, `newest_period`; `gaps` and
        `longest_gap`, of `gaps_of`; `fetched_at` (UTC, the newest fetch that asked for it) and
        `sources` (several joined by commas)
    quarantined : DataFrame of `ObservationStore.quarantined`
    fetches : DataFrame of `ObservationStore.fetches`
    """

    series: pd.DataFrame
    quarantined: pd.DataFrame
    fetches: pd.DataFrame


def holdings(store: ObservationStore, until: pd.Timestamp | None = None) -> Holdings:
    """What is stored or, with a moment (UTC), what of it was known then; reads only.

    Raises
    ------
    StoreError
        If nothing is stored, or the store cannot be read.
    """
    of, fetch = schema.OBSERVATION.c, schema.FETCH.c
    query = sa.select(of.series, of.period)
    asked = sa.select(
        fetch.series, fetch.source, sa.func.max(fetch.fetched_at).label("at")
    ).group_by(fetch.series, fetch.source)
    if until is not None:
        moment = second(until, "until", up=False)
        query, asked = query.where(of.seen_at <= moment), asked.where(fetch.fetched_at <= moment)
    with store.reading() as connection:
        rows = store.database.many_rows(connection, query.order_by(of.series, of.period))
        told = connection.execute(asked).all()
        names, sourced = (
            {at: name for name, at in names_in(connection, table).items()}
            for table in (schema.SERIES, schema.SOURCE)
        )
    edges = np.flatnonzero(np.diff(rows["series"], prepend=-1, append=-1))
    found = {}
    for start, end in itertools.pairwise(edges):
        name = names[int(rows["series"][start])]
        periods = np.unique(rows["period"][start:end].astype(np.int64))
        found[name] = (periods[0], periods[-1], *gaps_of(name, periods))
    table = pd.DataFrame.from_dict(
        found, orient="index", columns=["first_period", "newest_period", "gaps", "longest_gap"]
    )
    for column in ("first_period", "newest_period"):
        table[column] = days(table[column].to_numpy(dtype=np.int64))
    at: dict[str, int] = {}
    by: dict[str, list[str]] = {}
    for series, source, moment in told:
        name = names.get(series, "")
        at[name] = max(moment, at.get(name, 0))
        by.setdefault(name, []).append(sourced[source])
    known = [at.get(name, 0) for name in table.index]
    moments = pd.Series(utc(np.array(known, dtype=np.int64)), table.index)
    table["fetched_at"] = moments.where(np.array(known) > 0)
    table["sources"] = [", ".join(sorted(by.get(name, []))) for name in table.index]
    table = table.astype({"gaps": "Int64", "longest_gap": "Int64"}).rename_axis("series")
    doubted, fetches = store.quarantined(), store.fetches()
    if until is not None:
        doubted = doubted[doubted["fetched_at"] <= until]
        fetches = fetches[fetches["fetched_at"] <= until]
    return Holdings(table, doubted, fetches)


def gaps_of(name: str, periods: Days) -> tuple[int | None, int | None]:
    """How many periods lack between the first and the last, and most of them in a row.

    Of daily series sessions, of an office those on which banks open; of others weeks, months,
    quarters or years. None of an event, which happens when it happens.

    Parameters
    ----------
    periods : days since 1970-01-01, ascending, each once
    """
    series = CATALOG.get(name)
    if series is None or series.frequency is Frequency.EVENT:
        return None, None
    if series.frequency is not Frequency.DAILY:
        lacking = np.rint(np.diff(periods) / _STEPS[series.frequency]).astype(np.int64) - 1
        lacking = lacking[lacking > 0]
        return int(lacking.sum()), int(lacking.max(initial=0))
    first, last = (pd.Timestamp(int(one), unit="D") for one in (periods[0], periods[-1]))
    sessions = trading_days(first, last)
    if series.lag > 0:
        sessions = sessions.difference(_bank_holidays(first.year, last.year))
    absent = ~np.isin(day_numbers(sessions.to_series()), periods)
    # Sessions in a row without a value lie between two edges of the flags.
    edges = np.flatnonzero(np.diff(absent.astype(np.int8), prepend=0, append=0))
    runs = edges[1::2] - edges[::2]
    return int(absent.sum()), int(runs.max(initial=0))


@lru_cache(maxsize=64)
def _bank_holidays(first: int, last: int) -> pd.DatetimeIndex:
    found = USFederalHolidayCalendar().holidays(
        pd.Timestamp(first, 1, 1), pd.Timestamp(last, 12, 31)
    )
    return pd.DatetimeIndex(found)


def needs(about: Mapping[str, Any]) -> dict[str, str]:
    """Who needs a series, by its id: the baskets before the model before what is only shown."""
    declared = about.get("features") or []
    found = {name: SHOWN for one in declared for name in one["series"]}
    found |= {name: MODEL for one in declared if one["read"] for name in one["series"]}
    return found | dict.fromkeys(basket_sets.get(str(about["baskets"])).series, BASKETS)


def catalogue(held: Holdings, about: Mapping[str, Any], now: pd.Timestamp) -> pd.DataFrame:
    """Every series that is stored or needed, those in trouble first.

    Parameters
    ----------
    about : of the snapshot: `baskets` and the declared `features`
    now : the moment against which freshness is told (UTC)

    Returns
    -------
    DataFrame with `COLUMNS`
        `state`: fresh, late or missing, of `checks.freshness`. `needed`: `BASKETS`, `MODEL`,
        `SHOWN` (Signals draws it) or `NOBODY`. `gaps` and `longest_gap`: in periods; missing for
        events. `quarantined`: values that wait. Where the total return of a fund is made of its
        closes, their dates and gaps stand for it.
    """
    needed = needs(about)
    newest = dated_by_closes(
        {str(name): last for name, last in held.series["newest_period"].items()}
    )
    names = [one for one in CATALOG if one in newest or one in needed]
    table = freshness({name: newest.get(name) for name in names}, now).set_index("series")
    stands = [f"{name}_close" if name not in held.series.index else name for name in names]
    kept = ["first_period", "gaps", "longest_gap", "fetched_at", "sources"]
    table = table.join(held.series[kept].reindex(stands).set_axis(names))
    waiting = held.quarantined["series"].value_counts()
    table = table.assign(
        needed=[needed.get(name, NOBODY) for name in names],
        title=[CATALOG[name].title for name in names],
        frequency=[CATALOG[name].frequency.value for name in names],
        unit=[CATALOG[name].unit.value for name in names],
        known=[known_words(CATALOG[name]) for name in names],
        basis=[BASES[CATALOG[name].basis] for name in names],
        publisher=[PUBLISHERS[name] for name in names],
        quarantined=waiting.reindex(names).fillna(0).astype("int64").to_numpy(),
        sources=table["sources"].fillna("").astype(str),
    )
    table = table.rename_axis("series").reset_index()
    order = pd.DataFrame(
        {
            "well": table["state"] == Age.FRESH,
            "need": table["needed"].map(_BEHIND),
            "state": table["state"].map(_WORST),
            "series": table["series"],
        }
    )
    worst_first = order.sort_values(["well", "need", "state", "series"]).index
    return table.reindex(worst_first)[COLUMNS].reset_index(drop=True)


def known_words(series: Series) -> str:
    """When a value is known, as a reader says it."""
    if series.lags_in_sessions:
        late = f"{series.lag} session{'' if series.lag == 1 else 's'} later"
        return late if series.lag else "at the close"
    return f"{series.lag} days later"


def verdict(table: pd.DataFrame, now: pd.Timestamp) -> tuple[bool, str]:
    """Whether all that baskets and model need is as new as it should be, and a sentence of it."""
    counts = table[table["needed"].isin([BASKETS, MODEL])]
    behind = counts[counts["state"] != Age.FRESH]
    there = now.tz_convert("America/New_York")
    when = f"by {there:%H:%M} on {day_words(there)} in New York"
    if behind.empty:
        return True, (
            f"All {len(counts)} series that the baskets and the model need are as new as their "
            f"publishers promise {when}."
        )
    told = [
        f"{name} {f'ends on {day_words(newest)}' if pd.notna(newest) else 'has nothing'}"
        + (f", {day_words(due)} is due" if pd.notna(due) else "")
        for name, newest, due in zip(
            behind["series"], behind["newest_period"], behind["expected_period"], strict=True
        )
    ]
    rest = f"; and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return False, (
        f"{len(behind)} of the {len(counts)} series that the baskets and the model need lack what "
        f"is due {when}: {'; '.join(told[:_MOST])}{rest}."
    )


def recent(store: ObservationStore, name: str, until: pd.Timestamp | None = None) -> pd.DataFrame:
    """The values of one series, in the revision known last: `period`, `value`, `known_at` (UTC)."""
    rows = store.read(until, [name])
    newest = rows.drop_duplicates("period", keep="last")
    return newest[["period", "value", "known_at"]].reset_index(drop=True)

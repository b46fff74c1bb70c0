"""The table of signals: where each stands, how unusual that is, and who led at such times.

A signal is a declaration and a column. The declaration is a mapping with `name` (the column),
`family`, `unit`, `why` (one sentence) and `series` (what it is made of), and where it has them
`title`, `question`, `source`, `lean` (the regime it is said to favour), `lag` and `trap` (words).
More signals are more declarations; nothing here knows any of them by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.brief.signal_words import (
    NOT_KNOWN,
    question_of,
    reading,
    reasons,
    short,
    source_of,
    supply,
    title_of,
)
from regime.taxonomy import REGIMES
from regime.tracking.wording import day_words

WINDOW = 5040  # sessions: twenty years
ENOUGH = 252  # earlier values, below which a percentile says nothing
SPANS = (21, 63)  # sessions over which changes are told
EPISODES = 10  # below which nobody can tell what a signal favours
# Standard errors above the usual share. One of three regimes gets so far by chance alone about
# once in forty signals that favour nothing.
CHANCE = 2.4
KNOWN, LATE, MISSING = "known", "late", "missing"
UNTOLD = "cannot be told"
THIRDS = ("lowest", "middle", "highest")
SIGNALS = [
    "name", "title", "family", "question", "why", "unit", "read", "state", "value", "known",
    "stale", "unchanged", "last", "percentile", "window_from", "change_21", "change_63", "third",
    "favours", "share", "usual", "episodes", "series", "source", "lag", "trap", "lean", "remedy",
]  # fmt: skip
LEADERS = ["third", "above", "up_to", "days", "episodes", *REGIMES, "favours"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def signal_table(
    declarations: Sequence[Mapping[str, Any]],
    frame: pd.DataFrame,
    labels: pd.DataFrame,
    day: pd.Timestamp,
) -> pd.DataFrame:
    """A row per declaration, in their order; nothing that came after `day` is read.

    Parameters
    ----------
    declarations : as above
    frame : `date`, ascending trading days, and a column per signal; one may be missing
    labels : `date`, `regime` and `confirmed_on`, hindsight as it looked on `day`
    day : the close that is looked at

    Returns
    -------
    DataFrame with the columns `SIGNALS`
        `value` is that of `day` itself, NaN if it is not known then, and so are percentile and
        changes. `last` is the newest value and `known` its day (NaT: there never was one),
        `stale` the sessions since then and `unchanged` those since it was another. `percentile`
        is the share of the `WINDOW` sessions before with a lower value, from `window_from` on,
        NaN with fewer than `ENOUGH` of them. `third` is where the value stands among those of
        confirmed days, and `favours` who led in that third, as `leaders` has it ("": cannot be
        told), with `share` of its days, the `usual` share of all, and `episodes`. `state` is
        `KNOWN`, `LATE` or `MISSING`, and `remedy` says what to do about it.
    """
    frame = frame[frame["date"] <= day]
    dates, names = pd.DatetimeIndex(frame["date"]), [str(one["name"]) for one in declarations]
    values = frame.reindex(columns=names).to_numpy(dtype=np.float64)
    if not len(dates) or dates[-1] != day:  # a day that has no row is a day nothing is known of
        dates = pd.DatetimeIndex([*dates, day])
        values = np.vstack([values, np.full(len(names), np.nan)])
    words = pd.DataFrame(
        {
            "name": names,
            "title": [title_of(one) for one in declarations],
            "family": [str(one["family"]) for one in declarations],
            "question": [question_of(one) for one in declarations],
            "why": reasons(declarations),
            "unit": [str(one["unit"]) for one in declarations],
            "read": [bool(one.get("read", False)) for one in declarations],
            "series": [", ".join(map(str, one.get("series", ()))) for one in declarations],
            "source": [source_of(one) for one in declarations],
            **{key: [str(one.get(key, "")) for one in declarations]
               for key in ("lag", "trap", "lean")},
        }
    )  # fmt: skip
    table = pd.concat([words, _now(values, dates), _favoured(values, dates, labels, day)], axis=1)
    table["remedy"] = [
        _remedy(row, one.get("series", ()))
        for row, one in zip(table.to_dict("records"), declarations, strict=True)
    ]
    return table[SIGNALS]


def _now(values: FloatArray, dates: pd.DatetimeIndex) -> pd.DataFrame:
    known, now = ~np.isnan(values), values[-1]
    ever = known.any(axis=0)
    newest = len(values) - 1 - known[::-1].argmax(axis=0)
    last = np.where(ever, values[newest, np.arange(values.shape[1])], np.nan)
    # A missing value is no other value.
    other = known & (values != last)
    moved = len(values) - other[::-1].argmax(axis=0)  # the row after the newest other value
    moved = np.where(other.any(axis=0), moved, known.argmax(axis=0))
    window = values[-WINDOW - 1 : -1]
    before = (~np.isnan(window)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        percentile = (window < now).sum(axis=0) / before
    first = len(values) - 1 - len(window) + (~np.isnan(window)).argmax(axis=0)
    percentile[(before < ENOUGH) | np.isnan(now)] = np.nan
    end = len(values) - 1
    sessions = {"stale": end - newest, "unchanged": end - moved}
    changes = {
        f"change_{days}": now - (values[-1 - days] if len(values) > days else np.nan)
        for days in SPANS
    }
    return pd.DataFrame(
        {
            "state": np.where(~ever, MISSING, np.where(np.isnan(now), LATE, KNOWN)),
            "value": now,
            "known": dates[newest].where(ever),
            **{name: np.where(ever, count, np.nan) for name, count in sessions.items()},
            "last": last,
            "percentile": percentile,
            "window_from": dates[np.minimum(first, end)].where(before > 0),
            **changes,
        }
    )


def _remedy(row: Mapping[Any, Any], series: Sequence[str]) -> str:
    if row["state"] == KNOWN:
        return ""
    if row["state"] == MISSING:
        return f"There has never been a value. {supply(series)}"
    sessions = "session" if row["stale"] == 1 else "sessions"
    return (
        f"Not known since {day_words(row['known'])}, {row['stale']:,.0f} {sessions} ago, when it "
        f"was {reading(row['unit']).said(row['last'])}. {supply(series)}"
    )


# Who led when it stood where it stands ------------------------------------------------


def leaders(values: "pd.Series[float]", labels: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Who led, told in hindsight, when a signal stood in each third of its confirmed days.

    A regime is favoured in a third if its share of the third's days exceeds its share of all
    confirmed days by `CHANCE` standard errors, and the third met `EPISODES` of them or more.
    Days of one episode are one case: the error is that of as many independent cases as there
    are episodes, each weighed by its days in the third. Levels of the thirds are told from the
    whole of confirmed history, so this describes; it predicts nothing.

    Parameters
    ----------
    values : indexed by trading day
    labels : `date`, `regime` and `confirmed_on`, hindsight as it looked on `day`

    Returns
    -------
    DataFrame with the columns `LEADERS`, a row per third
        Values in it are `above` one level and `up_to` another; `days` and `episodes` in it,
        the share of each regime, and `favours` ("": cannot be told).
    """
    path = _confirmed(labels, day)
    days = pd.DatetimeIndex(path["date"])
    column = values.reindex(days).to_frame().to_numpy(dtype=np.float64)
    limits = _limits(column)[:, 0]
    masks = np.hstack([_between(column, *limits[third : third + 2]) for third in range(3)])
    told = _who_led(masks, path)
    told = told.assign(third=list(THIRDS), above=limits[:3], up_to=limits[1:])
    seen = column[~np.isnan(column)]
    if len(seen):
        told.loc[0, "above"], told.loc[2, "up_to"] = seen.min(), seen.max()
    return told[LEADERS]


def _favoured(
    values: FloatArray, dates: pd.DatetimeIndex, labels: pd.DataFrame, day: pd.Timestamp
) -> pd.DataFrame:
    path = _confirmed(labels, day)
    rows = dates.get_indexer(pd.DatetimeIndex(path["date"]))
    past = np.array(values.take(rows, axis=0), dtype=np.float64)
    past[rows < 0] = np.nan
    limits, now = _limits(past), values[-1]
    with np.errstate(invalid="ignore"):
        third = np.where(now <= limits[1], 0, np.where(now <= limits[2], 1, 2))
    of = np.arange(len(third))
    told = _who_led(_between(past, limits[third, of], limits[third + 1, of]), path)
    known = ~np.isnan(now) & ~np.isnan(limits[1])
    place = [REGIMES.index(one) if one else 0 for one in told["favours"]]
    named = known & (told["favours"] != "").to_numpy()
    shares = told[list(REGIMES)].to_numpy(dtype=np.float64)[of, place]
    return pd.DataFrame(
        {
            "third": np.where(known, np.array(THIRDS)[third], ""),
            "favours": told["favours"].where(named, ""),
            "share": np.where(named, shares, np.nan),
            "usual": np.where(named, _usual(path)[place], np.nan),
            "episodes": told["episodes"].where(known, 0).astype(np.int64),
        }
    )


def _confirmed(labels: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    return labels[labels["confirmed_on"] <= day].reset_index(drop=True)


def _limits(past: FloatArray) -> FloatArray:
    """Four per column: minus infinity, the two between the thirds, infinity."""
    found = np.full((4, past.shape[1]), np.nan)
    for place, column in enumerate(past.T):
        if len(seen := column[~np.isnan(column)]):
            found[1:3, place] = np.quantile(seen, [1 / 3, 2 / 3])
    found[0], found[3] = -np.inf, np.inf
    return found


def _between(past: FloatArray, above: Any, up_to: Any) -> BoolArray:
    with np.errstate(invalid="ignore"):
        return np.asarray((past > above) & (past <= up_to), dtype=np.bool_)


def _led(path: pd.DataFrame) -> FloatArray:
    return np.stack([(path["regime"] == one).to_numpy(dtype=np.float64) for one in REGIMES])


def _usual(path: pd.DataFrame) -> FloatArray:
    share: FloatArray = _led(path).sum(axis=1) / max(len(path), 1)
    return share


def _who_led(masks: BoolArray, path: pd.DataFrame) -> pd.DataFrame:
    """Of the days in each column of `masks`: how many, of how many episodes, and who led."""
    days = masks.sum(axis=0)
    if not len(path):
        none = pd.DataFrame({"days": days, "episodes": 0}).assign(**dict.fromkeys(REGIMES, np.nan))
        return none.assign(favours="")
    regime = path["regime"].to_numpy()
    starts = np.flatnonzero(np.r_[True, regime[1:] != regime[:-1]])
    met = np.add.reduceat(masks.astype(np.float64), starts, axis=0)
    episodes = (met > 0).sum(axis=0)
    usual = _usual(path)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (_led(path) @ masks) / days
        cases = met.sum(axis=0) ** 2 / (met**2).sum(axis=0)
        beyond = (shares - usual) / np.sqrt(usual * (1 - usual) / cases)
    beyond = np.nan_to_num(beyond, nan=-np.inf)
    told = (beyond.max(axis=0) > CHANCE) & (episodes >= EPISODES)
    return pd.DataFrame(
        {
            "days": days,
            "episodes": episodes,
            **dict(zip(REGIMES, shares, strict=True)),
            "favours": np.where(told, np.array(REGIMES)[beyond.argmax(axis=0)], ""),
        }
    )


# In words -----------------------------------------------------------------------------


def about_words(row: Mapping[Any, Any]) -> str:
    """The question of a signal and why anyone looks at it, unless its title says that already."""
    why = str(row["why"])
    said = str(row["title"]).lower().startswith(why.rstrip(".").lower())
    return str(row["question"]) if said else f"{row['question']} {why}".strip()


def tied_words(told: pd.DataFrame) -> str:
    """Why a third of `leaders` holds no day; empty if all hold some, or none does."""
    empty = told.loc[told["days"] == 0, "third"].tolist()
    if not empty or len(empty) == len(told):
        return ""
    return (
        f"There is no {' and no '.join(empty)} third: so many days have the very same value that "
        "they cannot be parted in three, and all of them stand in the lower one."
    )


def unit_words(unit: str) -> str:
    """What values are shown in and, where that is not how they are kept, how they are."""
    axis = reading(unit).axis
    return f"Unit: {axis}." if axis == unit else f"Unit: {axis}; in the file: {unit}."


def favours_words(row: Mapping[Any, Any]) -> str:
    """Who led when it stood where it stands, or that this cannot be told."""
    return short(row["favours"]) if row["favours"] else UNTOLD


def favours_sentence(row: Mapping[Any, Any]) -> str:
    """The same at length, with the episodes behind it."""
    if not row["third"]:
        return f"Whom it favours {UNTOLD}: it has no value now, or none on confirmed days."
    where = f"in the {row['third']} third of its confirmed days"
    if not row["favours"]:
        why = (
            f"fewer than {EPISODES} are too few"
            if row["episodes"] < EPISODES
            else "the differences are within what so many episodes could show by chance"
        )
        behind = f"{row['episodes']:,} {'episode' if row['episodes'] == 1 else 'episodes'}"
        return f"It stands {where}. Whom that favours {UNTOLD}: {behind}; {why}."
    return (
        f"It stands {where}. Then the market was {short(row['favours']).lower()} on "
        f"{row['share']:.0%} of days, against {row['usual']:.0%} of all days; "
        f"{row['episodes']:,} episodes. This describes the past and forecasts nothing."
    )


def headline(table: pd.DataFrame, *, edge: float = 0.05) -> str:
    """What there is to say of all signals at once: extremes, and what is not known."""
    known = table[table["state"] == KNOWN]
    ranked = int(known["percentile"].notna().sum())
    high = known["percentile"] >= 1 - edge
    low = known["percentile"] <= edge
    return (
        f"{len(known):,} of {len(table):,} signals are known at this close. Of {ranked:,} with a "
        f"percentile, {int(high.sum()):,} stand in the top {edge:.0%} of their last 20 years and "
        f"{int(low.sum()):,} in the bottom {edge:.0%}."
    )


def most_unusual_first(table: pd.DataFrame) -> pd.DataFrame:
    """By how far the percentile is from the middle; those without one come last."""
    far = (table["percentile"] - 0.5).abs().sort_values(ascending=False, kind="stable")
    return table.loc[far.index]


def unknown(table: pd.DataFrame) -> str:
    """Which signals have no value now; empty if all have one."""
    gone = table[table["state"] != KNOWN]
    if gone.empty:
        return ""
    return f"{NOT_KNOWN.capitalize()} now: {'; '.join(gone['title'])}."

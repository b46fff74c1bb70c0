"""The table of signals: where each stands, how unusual that is, and who led at such times.

A signal is a declaration and a column. The declaration is a mapping with `name` (the column),
`family`, `unit`, `why` (one sentence) and `series` (what it is made of), and where it has them
`needs`, `title`, `topic`, `question`, `source`, `lean` (the regime it is said to favour), `trap`
and `supply` (words). More signals are more declarations; nothing here knows one by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from regime.brief.signal_words import (
    question_of,
    reading,
    reasons,
    short,
    source_of,
    supply,
    title_of,
)
from regime.data.calendar import trading_days
from regime.signals.declared.calendar import CYCLE, TURN
from regime.signals.declared.yours import CROSSED, LEVELS
from regime.signals.favoured import EPISODES, LEVEL
from regime.signals.standing import KNOWN, MISSING
from regime.tracking.wording import day_words

UNTOLD = "cannot be told"
SIGNALS = [
    "name", "title", "topic", "family", "question", "why", "unit", "state", "value",
    "known", "of", "old", "stale", "unchanged", "last", "percentile", "window_from", "change_21",
    "change_63", "extreme", "extreme_on", "extreme_is", "extreme_since", "extreme_from", "third",
    "favours", "share", "usual", "low", "high", "episodes", "lacking", "series", "source", "trap",
    "lean", "supply", "remedy",
]  # fmt: skip


def signal_table(declarations: Sequence[Mapping[str, Any]], numbers: pd.DataFrame) -> pd.DataFrame:
    """A row per declaration, in their order: its words, and where it stands.

    Parameters
    ----------
    declarations : as above
    numbers : DataFrame of `signals.numbers.signal_numbers` of the same signals

    Returns
    -------
    DataFrame with the columns `SIGNALS`; `remedy` says what to do about a signal that is not known
    """
    words = pd.DataFrame(
        {
            "name": [str(one["name"]) for one in declarations],
            "title": [title_of(one) for one in declarations],
            "topic": [str(one.get("topic", "")) for one in declarations],
            "family": [str(one["family"]) for one in declarations],
            "question": [question_of(one) for one in declarations],
            "why": reasons(declarations),
            "unit": [str(one["unit"]) for one in declarations],
            "series": [", ".join(map(str, one.get("series", ()))) for one in declarations],
            "source": [source_of(one) for one in declarations],
            **{key: [str(one.get(key, "")) for one in declarations]
               for key in ("trap", "lean", "supply")},
        }
    )  # fmt: skip
    table = pd.concat([words, numbers.drop(columns="name").reset_index(drop=True)], axis=1)
    table["remedy"] = [
        _remedy(row, one) for row, one in zip(table.to_dict("records"), declarations, strict=True)
    ]
    return table[SIGNALS]


def _remedy(row: Mapping[Any, Any], declaration: Mapping[str, Any]) -> str:
    if row["state"] == KNOWN:
        return ""
    lacking = _names(str(row["lacking"]))
    what = str(declaration.get("supply", "")) or supply(lacking or declaration.get("series", ()))
    if row["state"] == MISSING:
        return f"There has never been a value. {what}"
    sessions = "session" if row["stale"] == 1 else "sessions"
    return (
        f"Not known since {day_words(row['known'])}, {row['stale']:,.0f} {sessions} ago, when it "
        f"was {reading(row['unit']).said(row['last'])}. {what}"
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
        return f"Whom it favours {UNTOLD}: it has no value now, none on confirmed days, or no rank."
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
        f"{row['share']:.0%} of days, against {row['usual']:.0%} of all days: "
        f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f} points more, {LEVEL:.0%} interval, "
        f"{row['episodes']:,} episodes. This describes the past and forecasts nothing."
    )


def extreme_words(row: Mapping[Any, Any]) -> str:
    """The value that was highest or lowest for the longest, its day, and since when; or nothing."""
    if not row["extreme_is"]:
        return ""
    if pd.isna(row["extreme_since"]):
        reach = f"the {row['extreme_is']} on record, since {day_words(row['extreme_from'])}"
    else:
        reach = f"the {row['extreme_is']} since {day_words(row['extreme_since'])}"
    value = reading(row["unit"]).said(row["extreme"])
    return f"{value} on {day_words(row['extreme_on'])}: {reach}"


def most_extreme_first(table: pd.DataFrame) -> pd.DataFrame:
    """Signals with an extreme, by how many days it reaches back; what is on record comes first."""
    told = table[table["extreme_is"] != ""]
    since = told["extreme_since"].fillna(pd.Timestamp("1800-01-01"))
    order = pd.DataFrame({"since": since, "from": told["extreme_from"]})
    return told.loc[order.sort_values(["since", "from"], kind="stable").index]


def missing_words(rows: pd.DataFrame) -> list[str]:
    """What is not known among the signals of one topic, a sentence or two for each remedy."""
    never = rows[rows["state"] == MISSING]
    late = rows[~rows["state"].isin([KNOWN, MISSING])]
    said = []
    for supplied, some in never.groupby("supply", sort=False):
        lacking = dict.fromkeys(one for text in some["lacking"] for one in _names(text))
        what = str(supplied) or supply(list(lacking))
        said.append(f"Never known: {_titles(some['title'])}. {what}")
    for _, some in late.groupby("known", sort=False):
        series = dict.fromkeys(one for text in some["series"] for one in _names(text))
        told = [f"{row['title']} ({reading(row['unit']).said(row['last'])})"
                for row in some.to_dict("records")]  # fmt: skip
        stale = some["stale"].iloc[0]
        sessions = f"{stale:,.0f} session{'' if stale == 1 else 's'}"
        since = day_words(some["known"].iloc[0])
        what = some["supply"].iloc[0] or supply(list(series))
        said.append(f"Not known since {since}, {sessions} ago: {_titles(told)}. {what}")
    return said


def _titles(titles: "Sequence[str] | pd.Series[str]") -> str:
    some = list(titles)
    return "; ".join(some[:2]) + (f" and {len(some) - 2} more" if len(some) > 2 else "")


def _names(text: str) -> list[str]:
    return [one for one in text.split(", ") if one]


def season_words(seasons: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, str]:
    """By topic, what the season did to the lead of small companies on average, and how often."""
    said = {}
    if turn := seasons.get("turn"):
        days = ", ".join(f"{row['place']:+.0f}: {100 * row['lead']:+.2f}" for row in turn)
        said[TURN.title] = (
            "Mean lead of small companies by session, -1 the last of December and +1 the first of "
            f"January, in points: {days}. {turn[-1]['years']:,.0f} years."
        )
    if cycle := seasons.get("cycle"):
        years = ", ".join(
            f"{row['year']:.0f}: {100 * row['lead']:+.1f} in {row['years']:.0f} years"
            for row in cycle
        )
        said[CYCLE.title] = (
            "Mean lead of small companies by year after a presidential election, the second that "
            f"of the midterm, in points: {years}."
        )
    return said


def crossed_words(table: pd.DataFrame) -> str:
    """On which session each watched level was last crossed; "" where none was."""
    said = []
    for row in table.to_dict("records"):
        if row["topic"] == LEVELS.title and row["name"].endswith(CROSSED) and row["state"] == KNOWN:
            back = int(row["value"])
            sessions = trading_days(row["known"] - pd.Timedelta(days=10 + 2 * back), row["known"])
            said.append(f"{row['title'].split(',')[0]} crossed on {day_words(sessions[-1 - back])}")
    return "; ".join(said) + "." * bool(said)


def path_words(labels: pd.DataFrame, day: pd.Timestamp, baskets: str) -> str:
    """Whom hindsight names on a day, since when, and when that turn was confirmed."""
    path = labels[labels["confirmed_on"] <= day]
    if path.empty:
        return "Who leads is not told: no baskets are stored whose path could be followed."
    regime = path["regime"].iloc[-1]
    others = path["regime"] != regime
    first = path[~others].iloc[0] if not others.any() else path.loc[others[::-1].idxmax() :].iloc[1]
    return (
        f"By the {baskets} baskets the market has been {short(regime).lower()} since "
        f"{day_words(first['date'])}; confirmed on {day_words(first['confirmed_on'])}."
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

"""What the History page shows: its stretch of time, and each call beside hindsight."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from regime.brief.snapshot import Snapshot
from regime.labels.leadership import episodes
from regime.scoring import Basis
from regime.taxonomy import REGIMES
from regime.tracking.wording import day_words

PRESETS = {"1y": 1, "3y": 3, "5y": 5, "10y": 10, "All": None}  # years
DEFAULT = "5y"
_ISO = "%Y-%m-%d"
RETURNS = [f"return_{regime}" for regime in REGIMES]


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are shown, both included.

    Attributes
    ----------
    preset : the key of `PRESETS` that gives the same, or None
    """

    since: pd.Timestamp
    until: pd.Timestamp
    preset: str | None

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Its rows of a frame with `date`, as an index."""
        days = frame["date"]
        first, last = days.searchsorted(self.since), days.searchsorted(self.until, side="right")
        return frame.iloc[int(first) : int(last)].set_index("date")


def preset_span(name: str, first: pd.Timestamp, last: pd.Timestamp, said: pd.Timestamp) -> Span:
    """A preset, up to the newest day.

    Parameters
    ----------
    first, last : the days there are
    said : the first with probabilities, from which "All" is: a century before it has none
    """
    years = PRESETS[name]
    since = said if years is None else max(first, last - pd.DateOffset(years=years))
    return Span(since, last, name)


def day_of(told: str) -> pd.Timestamp | None:
    """A day of an address, YYYY-MM-DD; None if it is none."""
    try:
        return pd.Timestamp(datetime.strptime(told, _ISO))
    except ValueError:
        return None


def asked_span(
    since: str | None,
    until: str | None,
    first: pd.Timestamp,
    last: pd.Timestamp,
    said: pd.Timestamp,
) -> tuple[Span, str]:
    """The stretch an address asks for; where it cannot be shown, the default and why.

    Parameters
    ----------
    since, until : as in the address, YYYY-MM-DD; without one, as far as there are days
    first, last, said : as of `preset_span`; what lies beyond the first two is cut off
    """
    default = preset_span(DEFAULT, first, last, said)
    if since is None and until is None:
        return default, ""
    days: list[Any] = []
    for told, otherwise in ((since, default.since), (until, last)):
        day = otherwise if told is None else day_of(told)
        if told is not None and day is None:
            return default, (
                f"The address asks for “{told[:20]}”, which is no date as 2024-07-11 is. "
                "The last 5 years are shown."
            )
        days.append(day)
    asked = f"{day_words(days[0])} to {day_words(days[1])}"
    begins, ends = max(days[0], first), min(days[1], last)
    if begins >= ends:
        return default, (
            f"There is nothing to show from {asked}: there are days from {day_words(first)} to "
            f"{day_words(last)}. The last 5 years of them are shown."
        )
    spans = [preset_span(name, first, last, said) for name in PRESETS]
    same = [one.preset for one in spans if (one.since, one.until) == (begins, ends)]
    return Span(begins, ends, same[0] if same else None), ""


def asked_horizon(told: str | None, horizons: Sequence[int]) -> tuple[int, str]:
    """How far ahead an address asks for, in sessions; where that is not said, the close and why."""
    by_name = {str(one): one for one in horizons}
    if told is None or told in by_name:
        return by_name.get(told or "", horizons[0]), ""
    ahead = ", ".join(by_name)
    return horizons[0], (
        f"The address asks for probabilities “{told[:20]}” sessions later, and there are those of "
        f"{ahead}. The first of them are shown."
    )


def footing(snapshot: Snapshot) -> str:
    """From which day on rows were published, and on what footing those before stand."""
    ledger = snapshot.ledger
    before = (
        "was said by a fit of the model that had not seen it: walk-forward, or after the end of "
        "training."
    )
    if ledger.empty:
        return f"No day up to this one was published live: each {before}"
    first, count = ledger["date"].min(), ledger["date"].nunique()
    scores = snapshot.scores
    late = scores.loc[scores["basis"] == Basis.LATE.value, "date"].nunique()
    afterwards = f", {late:,} of them late or corrected" if late else ""
    days = "day has" if count == 1 else "days have"
    return (
        f"Published live since {day_words(first)}: {count:,} {days} been{afterwards}. Each day "
        f"before {before}"
    )


def stretches(snapshot: Snapshot) -> pd.DataFrame:
    """Each call, from the close it was made at to the close the next one was.

    Returns
    -------
    DataFrame
        `since` and `until` (NaT: it stands), `regime`, `sessions` called, `late`: sessions
        from the first day of the episode that hindsight names to the call, negative where
        the call was first, missing where there is none or it is not confirmed; `words` for
        it; and `RETURNS`: simple returns of the baskets between the two closes.
    """
    calls = snapshot.calls
    begins = np.flatnonzero((calls["regime"] != calls["regime"].shift()).to_numpy())
    ends = np.r_[begins[1:], len(calls)]  # the first session that is not called so any more
    days = calls["date"]
    table = pd.DataFrame(
        {
            "since": days.iloc[begins].to_numpy(),
            "until": days.reindex(ends).to_numpy(),
            "regime": calls["regime"].iloc[begins].to_numpy(),
            "sessions": ends - begins,
        }
    )
    last = days.iloc[ends - 1].to_numpy()
    delays = _delays(table, last, snapshot.labels)
    table["late"] = pd.array([late for late, _ in delays], dtype="Int64")
    table["words"] = [words for _, words in delays]
    earned = _between(snapshot.conditions, table["since"], table["until"].fillna(snapshot.day))
    return table.assign(**earned)


def _delays(
    table: pd.DataFrame, last: "np.ndarray", labels: pd.DataFrame
) -> list[tuple[int | None, str]]:
    """Of each call, how late it was and in words."""
    path = labels.set_index("date")
    found = episodes(path)
    at = path.index.searchsorted
    known = [at(found[name]) for name in ("start", "end")]
    settled = path["confirmed_on"].notna().to_numpy()
    regime = found["regime"].to_numpy()
    named: set[int] = set()
    told: list[tuple[int | None, str]] = []
    begins, finishes = at(table["since"]), at(pd.DatetimeIndex(last))
    for place, called in enumerate(table["regime"]):
        first, end = begins[place], finishes[place]
        meets = (known[0] <= end) & (known[1] >= first) & (regime == called)
        mine = np.flatnonzero(meets)
        if place == 0:
            told.append((None, "called when the record begins"))
        elif not len(mine):
            told.append((None, "hindsight disagrees" if settled[end] else "not settled yet"))
        elif not settled[known[0][mine[0]]]:
            told.append((None, "not settled yet"))
        elif mine[0] in named:
            told.append((None, "called again"))
        else:
            late = int(first - known[0][mine[0]])
            told.append((late, _late(late)))
        named.update(int(one) for one in mine[:1])
    return told


def _late(sessions: int) -> str:
    if sessions == 0:
        return "on the day"
    count = f"{abs(sessions):,} session{'s' if abs(sessions) != 1 else ''}"
    return f"{count} {'late' if sessions > 0 else 'early'}"


def _between(
    conditions: pd.DataFrame, since: "pd.Series[pd.Timestamp]", until: "pd.Series[pd.Timestamp]"
) -> dict[str, np.ndarray]:
    level = conditions[RETURNS].fillna(0.0).cumsum().to_numpy()
    first, last = (conditions["date"].searchsorted(one, side="right") - 1 for one in (since, until))
    earned = np.expm1(level[last] - level[first])
    return {name: earned[:, place] for place, name in enumerate(RETURNS)}


def indexed(conditions: pd.DataFrame) -> pd.DataFrame:
    """Total return of each basket, 100 at the first day shown.

    Parameters
    ----------
    conditions : DataFrame indexed by day with `RETURNS`, daily log returns

    Returns
    -------
    DataFrame indexed by day, one column per regime
    """
    returns = conditions[RETURNS].fillna(0.0).set_axis(list(REGIMES), axis=1)
    grown = returns.cumsum() - returns.iloc[:1].to_numpy()
    return 100 * grown.apply(np.exp)

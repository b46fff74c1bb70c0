"""How far a probability can be relied on: what came of days on which about as much was said."""

from dataclasses import dataclass

import pandas as pd

from regime.brief.signal_words import short
from regime.brief.snapshot import Snapshot
from regime.evaluation.calibration import WhenWeSaid, when_we_said
from regime.scoring import Basis
from regime.taxonomy import REGIMES
from regime.tracking.settled import on_settled_days
from regime.tracking.wording import day_words

FEW = 10  # episodes below which a record is a warning, not a support

_RECORD = {Basis.LIVE, Basis.LATE, Basis.OUT_OF_SAMPLE, Basis.WALK_FORWARD}
_SCALE = (
    (0.97, "nearly certain"),
    (0.85, "very likely"),
    (0.70, "likely"),
    (0.55, "more likely than not"),
    (0.45, "a coin's toss"),
    (0.00, "little better than a guess among three"),
)


@dataclass(frozen=True, slots=True)
class Sure:
    """How far a probability can be relied on, by what came of those like it.

    Attributes
    ----------
    horizon : trading days
    regime, probability : the most probable, and what it is given
    word : the probability in plain words; where the record is long enough and worse, the record's
    record : what came of days on which about as much was said
    few : whether fewer than `FEW` episodes are behind the record
    words : all of it in sentences
    """

    horizon: int
    regime: str
    probability: float
    word: str
    record: WhenWeSaid
    few: bool
    words: str


def how_sure(snapshot: Snapshot) -> list[Sure]:
    """Of each horizon; days count whose outcome hindsight has settled, said by who had not seen it.

    A forecast made `horizon` sessions ahead is judged by the label that many sessions later.
    """
    return [_sure(snapshot, horizon) for horizon in snapshot.horizons]


def _sure(snapshot: Snapshot, horizon: int) -> Sure:
    latest = snapshot.probabilities(horizon).iloc[-1]
    regime, top = str(latest.idxmax()), float(latest.max())
    proba, actual = _judged(snapshot, horizon)
    none = WhenWeSaid(float("nan"), float("nan"), 0, 0)
    record = when_we_said(proba, actual, around=top) if len(proba) else none
    few = record.n_episodes < FEW
    word = in_words(top if few else min(top, record.so))
    judged = "" if word == in_words(top) else ", judged by its record"
    told = f"{short(regime)}, {top:.0%}: {word}{judged}."
    return Sure(horizon, regime, top, word, record, few, f"{told} {_record(record, few)}")


def _judged(snapshot: Snapshot, horizon: int) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """What was said of settled days, and what was so."""
    rows = snapshot.scores[
        (snapshot.scores["horizon"] == horizon) & snapshot.scores["basis"].isin(_RECORD)
    ]
    proba = rows.set_index("date")[list(REGIMES)]
    return on_settled_days(proba, snapshot.labels.set_index("date"), horizon)


def _record(record: WhenWeSaid, few: bool) -> str:
    if not record.n_days:
        return "We have never said so before, so nothing backs it."
    said = (
        f"When we said about {record.said:.0%}, it was so {record.so:.0%} of the time, "
        f"{_episodes(record.n_episodes)} ({record.n_days:,} days)."
    )
    return f"{said} Fewer than {FEW} episodes: too few to lean on." if few else said


def _episodes(number: int) -> str:
    return f"{number} episode" + ("" if number == 1 else "s")


def in_words(probability: float) -> str:
    """A probability of the likeliest of three in plain words."""
    return next(word for least, word in _SCALE if probability >= least)


def been_right(snapshot: Snapshot) -> str:
    """How often the most probable regime was the one that hindsight names, in a sentence."""
    proba, actual = _judged(snapshot, snapshot.horizons[0])
    if actual.empty:
        return "Hindsight has settled none of the days it has spoken of yet."
    right = float((proba.idxmax(axis=1) == actual).mean())
    commonest = float(actual.value_counts(normalize=True).iloc[0])
    episodes = 1 + int((actual != actual.shift()).iloc[1:].sum())
    return (
        f"On {len(actual):,} settled days since {day_words(actual.index[0])} that it had not seen, "
        f"{_episodes(episodes)}, the regime it found most probable was hindsight's {right:.0%} of "
        f"the time; always naming the commonest would have been right {commonest:.0%} of the time."
    )

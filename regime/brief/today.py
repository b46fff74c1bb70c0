"""What the first page says of one day: its state, its call, its odds and what moves them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from regime.brief.models import known_versions
from regime.brief.signal_words import short
from regime.brief.snapshot import Snapshot
from regime.call import SURE, Status
from regime.evaluation.rotation import JUDGED_AT_BP
from regime.explained import LIMIT
from regime.movement import words as moved_words
from regime.taxonomy import Regime
from regime.tracking.card_limits import has_edge, rival_words
from regime.tracking.wording import day_words, moment_words

A_MONTH = 21  # sessions back, to compare with
AWAY = "Away from the giants"
REPLAYED = "REPLAYED"  # of a day that was not published at its time
_NOWCAST = "Take the probabilities for a nowcast, not for a trading signal."
NO_EDGE_KNOWN = f"What its probabilities earn after costs was not measured{{version}}. {_NOWCAST}"

_MEANS = {
    Status.CONTESTED: "No regime is clearly ahead: the most probable has less than half, is less "
    "than ten points ahead, or has not yet overtaken the standing call by enough.",
    Status.HANDOVER: "The call has changed hands, and hindsight still confirms the old regime: "
    "about to be settled, or about to be taken back.",
    Status.PROVISIONAL: "Hindsight names this regime last, and has not settled what came since.",
}
_BEFORE = {"yesterday": 1, "month": A_MONTH}  # sessions
_NUMBERS = ["no", "one", "two", "three", "four", "five"]


# State ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """How a day was published.

    Attributes
    ----------
    name : PUBLISHED, DEGRADED, HELD or `REPLAYED`
    words : what that means for this day, one sentence
    moment : when it was published, or that it was not
    """

    name: str
    words: str
    moment: str


def state_of(snapshot: Snapshot) -> State:
    """The state of the snapshot's day, and when it was published."""
    name = str(snapshot.about.get("state") or "PUBLISHED")
    mine = snapshot.ledger[snapshot.ledger["date"] == snapshot.day]
    if mine.empty and snapshot.then:
        return State(
            REPLAYED,
            "An earlier fit of the model speaks, which had not seen this day.",
            "The day was not published at its time.",
        )
    said = str(snapshot.about.get("words", ""))
    words = said.removeprefix(f"{name}: ")
    words = words[:1].upper() + words[1:]
    if name == "PUBLISHED":
        words = "Everything the model needs was known."
    if mine.empty:
        known = pd.Timestamp(snapshot.about["known_at"])
        moment = (
            f"The close of {day_words(snapshot.day)} is told from what was known on "
            f"{moment_words(known)}; it is not in the ledger of what was published."
        )
    else:
        first = pd.Timestamp(mine["published_at"].min())
        moment = f"The close of {day_words(snapshot.day)} was published on {moment_words(first)}."
        if mine["corrects"].notna().any():
            last = pd.Timestamp(mine["published_at"].max())
            moment = f"{moment[:-1]}, and corrected on {moment_words(last)}."
    return State(name, words, moment)


# Call ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a day in words.

    Attributes
    ----------
    words : the call and its status
    means : what the status means, and which regime stands where that is not plain
    called : since when it stands, which is never revised
    hindsight : who leads the hindsight path and since when, and whether that may change
    qualifier : where the market has gone since the call, or ""
    """

    words: str
    means: str
    called: str
    hindsight: str
    qualifier: str


def call_of(snapshot: Snapshot) -> Call:
    """The call of the snapshot's day."""
    call = snapshot.call
    status, since = Status(str(call["status"])), pd.Timestamp(call["called_since"])
    means = _confirmed_by(snapshot) if status is Status.CONFIRMED else _MEANS[status]
    if status is Status.CONTESTED:
        means = f"{means} Until that is settled the call stands at {in_text(call['regime'])}."
    sessions = int((snapshot.calls["date"] >= since).sum())
    number = f"{sessions:,} session" + ("" if sessions == 1 else "s")
    said = call["qualifier"]
    return Call(
        words=str(call["words"]),
        means=means,
        called=f"Called since {day_words(since)} ({number}). Never revised.",
        hindsight=_hindsight(snapshot),
        qualifier=f"Since the call: {said}." if isinstance(said, str) and said else "",
    )


def _confirmed_by(snapshot: Snapshot) -> str:
    """A call is confirmed by its probability, or by hindsight where it says the same."""
    if snapshot.probabilities(0).iloc[-1].max() > SURE:
        return f"Confirmed means here that its probability is above {SURE:.0%}."
    began = day_words(pd.Timestamp(snapshot.call["path_since"]))
    return (
        f"Confirmed means here that hindsight has settled that it began on {began}; whether it "
        "still lasts is not settled."
    )


def _hindsight(snapshot: Snapshot) -> str:
    path = snapshot.labels[snapshot.labels["date"] <= snapshot.day].set_index("date")
    since = pd.Timestamp(snapshot.call["path_since"])
    if since not in path.index:
        return "The hindsight path of this day is not known."
    leader, settled = path["regime"].iloc[-1], path["confirmed_on"].notna()
    said = f"Hindsight path: {in_text(leader)} since {day_words(since)}."
    if not settled[since]:
        return f"{said} Provisional: returns to come may still change it."
    return f"{said} That it began is settled; its newest stretch is provisional."


# Odds ----------------------------------------------------------------------------------


def readings(snapshot: Snapshot) -> pd.DataFrame:
    """What is read first, with what it was at the close before and a month before.

    Returns
    -------
    DataFrame, one row per reading and horizon
        `reading`: "Away from the giants" first, then its two parts. `horizon` in trading days.
        `value`, `yesterday` and `month` are probabilities, at the closes of the snapshot's day,
        `yesterday_on` and `month_on` (`A_MONTH` sessions before); NaN and NaT before the first.
    """
    rows = []
    for reading in (AWAY, Regime.BROADENING, Regime.SMALL_CAP_LED):
        for horizon in snapshot.horizons:
            proba = snapshot.probabilities(horizon)
            values = (
                proba[reading] if isinstance(reading, Regime) else 1 - proba[Regime.MEGA_CAP_LED]
            )
            name = short(reading) if isinstance(reading, Regime) else reading
            row: dict[str, Any] = {
                "reading": name,
                "horizon": horizon,
                "value": values.iloc[-1],
            }
            for before, back in _BEFORE.items():
                known = len(values) > back
                row[before] = values.iloc[-1 - back] if known else np.nan
                row[f"{before}_on"] = values.index[-1 - back] if known else pd.NaT
            rows.append(row)
    return pd.DataFrame(rows)


def split(table: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """The parts of what is away from the giants, as they are read: text, closes as columns."""
    parts = table[table["reading"] != AWAY]
    ahead = [f", {one} sessions on" if one else "" for one in parts["horizon"]]
    told = pd.DataFrame({"probability of": parts["reading"] + ahead})
    days = {"value": snapshot.day} | {one: table[f"{one}_on"].max() for one in _BEFORE}
    for name, day in days.items():
        if day in snapshot.probabilities(snapshot.horizons[0]).index:
            told[f"{day.day} {day:%b}"] = parts[name].map("{:.0%}".format, na_action="ignore")
    return told.reset_index(drop=True)


def when(snapshot: Snapshot, horizon: int) -> str:
    """Of which close a probability speaks: "at the close of 20 November 2026"."""
    close = f"at the close of {day_words(snapshot.day)}"
    return close if horizon == 0 else f"{horizon} sessions after that"


# What moved, and what would ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved the probabilities since the close before.

    Attributes
    ----------
    since : the close before that was published; NaT without one
    words : a sentence for each regime, by horizon; empty if there is nothing to tell
    why_not : then, why
    """

    since: pd.Timestamp
    words: dict[int, list[str]]
    why_not: str


def overnight_of(snapshot: Snapshot) -> Moved:
    """What `movement.overnight` had found when the day was published."""
    before = _close_before(snapshot)
    moved = pd.DataFrame(snapshot.about.get("moved") or [])
    if moved.empty:
        return Moved(before, {}, _why_nothing_moved(snapshot, before))
    moved = moved.astype({"revision": np.float64})  # None where nobody can tell
    found: dict[int, list[str]] = {}
    for horizon, sentence in zip(moved["horizon"], moved_words(moved), strict=True):
        found.setdefault(int(horizon), []).append(_at_the_close(sentence))
    return Moved(before, found, "")


def _close_before(snapshot: Snapshot) -> pd.Timestamp:
    """The newest close that had been published when this day was; NaT without one."""
    ledger = snapshot.ledger
    mine, earlier = ledger[ledger["date"] == snapshot.day], ledger[ledger["date"] < snapshot.day]
    if len(mine):  # days that came with it, or were filled in since, were not there to compare with
        earlier = earlier[earlier["published_at"] < mine["published_at"].min()]
    return pd.Timestamp(earlier["date"].max())


def _at_the_close(sentence: str) -> str:
    # At a close that is behind us "now" would be another day's.
    return sentence.replace(" now ", " at the close ", 1).replace(" -> ", " → ", 1)


def _why_nothing_moved(snapshot: Snapshot, before: pd.Timestamp | NaTType) -> str:
    if snapshot.then and not snapshot.kept:
        return "What moved was not kept for this day: it was not published at its time."
    if pd.isna(before):
        return "No earlier close has been published, so there is nothing to compare with."
    return f"What moved since {day_words(before)} could not be told: the day was not scored live."


def flips_of(snapshot: Snapshot) -> list[str]:
    """What would change the call, the nearest move first; what would not, in one last sentence."""
    flips = snapshot.flips
    if flips.empty:
        return []
    found = flips[flips["move"].notna()]
    found = found.loc[found["move"].abs().sort_values(kind="stable").index]
    told = list(dict.fromkeys(map(_flip, found.to_dict("records"))))
    rest = len(flips) - len(found)
    if not rest:
        return told
    if rest == len(flips):
        return [f"No basket alone would change it within five sessions by {LIMIT:.0%} or less."]
    others = "The other move" if rest == 1 else f"The other {_NUMBERS[rest]} moves"
    return [*told, f"{others}, up to {LIMIT:.0%}, would leave it as it is."]


def _flip(row: Mapping[Any, Any]) -> str:
    sure = "" if row["confirmed"] else " The full calculation did not confirm this level."
    return f"{row['words']}{sure}"


# What it is worth ----------------------------------------------------------------------


def edge_of(snapshot: Snapshot, roster: Mapping[str, Any] | None) -> str:
    """Whether the version in service has shown a trading edge, in a sentence.

    Parameters
    ----------
    roster : what `tracking.roster` kept of the versions; None if nothing was. On an earlier day
        only versions that had been registered count.
    """
    number = str(snapshot.about.get("in_service") or snapshot.about["model_version"])
    versions = known_versions(roster, snapshot)
    if roster is not None and number in _numbers(roster["versions"]) - _numbers(versions):
        which = f"Version {number} had not" if versions else "No version had"
        return f"{which} been registered by this day. {_NOWCAST}"
    card = next((one.get("card") for one in versions if str(one["number"]) == number), None)
    value = [row for row in (card or {}).get("value") or [] if row["cost_bp"] == JUDGED_AT_BP]
    if card is None or not value:
        return NO_EDGE_KNOWN.format(version=f" for version {number}")
    found = {row["rival"]: has_edge(row) for row in sorted(value, key=has_edge, reverse=True)}
    earned = f"{value[0]['earned_from']} to {value[0]['earned_to']}"
    over = {edge: _listed(card, found, edge) for edge in (True, False)}
    costs = f"at {JUDGED_AT_BP:g} bp of what changes hands"
    said = f"Held as a portfolio, {costs}, {earned}, version {number}"
    if not over[True]:
        return f"{said} showed no trading edge over {over[False]}."
    if not over[False]:
        return f"{said} showed a trading edge over {over[True]}."
    return f"{said} showed a trading edge over {over[True]}, and none over {over[False]}."


def _numbers(versions: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(one["number"]) for one in versions}


def _listed(card: dict[str, Any], found: Mapping[str, bool], edge: bool) -> str:
    names = [rival_words(rival, card) for rival, has in found.items() if has is edge]
    return ", ".join(names[:-1]) + f" or {names[-1]}" if len(names) > 1 else "".join(names)


# Words ---------------------------------------------------------------------------------


def in_text(regime: str) -> str:
    """The same inside a sentence."""
    name = short(regime)
    return name[0].lower() + name[1:]

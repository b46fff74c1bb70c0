"""The calendar: the turn of the year, the president's four years, and dated events."""

import numpy as np
import pandas as pd

from regime.signals.declaration import DAYS, RETURN, Signal, Topic
from regime.signals.seasons import (
    AFTER,
    BEFORE,
    days_to_midterm,
    lead_of_cycle_year,
    lead_of_small,
    past_mean,
    turns,
)

FAMILY = "calendar"
EVENTS = "dated_events"  # a column that is 1 on the session of an event of the user's list
_LEAD, _HISTORY = ("IWM", "SPY"), ("qnt_2", "hi_10")

TURN = Topic(
    "Turn of the year", FAMILY,
    "What does the turn of the year do for small companies?",
    "Losers sold for taxes in December are bought back in January; managers dress windows.",
    lean="small-cap-led around the turn",
    trap=f"From {BEFORE} sessions before the turn to {AFTER} after it; a few dozen years, and the "
    "best of them long ago.",
)  # fmt: skip
CYCLE = Topic(
    "Election cycle", FAMILY,
    "Which year of the president's four is it?",
    "Best bets ahead of midterms are argued from how such years went before.",
    trap="Few cycles: see the count. With so few, any year of the four looks special.",
)  # fmt: skip
POLICY = Topic(
    "Policy events", FAMILY,
    "What has politics done lately?",
    "Tariffs, affordability and curbs on chips are named as causes after the fact.",
    trap="A list of dates that you keep, and may have added to in hindsight: a note, never a "
    "feature.",
    supply="Add dated events to events.csv in the home folder, or on the app's page History.",
)  # fmt: skip


def _average_turn(panel: pd.DataFrame) -> pd.DataFrame:
    return past_mean(turns(lead_of_small(panel)), pd.DatetimeIndex(panel.index))


def _newest_turn(panel: pd.DataFrame) -> "pd.Series[float]":
    """Lead over the newest turn that was over."""
    events, days = turns(lead_of_small(panel)), pd.DatetimeIndex(panel.index)
    place = pd.DatetimeIndex(events["over"]).searchsorted(days, side="right") - 1
    values = np.r_[np.nan, events["lead"].to_numpy()]
    return pd.Series(values[place + 1], panel.index)


def _since_event(panel: pd.DataFrame) -> "pd.Series[float]":
    place = pd.Series(np.arange(len(panel), dtype=np.float64), panel.index)
    return place - place.where(panel[EVENTS] > 0).ffill()


SIGNALS = [
    Signal("turn_of_year_average", "Lead of small companies at the turn of the year, mean", RETURN,
           _LEAD, lambda panel: _average_turn(panel)["lead"], TURN, uses=_HISTORY, ranked=False),
    Signal("turn_of_year_last", "Lead of small companies at the last turn of the year", RETURN,
           _LEAD, _newest_turn, TURN, uses=_HISTORY, ranked=False),
    Signal("turn_of_year_count", "Turns of the year behind the mean", "number", _LEAD,
           lambda panel: _average_turn(panel)["count"].astype(np.float64), TURN, uses=_HISTORY,
           ranked=False),
    Signal("days_to_midterm", "Days to the midterm election", "calendar days", (),
           lambda panel: days_to_midterm(pd.DatetimeIndex(panel.index)), CYCLE, ranked=False,
           source="the law: the Tuesday after the first Monday of November of every fourth year"),
    Signal("cycle_year_lead", "Lead of small companies in such years of the cycle, mean", RETURN,
           _LEAD, lambda panel: lead_of_cycle_year(lead_of_small(panel))["lead"], CYCLE,
           uses=_HISTORY, ranked=False),
    Signal("cycle_year_count", "Years of the cycle behind the mean", "number", _LEAD,
           lambda panel: lead_of_cycle_year(lead_of_small(panel))["count"], CYCLE, uses=_HISTORY,
           ranked=False),
    Signal("sessions_since_event", "Sessions since the last dated event", DAYS, (EVENTS,),
           _since_event, POLICY, ranked=False, source="your own list of dated events"),
]  # fmt: skip

"""What is worth telling people: alerts made from plain frames and facts, each with a key.

The key names the event, so that it is told once however often a run is repeated.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from regime.call import SURE, Status
from regime.exceptions import PanelError
from regime.taxonomy import REGIMES, Regime

if TYPE_CHECKING:
    from regime.scoring import Readiness

BAND = 0.10  # wide, around a level: up is told five points above it, down five below it
CAVEAT = (
    "A nowcast of hindsight (what this day may be called, looking back), not a promise of returns."
)
_AWAY = "away_from_giants"
_NEEDED = ("regime", "status", "words", "called_since", "qualifier")
_FIRM = {Status.HANDOVER: "handover, unconfirmed"}
_MEANING = {
    Status.CONFIRMED: f"returns since bear it out, or its probability is above {SURE:.0%}",
    Status.CONTESTED: "the likeliest regimes are too close to tell apart, or the lead is new",
    Status.HANDOVER: "the probabilities have changed hands, the returns have yet to bear it out",
    Status.PROVISIONAL: "returns bear it out so far, but the next ones may still change that",
}


class Kind(StrEnum):
    """What happened."""

    CALL_CHANGED = "call_changed"
    LEVEL_CROSSED = "level_crossed"
    DATA_STALE = "data_stale"
    DRIFT = "drift"
    HELD = "held"
    DEGRADED = "degraded"
    SOURCE_FAILED = "source_failed"
    RETRAIN_FAILED = "retrain_failed"
    GATE_REJECTED = "gate_rejected"
    PROMOTED = "promoted"
    RUN_FAILED = "run_failed"
    TEST = "test"

    @property
    def urgency(self) -> str:
        """How a notifier colours it: `info`, `warning` or `failure`."""
        if self in (Kind.CALL_CHANGED, Kind.LEVEL_CROSSED, Kind.PROMOTED, Kind.TEST):
            return "info"
        failures = (Kind.HELD, Kind.RETRAIN_FAILED, Kind.RUN_FAILED)
        return "failure" if self in failures else "warning"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message.

    Attributes
    ----------
    key : names the event; two alerts with one key are one alert
    title : one line, enough for a telephone
    body : three to six short lines
    day : the trading day it is about
    """

    kind: Kind
    key: str
    title: str
    body: str
    day: pd.Timestamp

    def as_dict(self) -> dict[str, str]:
        """Plain text by name; `of_dict` reads it back."""
        told = {"kind": self.kind.value, "key": self.key, "title": self.title, "body": self.body}
        return {**told, "day": f"{self.day:%Y-%m-%d}"}

    @classmethod
    def of_dict(cls, told: Mapping[str, str]) -> "Alert":
        """The alert `as_dict` wrote; a ValueError or KeyError where it did not."""
        return cls(
            Kind(told["kind"]), told["key"], told["title"], told["body"], pd.Timestamp(told["day"])
        )


def of_scores(
    calls: pd.DataFrame,
    probabilities: pd.DataFrame,
    *,
    told_through: pd.Timestamp | None,
    levels: Sequence[float],
    simulated: bool,
    version: str,
) -> list[Alert]:
    """Changes of the call, and probabilities of today's regime that crossed a level.

    Give both frames with their whole history: which side of a level a probability was on
    last follows from the earlier rows. Nothing about a day depends on a later one, so days
    told one by one and days told together make the same alerts.

    Parameters
    ----------
    calls : DataFrame of `regime.call.regime_call`, indexed by trading day
    probabilities : DataFrame with `date`, `horizon` (trading days) and a column per regime
        As `regime.scoring.score_days` makes it, one row per day and horizon. Horizon 0 is
        there on every day of `calls`.
    told_through : Timestamp or None
        The last day alerts were made for. Every later one is looked at; None for the newest
        one only.
    levels : probabilities; one is crossed when its further side is left by half of `BAND`
    version : what to name as the model

    Returns
    -------
    list of Alert, by day; the change of call first. A first day has nothing to change from.

    Raises
    ------
    PanelError
        If a column, or the probabilities of a called day, are missing.
    """
    if calls.empty:
        return []
    wide = _by_horizon(calls, probabilities)
    now = wide[0].reindex(calls.index)
    # One half of mega-cap-led is one half away from the giants: one event, told once.
    others = [one for one in levels if not np.isclose(1 - np.asarray(levels), one).any()]
    crossed = {
        **_crossings(_share(now, _AWAY), levels, _AWAY),
        **_crossings(now[Regime.MEGA_CAP_LED], others, Regime.MEGA_CAP_LED),
        **_crossings(now[Regime.BROADENING], levels, Regime.BROADENING),
        **_crossings(now[Regime.SMALL_CAP_LED], levels, Regime.SMALL_CAP_LED),
    }
    days = list(calls.index)
    later = [at for at, day in enumerate(days) if told_through is None or day > told_through]
    alerts = []
    for at in later[-1:] if told_through is None else later:
        if at == 0:
            continue
        day, before = days[at], days[at - 1]
        body = _body(calls.iloc[at], wide, day, before, simulated=simulated, version=version)
        was, call, status = calls["regime"].iloc[at - 1], *calls.iloc[at][["regime", "status"]]
        if call != was:
            title = f"Regime call: {_name(was)} -> {_name(call)} ({_FIRM.get(status, status)})"
            key = ("call", day, call)
            alerts.append(_alert(Kind.CALL_CHANGED, key, title, body, day, simulated))
        for what in [what for what, moment in crossed if moment == day]:
            side, told = crossed[what, day]
            share, names = _share(now, what), " and ".join(f"{one:.0%}" for one in told)
            title = (
                f"{_name(what).capitalize()} {side} {names}: {share[day]:.0%}, "
                f"the day before {share[before]:.0%}"
            )
            name = ("level", day, what, side, f"{told[-1] if side == 'above' else told[0]:g}")
            alerts.append(_alert(Kind.LEVEL_CROSSED, name, title, body, day, simulated))
    return alerts


def of_readiness(readiness: "Readiness", *, simulated: bool = False) -> Alert | None:
    """The alert of a day without numbers, or without the model's own; None where all is well."""
    kinds = {"HELD": Kind.HELD, "DEGRADED": Kind.DEGRADED}
    kind = kinds.get(readiness.state.value)
    if kind is None:
        return None
    day = readiness.day
    if kind is Kind.HELD:
        title = f"No probabilities of {day:%Y-%m-%d}: prices are missing"
        means = f"The last numbers are those of {readiness.last_day:%Y-%m-%d}; they stay in view."
    else:
        title = f"{day:%Y-%m-%d} is told by the simple filter: figures are missing"
        means = "The simple filter needs the prices of the baskets only, and knows less."
    body = (readiness.words, means, "Next: `regime fetch`, then `regime score`.")
    return _alert(kind, (kind, day), title, body, day, simulated)


def data_stale(
    name: str, *, newest: pd.Timestamp, day: pd.Timestamp, simulated: bool = False
) -> Alert:
    """A series whose newest value is too old; told once for each newest value."""
    title = f"Data are old: {name} ends on {newest:%Y-%m-%d}"
    body = (
        f"On {day:%Y-%m-%d} the newest value of {name} was of {newest:%Y-%m-%d}.",
        "Until it moves, the model goes without it or speaks of an older day.",
        "Next: `regime doctor`, then `regime fetch`.",
    )
    return _alert(Kind.DATA_STALE, (Kind.DATA_STALE, newest, name), title, body, day, simulated)


def drift(
    what: str, reason: str, *, version: str, since: pd.Timestamp, day: pd.Timestamp,
    simulated: bool = False,
) -> Alert:  # fmt: skip
    """Today's market is unlike the one the model learned from; told once for each start."""
    body = (
        reason,
        f"Since {since:%Y-%m-%d} {what} has been unlike what model version {version} learned from.",
        "Its probabilities deserve less trust until that passes, or a new version is in service.",
    )
    title = f"Drift: {what} is unlike what the model learned from"
    return _alert(Kind.DRIFT, (Kind.DRIFT, since, version, what), title, body, day, simulated)


def source_failed(
    source: str, reason: str, *, since: pd.Timestamp, day: pd.Timestamp, simulated: bool = False
) -> Alert:
    """A provider did not answer as it should; told once for each first day of it."""
    body = (
        reason,
        f"First seen on {since:%Y-%m-%d}; what was stored before stays as it is.",
        f"Next: `regime fetch --source {source}` once it answers again.",
    )
    key = (Kind.SOURCE_FAILED, since, source)
    return _alert(Kind.SOURCE_FAILED, key, f"Source {source} failed", body, day, simulated)


def retrain_failed(reason: str, *, day: pd.Timestamp, simulated: bool = False) -> Alert:
    """No new version came of a retraining; told once a day."""
    body = (
        reason,
        "The version in service stays in service.",
        "Next: `regime retrain` by hand, once the reason is mended.",
    )
    key = (Kind.RETRAIN_FAILED, day)
    return _alert(Kind.RETRAIN_FAILED, key, "Retraining failed", body, day, simulated)


def gate_rejected(
    version: str, reasons: Sequence[str], *, champion: str, day: pd.Timestamp,
    simulated: bool = False,
) -> Alert:  # fmt: skip
    """A new version was not good enough to go into service; told once for each version."""
    body = (
        *reasons[:4],
        f"Version {champion} stays in service.",
        f'Look at it in MLflow; `regime promote {version} --force --why "..."` overrules this.',
    )
    title = f"Model version {version} was not taken into service"
    key = (Kind.GATE_REJECTED, version)
    return _alert(Kind.GATE_REJECTED, key, title, body, day, simulated)


def promoted(
    version: str, *, previous: str | None, day: pd.Timestamp,
    calls: tuple[str, str] | None = None, simulated: bool = False,
) -> Alert:  # fmt: skip
    """Another version went into service.

    Parameters
    ----------
    calls : the regime called by the version before and by this one, of the same day. Where
        they differ, no change from one day to the next would ever say so.
    """
    moved = calls is not None and calls[0] != calls[1]
    title = f"Model version {version} is in service"
    if calls is not None and moved:
        title += f"; regime call: {_name(calls[0])} -> {_name(calls[1])}"
    body = (
        f"It speaks from {day:%Y-%m-%d} on"
        + (f", in place of version {previous}." if previous else "; there was none before."),
        "The call is another one because the model is, not because the market moved."
        if moved
        else "",
        CAVEAT,
    )
    key = (Kind.PROMOTED, day, previous or "none", version)
    return _alert(Kind.PROMOTED, key, title, body, day, simulated)


def run_failed(step: str, reason: str, *, day: pd.Timestamp, simulated: bool = False) -> Alert:
    """The daily run did not come to its end; told once a day for each step."""
    body = (
        reason,
        f"The run of {day:%Y-%m-%d} ended at {step}; what was published before stays in view.",
        "Next: mend the reason and run it again; nothing is told twice.",
    )
    title = f"The daily run failed at: {step}"
    return _alert(Kind.RUN_FAILED, (Kind.RUN_FAILED, day, step), title, body, day, simulated)


def trial(moment: pd.Timestamp) -> Alert:
    """The alert of `regime alert test`."""
    body = (
        "This is a test: nothing happened.",
        f"It was sent on {moment:%Y-%m-%d} at {moment:%H:%M} UTC.",
        "Changes of the regime call and faults of the installation will come this way.",
    )
    day = pd.Timestamp(moment.date())
    return _alert(Kind.TEST, (Kind.TEST, moment.isoformat()), "Test alert", body, day, False)


def _alert(
    kind: Kind, key: Sequence[Any], title: str, body: Sequence[str], day: pd.Timestamp,
    simulated: bool,
) -> Alert:  # fmt: skip
    parts = [f"{one:%Y-%m-%d}" if isinstance(one, pd.Timestamp) else str(one) for one in key]
    lines = [_plain(line) for line in body if line.strip()]
    if simulated:
        title = f"SIMULATED: {title}"
        if not any("SIMULATED" in line for line in lines):
            lines.append("SIMULATED market: this says nothing about real prices.")
    return Alert(kind, ":".join(parts), _plain(title), "\n".join(lines), day)


def _plain(text: str) -> str:
    """One line of bounded length without an address, which may carry a key."""
    text = re.sub(r"\w+://\S+", "(address)", " ".join(text.split()))
    return text if len(text) <= 300 else f"{text[:299]}…"


def _by_horizon(calls: pd.DataFrame, probabilities: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Probabilities by day, for each horizon."""
    missing = [name for name in _NEEDED if name not in calls]
    missing += [name for name in ("date", "horizon", *REGIMES) if name not in probabilities]
    if missing:
        raise PanelError(
            f"Alerts are made from frames of `regime_call` and `score_days`, but there is no "
            f"{', '.join(missing)} in these. Give both as they were made."
        )
    if probabilities.duplicated(["date", "horizon"]).any():
        raise PanelError(
            "Alerts need one row of probabilities per day and horizon, but some days have several. "
            "Leave out the rows in sample."
        )
    wide = {
        int(str(horizon)): rows.set_index("date")[list(REGIMES)]
        for horizon, rows in probabilities.groupby("horizon")
    }
    if len(without := calls.index.difference(wide[0].index) if 0 in wide else calls.index):
        raise PanelError(
            f"Alerts need the probabilities now (horizon 0) of every day with a call; "
            f"{without[0]:%Y-%m-%d} has none. Give both frames of one scoring."
        )
    return wide


def _crossings(
    share: "pd.Series[float]", levels: Sequence[float], what: str
) -> dict[tuple[str, pd.Timestamp], tuple[str, list[float]]]:
    """Side and levels, by name and day: the levels whose other side was reached that day."""
    found: dict[tuple[str, pd.Timestamp], tuple[str, list[float]]] = {}
    for level in sorted(set(levels)):
        beyond = np.select(
            [share >= level + BAND / 2, share <= level - BAND / 2], [1.0, 0.0], np.nan
        )
        steps = pd.Series(beyond, share.index).ffill().diff()
        for day, step in steps[steps.abs() == 1].items():
            side = "above" if step > 0 else "below"
            found.setdefault((what, pd.Timestamp(str(day))), (side, []))[1].append(level)
    return found


def _share(now: pd.DataFrame, what: str) -> "pd.Series[float]":
    return 1 - now[Regime.MEGA_CAP_LED] if what == _AWAY else now[what]


def _body(
    call: "pd.Series[Any]",
    wide: Mapping[int, pd.DataFrame],
    day: pd.Timestamp,
    before: pd.Timestamp,
    *,
    simulated: bool,
    version: str,
) -> list[str]:
    since = f"Called since {call['called_since']:%Y-%m-%d}"
    qualifier = f"; {call['qualifier']}" if call["qualifier"] else ""
    market = ", on a SIMULATED market" if simulated else ""
    return [
        f"{call['words']} ({_MEANING[Status(call['status'])]}). {since}{qualifier}.",
        *_shares(wide, day, before),
        f"Model version {version}, as of the close of {day:%Y-%m-%d}{market}.",
        CAVEAT,
    ]


def _shares(
    wide: Mapping[int, pd.DataFrame], day: pd.Timestamp, before: pd.Timestamp
) -> Iterator[str]:
    """A line for each horizon, in brackets what was said the trading day before."""
    for horizon, rows in sorted(wide.items()):
        if day not in rows.index:
            continue
        told = []
        for what in (_AWAY, *REGIMES) if horizon == 0 else REGIMES:
            share = _share(rows, what)
            was = f" ({share[before]:.0%})" if before in share.index else ""
            told.append(f"{_name(what)} {share[day]:.0%}{was}")
        when = f"In {horizon} trading days" if horizon else "Now (the day before)"
        yield f"{when}: {', '.join(told)}."


def _name(what: str) -> str:
    return "away from the giants" if what == _AWAY else what.replace("_", "-")

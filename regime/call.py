"""From probabilities to a word: one function for screen, alert, command line and brief.

The most probable regime changes some twenty times a year where the market's leader
changes twice. The call changes hands only when a challenger's log-odds over the called
regime reach `CALL_MARGIN`, and every call carries a status that says how firm it is.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from regime.exceptions import PanelError
from regime.taxonomy import REGIMES, Regime

# Log-odds. The smallest of 0.25, 0.5, ... 3 with at most six changes a year of the filter's
# walk-forward probabilities on French baskets, 1945-2003; nothing later was looked at.
CALL_MARGIN = 0.75
CHANGES_A_YEAR = 6.0
SURE = 0.80  # probability now from which a call needs no confirmation
CLOSE = 0.10  # gap to the next regime below which a call is contested


class Status(StrEnum):
    """How firm a call is."""

    CONFIRMED = "confirmed"
    CONTESTED = "contested"
    HANDOVER = "handover"
    PROVISIONAL = "provisional"


def regime_call(
    probabilities: pd.DataFrame,
    *,
    path: pd.DataFrame | None = None,
    conditions: pd.DataFrame | None = None,
    margin: float = CALL_MARGIN,
    published: "pd.Series[str] | None" = None,
) -> pd.DataFrame:
    """Call the regime of each day; nothing about a day depends on a later one.

    Parameters
    ----------
    probabilities : DataFrame of shape (n_days, 3)
        Of the regime now (horizon 0), one column per regime, ascending days.
    path : DataFrame of `labels.leadership.path_as_known`, optional
        The hindsight path as it looked at each close. Without it no call is confirmed
        by the path, only by its probability.
    conditions : DataFrame, optional
        `market_return`, `return_<regime>` (daily log returns) and `members_above_200d`
        (share of 1), any of them; what the qualifier is made from.
    margin : float
        Log-odds by which a challenger must lead the called regime.
    published : Series of regimes by day, optional
        Calls that were made already. They stand, whatever the model in service would have
        said, and the days after each go on from it.

    Returns
    -------
    DataFrame of shape (n_days, 10), indexed like `probabilities`
        `regime`, the call. `status` and its `words`. `most_probable` and `runner_up`.
        `handover_from`, the regime handing over, where the status is a handover.
        `called_since`, never revised; `path_since`, provisional until confirmed, NaT
        without a path. `away_from_giants`, one less the probability of mega-cap-led.
        `qualifier`, the direction of the market since the call.

    Raises
    ------
    PanelError
        If a regime has no column, probabilities of a day are missing, negative or do not sum
        to one, days are out of order or come twice, or `published` names no regime.

    Notes
    -----
    *Contested*: the most probable regime has less than one half, or leads the next by
    less than ten points, or the challenger has not yet reached the margin. Otherwise
    *Confirmed*: the called regime leads the path in an episode whose first day is
    confirmed, or its probability is above 0.8. Otherwise *Handover*: the newest confirmed
    regime is another one. Otherwise *Provisional*: hindsight names the called regime
    last, but has not settled what came since.

    A day's own row is never confirmed at its own close, so confirmation is asked of the
    first day of the episode, not of the day.
    """
    _check(probabilities)
    proba = probabilities[list(REGIMES)]
    codes = _with_hysteresis(proba.to_numpy(), margin)
    if published is not None:
        codes = _going_on(codes, proba, margin, published)
    called = pd.Series(np.array(REGIMES, dtype=object)[codes], proba.index)
    order = np.argsort(-proba.to_numpy(), axis=1, kind="stable")
    names = np.array(REGIMES, dtype=object)
    calls = pd.DataFrame(
        {
            "regime": called,
            "most_probable": names[order[:, 0]],
            "runner_up": names[order[:, 1]],
            "called_since": _start_of_run(called),
            "path_since": pd.NaT if path is None else path["leader_since"].reindex(proba.index),
            "away_from_giants": 1 - proba[Regime.MEGA_CAP_LED],
        },
        index=proba.index,
    )
    calls["called_since"] = calls["called_since"].astype(proba.index.dtype)
    calls["path_since"] = pd.to_datetime(calls["path_since"]).astype(proba.index.dtype)
    before = _regime_before(called)
    if path is not None:
        before = path["confirmed_leader"].reindex(proba.index)
    calls["status"] = _status(calls, proba, path, before)
    calls["handover_from"] = before.where(calls["status"] == Status.HANDOVER)
    calls["words"] = [
        _words(*told)
        for told in zip(*(calls[name] for name in _TOLD), strict=True)  # plain values are quick
    ]
    calls["qualifier"] = _qualifier(calls, conditions)
    return calls


def choose_margin(probabilities: pd.DataFrame, *, at_most: float = CHANGES_A_YEAR) -> float:
    """The smallest margin whose calls change at most so many times in 252 days.

    To be run on training rows only; `CALL_MARGIN` is its answer there.

    Parameters
    ----------
    probabilities : DataFrame of shape (n_days, n_regimes)
        Of the regime now, one column per regime, ascending trading days.
    at_most : changes per 252 trading days

    Returns
    -------
    float, log-odds in nats

    Raises
    ------
    PanelError
        As `regime_call`; if there is no day, or no margin up to 3 is enough.
    """
    _check(probabilities)
    if probabilities.empty:
        raise PanelError(
            "A margin is chosen on training probabilities, but there are none. Give those of a "
            "walk-forward."
        )
    proba = probabilities[list(REGIMES)].to_numpy()
    for margin in np.arange(0.25, 3.01, 0.25):
        called = _with_hysteresis(proba, float(margin))
        if (called[1:] != called[:-1]).sum() / len(called) * 252 <= at_most:
            return float(margin)
    raise PanelError(
        f"No margin up to 3 keeps the calls to {at_most} changes a year; "
        "the probabilities are too restless to be called. Allow more changes, or use another model."
    )


def _check(probabilities: pd.DataFrame) -> None:
    if missing := [name for name in REGIMES if name not in probabilities]:
        raise PanelError(
            f"A call needs a probability of {', '.join(REGIMES)}; missing: {', '.join(missing)}. "
            "Give a column for each."
        )
    values = probabilities[list(REGIMES)].to_numpy(dtype=np.float64)
    days = probabilities.index
    bad = ~(np.isfinite(values).all(axis=1) & (values >= 0).all(axis=1))
    bad |= np.abs(np.where(bad[:, None], 0.0, values).sum(axis=1) - 1) > 1e-6
    if bad.any():
        raise PanelError(
            f"Probabilities are not negative and sum to one; on {days[bad][0]:%Y-%m-%d} they are "
            f"{values[bad][0].tolist()}. Leave such days out."
        )
    if not days.is_monotonic_increasing or days.has_duplicates:
        raise PanelError(
            f"A call follows the days in order, each once; of these {len(days)}, "
            f"{int(days.duplicated().sum())} come again"
            f"{'' if days.is_monotonic_increasing else ' and some are out of order'}. Sort them, "
            "and keep one row of each."
        )


def _with_hysteresis(proba: np.ndarray, margin: float, before: int | None = None) -> np.ndarray:
    """The regime called on each day, from one change of hands to the next.

    Without a call `before`, the first is of the most probable regime.
    """
    log_odds = np.log(np.maximum(proba, 1e-12))
    ahead = log_odds.max(axis=1, keepdims=True, initial=-np.inf) - log_odds >= margin
    challenger = log_odds.argmax(axis=1)
    taken_from = [np.flatnonzero(ahead[:, regime]) for regime in range(proba.shape[1])]
    called = np.empty(len(proba), dtype=np.int64)
    day, now = 0, before if before is not None else int(challenger[0]) if len(proba) else 0
    while day < len(proba):
        losses = taken_from[now]
        at = int(np.searchsorted(losses, day))
        change = int(losses[at]) if at < len(losses) else len(proba)
        called[day:change] = now
        if change < len(proba):
            now = int(challenger[change])
            called[change] = now
        day = change + 1
    return called


def _going_on(
    codes: np.ndarray, proba: pd.DataFrame, margin: float, published: "pd.Series[str]"
) -> np.ndarray:
    """The calls with those that were made put in, each stretch between going on from one."""
    if unknown := sorted({*published} - {*REGIMES}):
        raise PanelError(
            f"A call names one of {', '.join(REGIMES)}, and a published one {unknown}."
        )
    made = published.reindex(proba.index)
    known = made.notna().to_numpy()
    codes = np.where(known, made.map({name: at for at, name in enumerate(REGIMES)}), codes)
    codes = codes.astype(np.int64)
    # Where a stretch of days without a call begins, after one with a call, and where it ends.
    edges = np.flatnonzero(np.diff(np.r_[known, True].astype(np.int8))) + 1
    starts = [at for at in edges if at < len(known) and not known[at]]
    for start in starts:
        end = int(edges[np.searchsorted(edges, start, side="right")])
        codes[start:end] = _with_hysteresis(
            proba.to_numpy()[start:end], margin, before=int(codes[start - 1])
        )
    return codes


def _start_of_run(called: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    days = called.index.to_series()
    return days.where(called != called.shift()).ffill()


def _regime_before(called: "pd.Series[str]") -> "pd.Series[str]":
    """The regime called before the present one; missing in the first run."""
    return called.shift().where(called != called.shift()).ffill()


def _status(
    calls: pd.DataFrame,
    proba: pd.DataFrame,
    path: pd.DataFrame | None,
    before: "pd.Series[str]",
) -> "pd.Series[str]":
    ranked = np.sort(proba.to_numpy(), axis=1)
    contested = (
        (ranked[:, -1] < 0.5)
        | (ranked[:, -1] - ranked[:, -2] < CLOSE)
        | (calls["most_probable"] != calls["regime"])
    )
    confirmed = pd.Series(ranked[:, -1] > SURE, proba.index)
    if path is not None:
        known = path.reindex(proba.index)
        leads = known["leader"] == calls["regime"]
        confirmed |= leads & (known["leader_since"] <= known["confirmed_through"])
    handover = before.notna() & (before != calls["regime"])
    status = np.select(
        [contested, confirmed, handover],
        [Status.CONTESTED, Status.CONFIRMED, Status.HANDOVER],
        Status.PROVISIONAL,
    )
    return pd.Series(status, proba.index)


_TOLD = ("status", "regime", "most_probable", "runner_up", "handover_from")


@lru_cache(maxsize=256)
def _words(status: str, regime: str, first: str, second: str, before: Any) -> str:
    """What a reader is told: "Mega-cap led, confirmed"."""
    match status:
        case Status.CONTESTED:
            return f"Contested: {Regime(first).short} / {Regime(second).short}"
        case Status.HANDOVER:
            return f"Handover, unconfirmed: {Regime(before).short} to {Regime(regime).short}"
    return f"{Regime(regime).words}, {status}"


def _qualifier(calls: pd.DataFrame, conditions: pd.DataFrame | None) -> "pd.Series[str]":
    """Direction of the market since the call, and what does not fit it; "" if unknown."""
    said = pd.Series("", calls.index)
    if conditions is None:
        return said
    since = {
        name: _since_call(conditions[name].reindex(calls.index), calls["called_since"])
        for name in map(str, conditions)
        if name.endswith("_return") or name.startswith("return_")
    }
    if "market_return" in since:
        market = since["market_return"]
        said = said.mask(market > 0, "rising market").mask(market < 0, "falling market")
        flight = (calls["regime"] == Regime.MEGA_CAP_LED) & (market < 0)
        said = said.mask(flight, "flight to size")
    if {f"return_{regime}" for regime in REGIMES} <= {*since}:
        mega, broad, small = (since[f"return_{regime}"] for regime in REGIMES)
        said = said.mask((mega < 0) & (broad > 0) & (small > 0), "rotation")
    if "members_above_200d" in conditions:
        thin = conditions["members_above_200d"].reindex(calls.index) < 0.5
        said = said.mask(thin, said.where(said == "", said + ", ") + "breadth not confirming")
    return said


def _since_call(
    returns: "pd.Series[float]", called_since: "pd.Series[pd.Timestamp]"
) -> "pd.Series[float]":
    """Sum of the returns after the close of the day the call was made."""
    level = returns.fillna(0.0).cumsum()
    return level - level.reindex(called_since).to_numpy()

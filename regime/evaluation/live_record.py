"""What was published, judged by what came: returns of the called basket, and settled labels.

Nobody trades at the close that made the signal: a call is entered at the close of the session
after its day, so the first return it earns is that of the session after that, as in
`regime.evaluation.rotation`. Only what stood published by that close, in time to be acted on,
counts; a correction that came later cannot make the record better, nor take a day out of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from regime.data.calendar import session_closes
from regime.evaluation.rotation import FEWEST_BLOCKS
from regime.evaluation.scores import count_episodes, log_losses
from regime.evaluation.significance import BLOCK, LEVEL, edge_interval
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES

FAST, SLOW = "return over the equal mix", "log loss"
SESSIONS = (21, 63)  # that a call is given to earn
# Where what a call is worth differs by chance, an interval said to hold the truth nine times in
# ten does so over four years with 40 calls in 77%, with 20 in 68%, with ten in 58%, with four in
# 38%; over ten years it is much the same.
FEWEST_EPISODES = 20


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each day and horizon the one row that its record is about.

    Parameters
    ----------
    rows : DataFrame of `Ledger.read`, of one basket set and one role, any horizons
        With every correction (`newest_only=False`), or the record is of the newest alone.

    Returns
    -------
    DataFrame with the same columns and `late`, by date and horizon
        The newest row published by the close of the next session; where there is none, the
        first, and `late` is True: published after the next session had closed.

    Raises
    ------
    EvaluationError
        If rows of several basket sets or roles are mixed.
    """
    kinds = rows[["baskets", "role"]].drop_duplicates()
    if len(kinds) > 1:
        found = "; ".join(f"{baskets} {role}" for baskets, role in kinds.to_numpy())
        raise EvaluationError(
            f"A live record is of one basket set and one role, but rows are of {found}. Read the "
            f"ledger for one of them."
        )
    rows = rows.sort_values(["date", "horizon", "seq"], ignore_index=True)
    if rows.empty:
        return rows.assign(late=pd.Series(dtype=bool))
    closes = session_closes(rows["date"].iloc[-1])
    following = closes.index.searchsorted(pd.DatetimeIndex(rows["date"]), side="right")
    late = rows["published_at"].to_numpy() > closes.iloc[following].to_numpy()
    rows = rows.assign(late=late)
    key = ["date", "horizon"]
    in_time = rows[~late].drop_duplicates(key, keep="last")
    first = rows[late].drop_duplicates(key, keep="first")
    both = pd.concat([in_time, first]).drop_duplicates(key, keep="first")
    return both.sort_values(key, ignore_index=True)


def fast_record(
    rows: pd.DataFrame, returns: pd.DataFrame, sessions: Sequence[int] = SESSIONS
) -> pd.DataFrame:
    """What each day's call earned over an equal mix of the three.

    Parameters
    ----------
    rows : as for `judged`; those of horizon 0 are looked at
    returns : DataFrame with a column per regime, indexed by session
        Daily log returns, as of `data.baskets.spliced_returns`; days on which one is missing
        are left out.

    Returns
    -------
    DataFrame, one row per published day, in their order
        `date`, `call`, `published_at`, `late`, and `excess_21`, `excess_63`: log return of the
        called basket less that of the mix, rebalanced every day and free of costs, over so many
        sessions after the close at which the call could be acted on; NaN until the last of
        them is there.
    """
    now = judged(rows[rows["horizon"] == 0])
    known = returns[list(REGIMES)].dropna()
    logs = known.to_numpy(dtype=np.float64)
    over_mix = logs - np.log(np.exp(logs).mean(axis=1, keepdims=True))
    earned = np.vstack([np.zeros((1, len(REGIMES))), over_mix.cumsum(axis=0)])
    column = now["call"].map({name: at for at, name in enumerate(REGIMES)}).to_numpy("int64")
    # `earned[k]` is what k sessions gave; the session of the entry is the last that gives nothing.
    entered = known.index.searchsorted(pd.DatetimeIndex(now["date"]), side="right") + 1
    found = now[["date", "call", "published_at", "late"]].copy()
    for count in sessions:
        end = entered + count
        complete = end < len(earned)
        excess = np.full(len(now), np.nan)
        at = column[complete]
        excess[complete] = earned[end[complete], at] - earned[entered[complete], at]
        found[f"excess_{count}"] = excess
    return found


def slow_record(rows: pd.DataFrame, targets: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """The log loss of each published day and horizon whose label is settled.

    Parameters
    ----------
    rows : as for `judged`
    targets : by horizon, DataFrame of `labels.leadership.target`

    Returns
    -------
    DataFrame, one row per published day and horizon there is a target for
        `date`, `horizon`, `call`, `published_at`, `late`, `regime` (what it came to),
        `confirmed_on`, and `log_loss` in nats; missing, NaT and NaN until it is confirmed.
    """
    told = judged(rows[rows["horizon"].isin(list(targets))])
    parts = []
    for horizon, target in targets.items():
        mine = told[told["horizon"] == horizon]
        came = target.reindex(pd.DatetimeIndex(mine["date"]))
        settled = came["confirmed_on"].notna().to_numpy()
        losses = np.full(len(mine), np.nan)
        actual = came["regime"][settled]
        losses[settled] = log_losses(mine.loc[settled, list(REGIMES)], actual).to_numpy()
        part = mine[["date", "horizon", "call", "published_at", "late"]]
        parts.append(
            part.assign(
                regime=came["regime"].where(settled).to_numpy(),
                confirmed_on=came["confirmed_on"].to_numpy(),
                log_loss=losses,
            )
        )
    if not parts:
        raise EvaluationError("A slow record needs the target of some horizon; found none.")
    return pd.concat(parts).sort_values(["date", "horizon"], ignore_index=True)


def summary(fast: pd.DataFrame, slow: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """Both records in a few numbers, and what may be said of them.

    Returns
    -------
    One dict per record and number of sessions, plain values ready for JSON
        `record` (`FAST` or `SLOW`), `sessions` ahead, `mean` over the live days that are
        complete (log return, or nats), None without any; `low` and `high`, its interval at
        `level` by a stationary bootstrap of days in blocks of a year, which holds neighbours
        that share returns or a label together; None where it would promise too much, with fewer
        than `FEWEST_BLOCKS` such blocks or `FEWEST_EPISODES` episodes. `n_days` are those days,
        `n_episodes` their stretches of one call, for the log loss of one settled regime,
        `n_open` live days that are not complete yet, `n_late` days published too late, which no
        other number counts. `verdict` says it in words.
    """
    columns = [name for name in fast.columns if str(name).startswith("excess_")]
    told = [(FAST, int(name.removeprefix("excess_")), fast, name) for name in columns]
    if slow is not None:
        told += [
            (SLOW, int(str(horizon)), part, "log_loss") for horizon, part in slow.groupby("horizon")
        ]
    return [_summed(*one) for one in told]


def _summed(record: str, sessions: int, rows: pd.DataFrame, column: str) -> dict[str, Any]:
    live = rows[~rows["late"]]
    complete = live.dropna(subset=[column])
    values = complete[column].reset_index(drop=True)
    episodes = count_episodes(complete["call" if record == FAST else "regime"])
    mean, low, high = (float(values.mean()) if len(values) else None), None, None
    if len(values) >= FEWEST_BLOCKS * BLOCK and episodes >= FEWEST_EPISODES:
        # An edge is reference less loss; the mean of the values is that of nothing over them.
        _, low, high = edge_interval(values, values * 0.0)
    said: dict[str, Any] = {
        "record": record,
        "sessions": sessions,
        "mean": mean,
        "low": low,
        "high": high,
        "level": LEVEL,
        "n_days": len(values),
        "n_episodes": episodes,
        "n_open": len(live) - len(complete),
        "n_late": int(rows["late"].sum()),
    }
    return {**said, "verdict": _verdict(said)}


def _verdict(said: Mapping[str, Any]) -> str:
    if said["mean"] is None:
        return "nothing to judge yet"
    if said["low"] is None:
        stretch = "call" if said["record"] == FAST else "episode"
        days, stretches = (
            f"{said[key]:,} {word}{'' if said[key] == 1 else 's'}"
            for key, word in (("n_days", "day"), ("n_episodes", stretch))
        )
        return f"{days} in {stretches}, too few to tell anything from chance"
    if said["record"] == SLOW:
        nothing = np.log(len(REGIMES))  # what three equal probabilities lose
        if said["high"] < nothing:
            return f"better than three equal probabilities, which lose {nothing:.3f}"
        return f"not told from three equal probabilities, which lose {nothing:.3f}"
    if said["low"] <= 0 <= said["high"]:
        return "not told from chance"
    kind = "more" if said["low"] > 0 else "less"
    return f"{kind} than the mix, before costs and before counting what else was tried"

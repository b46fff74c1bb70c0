"""Which regime led when a signal stood where it stands, told in hindsight.

This describes; it predicts nothing. Levels of the thirds are those of the whole of confirmed
history, and labels are hindsight.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.taxonomy import REGIMES

EPISODES = 10  # below which nobody can tell what a signal favours
BLOCK = 5  # neighbouring episodes redrawn together: some two years
RESAMPLES = 1000
# One of three regimes is named by chance alone in about one of twenty signals: see `leaders`.
LEVEL = 1 - 0.05 / len(REGIMES)
THIRDS = ("lowest", "middle", "highest")
LEADERS = ["third", "above", "up_to", "days", "episodes", *REGIMES, "favours", "low", "high"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def leaders(values: "pd.Series[float]", labels: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Who led when a signal stood in each third of its confirmed days.

    A regime is favoured in a third if its share of the third's days exceeds its share of all days
    on which the signal was known, and the interval of that difference, from a bootstrap, leaves
    out zero. Days of one episode are one case: whole episodes are redrawn, `BLOCK` neighbours at
    a time, so that a signal that stays where it is for years is not taken for many. A third that
    met fewer than `EPISODES` of them favours nobody. On simulated markets of some ninety episodes
    4.6% of signals of noise are named, and 2.8% of those that change over two years
    (tests/signals/test_favoured.py, `long`).

    Parameters
    ----------
    values : indexed by trading day
    labels : `date`, `regime` and `confirmed_on`, hindsight as it looked on `day`

    Returns
    -------
    DataFrame with the columns `LEADERS`, a row per third
        Values in it are `above` one level and `up_to` another; `days` and `episodes` in it,
        the share of each regime, `favours` ("": cannot be told), and the interval from `low` to
        `high` of what its share exceeds the usual one by (NaN if nobody is favoured).

    References
    ----------
    Politis and Romano (1992), in Exploring the Limits of Bootstrap, 263-270: circular blocks.
    """
    path = _confirmed(labels, day)
    column = values.reindex(pd.DatetimeIndex(path["date"])).to_frame().to_numpy(dtype=np.float64)
    limits = _limits(column)[:, 0]
    masks = np.hstack([_between(column, *limits[third : third + 2]) for third in range(3)])
    told = _who_led(masks, np.repeat(~np.isnan(column), 3, axis=1), path)
    told = told.assign(third=list(THIRDS), above=limits[:3], up_to=limits[1:])
    seen = column[~np.isnan(column)]
    if len(seen):
        told.loc[0, "above"], told.loc[2, "up_to"] = seen.min(), seen.max()
    return told[LEADERS]


def favoured(
    values: FloatArray, dates: pd.DatetimeIndex, labels: pd.DataFrame, day: pd.Timestamp
) -> pd.DataFrame:
    """The same of many signals, in the third in which each stands on the last row.

    Parameters
    ----------
    values : array of shape (n_days, n_signals), NaN where not known
    dates : trading day of each row, ascending
    labels, day : as of `leaders`; rows of `values` after `day` are not to be there

    Returns
    -------
    DataFrame with a row per signal: `third` ("": not known), `favours`, `share`, `usual`, `low`,
    `high` and `episodes`
    """
    path = _confirmed(labels, day)
    rows = dates.get_indexer(pd.DatetimeIndex(path["date"]))
    past = np.array(values.take(rows, axis=0), dtype=np.float64)
    past[rows < 0] = np.nan
    limits, now = _limits(past), values[-1]
    with np.errstate(invalid="ignore"):
        third = np.where(now <= limits[1], 0, np.where(now <= limits[2], 1, 2))
    of = np.arange(len(third))
    there = ~np.isnan(past)
    told = _who_led(_between(past, limits[third, of], limits[third + 1, of]), there, path)
    known = ~np.isnan(now) & ~np.isnan(limits[1])
    place = [REGIMES.index(one) if one else 0 for one in told["favours"]]
    named = known & (told["favours"] != "").to_numpy()
    shares = told[list(REGIMES)].to_numpy(dtype=np.float64)[of, place]
    usual = _usual(there, path)[place, of]
    return pd.DataFrame(
        {
            "third": np.where(known, np.array(THIRDS)[third], ""),
            "favours": told["favours"].where(named, ""),
            "share": np.where(named, shares, np.nan),
            "usual": np.where(named, usual, np.nan),
            "low": told["low"].where(named),
            "high": told["high"].where(named),
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


def _by_episode(masks: BoolArray, path: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Days of each episode in each mask, and by regime which episodes are its own."""
    regime = path["regime"].to_numpy()
    starts = np.flatnonzero(np.r_[True, regime[1:] != regime[:-1]])
    met = np.add.reduceat(masks.astype(np.float64), starts, axis=0)
    own = np.stack([regime[starts] == one for one in REGIMES]).astype(np.float64)
    return met, own


def _usual(there: BoolArray, path: pd.DataFrame) -> FloatArray:
    """Share of each regime in the days on which each signal was known."""
    if not len(path):
        return np.full((len(REGIMES), there.shape[1]), np.nan)
    met, own = _by_episode(there, path)
    with np.errstate(invalid="ignore"):
        share: FloatArray = (own @ met) / met.sum(axis=0)
    return share


def _who_led(masks: BoolArray, there: BoolArray, path: pd.DataFrame) -> pd.DataFrame:
    """Of the days in each column of `masks`: how many, of how many episodes, and who led."""
    days = masks.sum(axis=0)
    if not len(path):
        nothing = dict.fromkeys([*REGIMES, "low", "high"], np.nan)
        return pd.DataFrame({"days": days, "episodes": 0}).assign(**nothing, favours="")
    met, own = _by_episode(masks, path)
    known, _ = _by_episode(there, path)
    episodes = (met > 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        shares = (own @ met) / days
        excess = shares - (own @ known) / known.sum(axis=0)
    best = np.nan_to_num(excess, nan=-np.inf).argmax(axis=0)
    low, high = _interval(met, known, own[best])
    told = (low > 0) & (episodes >= EPISODES)
    return pd.DataFrame(
        {
            "days": days,
            "episodes": episodes,
            **dict(zip(REGIMES, shares, strict=True)),
            "favours": np.where(told, np.array(REGIMES)[best], ""),
            "low": np.where(told, low, np.nan),
            "high": np.where(told, high, np.nan),
        }
    )


def _interval(met: FloatArray, known: FloatArray, own: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ends of the interval of a regime's share in the third less its usual share.

    Parameters
    ----------
    met, known : arrays of shape (n_episodes, n_signals), days in the third and days known
    own : array of shape (n_signals, n_episodes), 1 for an episode of the regime in question
    """
    weights = _redrawn(len(met))
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = (weights @ (met * own.T)) / (weights @ met)
        usual = (weights @ (known * own.T)) / (weights @ known)
    # A redraw that met no day of the third says nothing for it.
    drawn = np.nan_to_num(inside - usual, nan=0.0)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def _redrawn(episodes: int) -> FloatArray:
    """How often each episode is drawn in each resample: circular blocks of `BLOCK` neighbours."""
    rng = np.random.default_rng(0)
    blocks = -(-episodes // BLOCK)
    first = rng.integers(0, episodes, size=(RESAMPLES, blocks, 1))
    drawn = ((first + np.arange(BLOCK)) % episodes).reshape(RESAMPLES, -1)[:, :episodes]
    flat = drawn + episodes * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(flat.ravel(), minlength=RESAMPLES * episodes)
    return counts.reshape(RESAMPLES, episodes).astype(np.float64)

"""Whether one model's losses are below another's, given that neighbours share a label."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

LEVEL = 0.90
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)  # quantiles at the ends of an interval
BLOCK = 252  # trading days; labels overlap for months, so shorter blocks flatter
OTHER_BLOCKS = (126, 504)  # shown beside, so that nothing hangs on the choice
RESAMPLES = 1000
POWER = 0.80
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Edge:
    """Mean of (reference loss less model loss), nats; positive where the model is better.

    Attributes
    ----------
    edge : nats per day
    se, low, high : standard error and interval at `LEVEL`, nats; stationary bootstrap
    se_by_block : the standard error with other mean block lengths, by trading days
    dm_p : two-sided p of the Diebold-Mariano test; None where the losses are the same
    detectable : the smallest true edge a two-sided test at 1 - LEVEL finds four times in five
    """

    edge: float
    se: float
    low: float
    high: float
    se_by_block: dict[int, float]
    dm_p: float | None
    detectable: float


def edge_over(reference: "pd.Series[float]", losses: "pd.Series[float]", seed: int = 0) -> Edge:
    """Compare two models' losses on the same rows.

    Parameters
    ----------
    reference, losses : Series of shape (n_days,)
        Log losses of the reference and of the model, nats, on the same trading days.
    seed : of the bootstrap's draws

    Returns
    -------
    Edge, in nats per day; positive where the model is better than the reference.

    Raises
    ------
    ValueError
        If the two are not of the same days.

    References
    ----------
    Politis and Romano (1994), JASA 89(428), 1303-1313: the stationary bootstrap.
    Diebold and Mariano (1995), JBES 13(3), 253-263.
    """
    if not reference.index.equals(losses.index):
        raise ValueError(
            f"Losses are compared on the same rows; found {len(reference)} of the reference and "
            f"{len(losses)} of the model, not all of the same days. Keep the days that both have."
        )
    gain = (reference - losses).to_numpy()
    if not gain.any():
        return Edge(0.0, 0.0, 0.0, 0.0, dict.fromkeys(OTHER_BLOCKS, 0.0), None, 0.0)
    means = _resampled_means(gain, BLOCK, seed)
    low, high = np.quantile(means, TAILS)
    se = float(means.std(ddof=1))
    return Edge(
        edge=float(gain.mean()),
        se=se,
        low=float(low),
        high=float(high),
        se_by_block={
            block: float(_resampled_means(gain, block, seed).std(ddof=1)) for block in OTHER_BLOCKS
        },
        dm_p=diebold_mariano_p(gain),
        detectable=float((_NORMAL.inv_cdf((1 + LEVEL) / 2) + _NORMAL.inv_cdf(POWER)) * se),
    )


def edge_interval(
    reference: "pd.Series[float]", losses: "pd.Series[float]", seed: int = 0
) -> tuple[float, float, float]:
    """Edge, and both ends of its interval: what `edge_over` says of them, in a third of the time.

    For the many parts of a sample; on fewer rows than two blocks it says little. The days are
    taken to be the same: whoever asks has matched them.

    Parameters
    ----------
    reference, losses : Series of shape (n_days,)
        Log losses of the reference and of the model, nats, on the same trading days.
    seed : of the bootstrap's draws

    Returns
    -------
    tuple of three floats, nats: the edge, the lower and the upper end.
    """
    gain = (reference - losses).to_numpy()
    if not gain.any():
        return 0.0, 0.0, 0.0
    means = _resampled_means(gain, BLOCK, seed)
    low, high = np.quantile(means, TAILS)
    return float(gain.mean()), float(low), float(high)


def _resampled_means(gain: np.ndarray, block: int, seed: int) -> np.ndarray:
    from arch.bootstrap import StationaryBootstrap  # a second's import, only needed here

    bootstrap = StationaryBootstrap(block, gain, seed=np.random.default_rng(seed))
    return np.asarray(bootstrap.apply(np.mean, RESAMPLES)).ravel()


def diebold_mariano_p(gain: np.ndarray, lag: int = BLOCK) -> float:
    """Two-sided p of a zero mean, Newey-West standard error with `lag` autocovariances.

    Parameters
    ----------
    gain : ndarray of shape (n_days,)
        Reference loss less model loss, nats, in time order.
    lag : autocovariances, in trading days

    Returns
    -------
    float, a probability
    """
    from statsmodels.regression.linear_model import OLS

    fit = OLS(gain, np.ones_like(gain)).fit(
        cov_type="HAC", cov_kwds={"maxlags": min(lag, len(gain) - 1)}
    )
    return float(fit.pvalues[0])

"""Whether a Sharpe ratio is more than a short record, fat tails and many trials would give.

Every ratio is per observation, never annualised: divide an annual one by the square root of
the observations in a year. Overlapping forecast horizons are no matter here, since daily
returns do not overlap. Their autocorrelation is: the published formulas take returns as
independent, so a `TrackRecord` made from returns counts its days for what they are worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, e, isfinite, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.exceptions import EvaluationError

_FEWEST = 4  # observations, for four moments
_NORMAL = NormalDist()


class Tried(NamedTuple):
    """What was scored on one basket set.

    Attributes
    ----------
    n_trials : different configurations, deleted runs included
    sharpes : Series by configuration, of those that kept a ratio: per day, not annualised
    """

    n_trials: int
    sharpes: "pd.Series[float]"


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What there is to know of one strategy's returns.

    Attributes
    ----------
    sharpe : mean over standard deviation, per observation
    n_days : observations; or those that independent returns would need to be as telling
    skew, kurtosis : third and fourth standardised moments; 0 and 3 for normal returns

    Raises
    ------
    EvaluationError
        If the moments are not those of any distribution, or there are fewer than two days.
    """

    sharpe: float
    n_days: float
    skew: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        if not all(isfinite(value) for value in (self.sharpe, self.skew, self.kurtosis)):
            raise EvaluationError(
                "A track record needs a finite Sharpe ratio, skew and kurtosis; found "
                f"{self.sharpe}, {self.skew} and {self.kurtosis}. Leave out missing returns."
            )
        if not 2 <= self.n_days < float("inf"):
            raise EvaluationError(
                f"A track record needs two observations or more; found {self.n_days}. "
                "Judge a longer period."
            )
        # Returns of only two sizes are at the bound, to rounding.
        if self.kurtosis < (1 + self.skew**2) * (1 - 1e-9):
            raise EvaluationError(
                f"No returns have a kurtosis of {self.kurtosis} with a skew of {self.skew}; it is "
                f"at least 1 + skew squared, {1 + self.skew**2:g}. Give the kurtosis itself "
                "(3 for normal returns), not its excess over 3."
            )


def track_record(returns: "pd.Series[float]", *, independent: bool = False) -> TrackRecord:
    """The record of daily returns, or of daily spreads over a rival.

    Parameters
    ----------
    returns : Series of simple returns, one per trading day, in order, none missing
    independent : count every day as one observation, as the published formulas do

    Returns
    -------
    TrackRecord, per observation; `n_days` by `effective_days` unless `independent`

    Raises
    ------
    EvaluationError
        If a return is missing, there are fewer than four, or they are all the same.
    """
    values = np.asarray(returns, dtype=np.float64)
    if len(values) < _FEWEST or not np.isfinite(values).all():
        raise EvaluationError(
            f"A track record needs {_FEWEST} returns or more and none missing; found "
            f"{len(values)}, {int((~np.isfinite(values)).sum())} of them missing. Judge the days "
            "that have a return."
        )
    spread = float(values.std(ddof=1))
    # A constant that is no power of two has a standard deviation of rounding errors.
    if spread <= 1e-12 * float(np.abs(values).max()):
        raise EvaluationError(
            f"A Sharpe ratio needs returns that vary; found {len(values)} times {values[0]:g}. "
            "Compare with a rival that is not the strategy itself."
        )
    scaled = (values - values.mean()) / values.std()
    return TrackRecord(
        sharpe=float(values.mean()) / spread,
        n_days=float(len(values)) if independent else effective_days(values),
        skew=float((scaled**3).mean()),
        kurtosis=float((scaled**4).mean()),
    )


def effective_days(returns: npt.ArrayLike, lag: int | None = None) -> float:
    """How many independent returns would tell as much about the Sharpe ratio as these do.

    The days, times the variance the estimate would have if they were independent, over the
    one it has with their autocovariances up to `lag` (Bartlett weights). Days that offset
    one another are not credited: never more than there are.

    Parameters
    ----------
    returns : array of shape (n_days,), finite and not all the same
    lag : trading days; by default 4 (n_days / 100)^(2/9), rounded down

    Returns
    -------
    float, days; 2 to n_days

    References
    ----------
    Lo (2002), Financial Analysts Journal 58(4), 36-52: the Sharpe ratio by GMM.
    Newey and West (1987), Econometrica 55(3), 703-708; (1994), Review of Economic Studies
    61(4), 631-653: the weights and the default lag.
    """
    values = np.asarray(returns, dtype=np.float64)
    n_days = len(values)
    steps = int(4 * (n_days / 100) ** (2 / 9)) if lag is None else lag
    scaled = (values - values.mean()) / values.std()
    # What each day adds to the error of mean over deviation; its variance is `_variance`.
    influence = scaled - values.mean() / values.std() / 2 * (scaled**2 - 1)
    alone = float(influence @ influence)
    together = alone + 2 * sum(
        (1 - step / (steps + 1)) * float(influence[step:] @ influence[:-step])
        for step in range(1, min(steps, n_days - 1) + 1)
    )
    if together <= alone:
        return float(n_days)
    return max(n_days * alone / together, 2.0)


def probabilistic_sharpe(record: TrackRecord, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio is above `benchmark`, given the observed one.

    References
    ----------
    Bailey and López de Prado (2012), Journal of Risk 15(2), 3-44.
    """
    error = sqrt(_variance(record) / (record.n_days - 1))
    if error == 0:  # two outcomes, and a ratio that does not depend on how often each came
        return float(record.sharpe > benchmark)
    return _NORMAL.cdf((record.sharpe - benchmark) / error)


def minimum_track_record(
    record: TrackRecord, benchmark: float = 0.0, confidence: float = 0.95
) -> int | None:
    """Observations after which such returns would be above `benchmark` with that confidence.

    Independent observations, whatever the record's own number. None where the ratio is not
    above the benchmark: then no record is long enough.

    References
    ----------
    Bailey and López de Prado (2012), Journal of Risk 15(2), 3-44.
    """
    if not 0.5 <= confidence < 1:
        raise EvaluationError(
            f"A confidence lies between 0.5 and 1; found {confidence}. 0.95 is customary."
        )
    if record.sharpe <= benchmark:
        return None
    return ceil(
        1 + _variance(record) * (_NORMAL.inv_cdf(confidence) / (record.sharpe - benchmark)) ** 2
    )


def expected_maximum(n_trials: int, variance: float) -> float:
    """The best Sharpe ratio that so many independent trials of no worth are expected to show.

    Parameters
    ----------
    n_trials : strategies that were tried, the discarded ones too. Trials that resemble one
        another count as fewer; to count each is to err on the strict side.
    variance : of the trials' Sharpe ratios, per observation (annual variance over 252)

    References
    ----------
    Bailey and López de Prado (2014), Journal of Portfolio Management 40(5), 94-107. An
    approximation from extreme values: 8% below the exact one at two trials, at three to a
    hundred 1 to 3% above it.
    """
    if not n_trials >= 1 or n_trials % 1:
        raise EvaluationError(
            f"The number of trials is a whole number from 1 on; found {n_trials}. Count every "
            "configuration that was run."
        )
    if not 0 <= variance < float("inf"):
        raise EvaluationError(
            f"The variance of the trials' Sharpe ratios is finite and not negative; found "
            f"{variance}. Give each trial's ratio."
        )
    if n_trials == 1:  # the approximation has no value there, and one trial selects nothing
        return 0.0
    best = (1 - np.euler_gamma) * _NORMAL.inv_cdf(1 - 1 / n_trials)
    best += np.euler_gamma * _NORMAL.inv_cdf(1 - 1 / (n_trials * e))
    return float(best) * sqrt(variance)


def deflated_sharpe(record: TrackRecord, n_trials: int, variance: float) -> float:
    """Probability that the best of the trials is better than the best of worthless ones.

    Parameters
    ----------
    record : of the trial with the highest Sharpe ratio
    n_trials, variance : as for `expected_maximum`

    References
    ----------
    Bailey and López de Prado (2014), Journal of Portfolio Management 40(5), 94-107.
    """
    return probabilistic_sharpe(record, expected_maximum(n_trials, variance))


def deflated_sharpe_of(trials: Sequence["pd.Series[float]"]) -> float:
    """The same, from the daily returns of every trial: the best one, against all of them.

    Raises
    ------
    EvaluationError
        If there is no trial, or `track_record` refuses one.
    """
    if not trials:
        raise EvaluationError("No trial was given. Give the daily returns of each one.")
    records = [track_record(returns) for returns in trials]
    ratios = [record.sharpe for record in records]
    variance = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    return deflated_sharpe(records[int(np.argmax(ratios))], len(records), variance)


def _variance(record: TrackRecord) -> float:
    """Of a Sharpe ratio, times the number of independent observations."""
    # Not negative for any possible moments, but rounding may see to that at the bound.
    return max(1 - record.skew * record.sharpe + (record.kurtosis - 1) / 4 * record.sharpe**2, 0.0)

"""How good probabilities were, row by row and in one number.

`proba` has one column per regime and rows that sum to one; `actual` holds regime names on
the same index. A score never sees a row whose label is not confirmed.
"""

import numpy as np
import pandas as pd

from regime.taxonomy import REGIMES

TRADING_DAYS = 252  # a year
_FLOOR = 1e-15  # a certain model that is wrong loses 34.5 nats, not infinity


def log_losses(proba: pd.DataFrame, actual: "pd.Series[str]") -> "pd.Series[float]":
    """Minus the log of the probability given to what happened, per row, in nats.

    Parameters
    ----------
    proba : DataFrame of shape (n_days, n_regimes)
        Probabilities, one column per regime, indexed by trading day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `proba`.

    Returns
    -------
    Series of shape (n_days,), nats, 0 to 34.5: below 1e-15 a probability counts as 1e-15.

    Examples
    --------
    Half a nat is not half a probability: from 0.5 to 0.25 costs 0.69.

    >>> import pandas as pd
    >>> names = ["mega_cap_led", "broadening", "small_cap_led"]
    >>> proba = pd.DataFrame([[0.5, 0.3, 0.2], [0.25, 0.5, 0.25]], columns=names)
    >>> log_losses(proba, pd.Series(["mega_cap_led", "mega_cap_led"])).round(2).tolist()
    [0.69, 1.39]
    """
    given = (proba[list(REGIMES)].to_numpy() * _happened(actual)).sum(axis=1)
    return pd.Series(-np.log(np.maximum(given, _FLOOR)), index=proba.index)


def brier_score(proba: pd.DataFrame, actual: "pd.Series[str]") -> float:
    """Mean over rows of the squared errors summed over regimes: 0 to 2.

    Parameters
    ----------
    proba : DataFrame of shape (n_days, n_regimes)
        Probabilities, one column per regime, indexed by trading day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `proba`.

    Returns
    -------
    float, 0 to 2; no unit. Equal odds on three regimes give 0.667.
    """
    error = proba[list(REGIMES)].to_numpy() - _happened(actual)
    return float((error**2).sum(axis=1).mean())


def balanced_accuracy(called: "pd.Series[str]", actual: "pd.Series[str]") -> float:
    """Mean over the regimes that occurred of the share of their days called right.

    Parameters
    ----------
    called : Series of shape (n_days,)
        The regime that was named each day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `called`.

    Returns
    -------
    float, a share of 1; a coin of three sides has 1/3, however long each regime lasted.
    """
    right = pd.Series(called.to_numpy() == actual.to_numpy())
    return float(right.groupby(actual.to_numpy()).mean().mean())


def expected_calibration_error(
    proba: pd.DataFrame, actual: "pd.Series[str]", n_bins: int = 15
) -> float:
    """Mean gap between what was said and how often it was so.

    All regimes' probabilities are pooled into `n_bins` equal bins; each bin's gap counts
    by its share of them.

    Parameters
    ----------
    proba : DataFrame of shape (n_days, n_regimes)
        Probabilities, one column per regime, indexed by trading day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `proba`.
    n_bins : equal bins of probability

    Returns
    -------
    float, in units of probability, 0 to 1.
    """
    said = proba[list(REGIMES)].to_numpy().ravel()
    so = _happened(actual).ravel()
    bins = np.minimum((said * n_bins).astype(int), n_bins - 1)
    gap = np.bincount(bins, said - so, minlength=n_bins)
    return float(np.abs(gap).sum() / len(said))


def switches_per_year(called: "pd.Series[str]") -> float:
    """Changes of the called regime per 252 rows.

    Parameters
    ----------
    called : Series of shape (n_days,)
        The regime that was named each day.

    Returns
    -------
    float, changes per 252 trading days.
    """
    changes = int((called.to_numpy()[1:] != called.to_numpy()[:-1]).sum())
    return changes / max(len(called) - 1, 1) * TRADING_DAYS


def count_episodes(actual: "pd.Series[str]") -> int:
    """Stretches of one regime: what the number of independent outcomes is about.

    Parameters
    ----------
    actual : Series of shape (n_days,), regime names

    Returns
    -------
    int

    Examples
    --------
    >>> import pandas as pd
    >>> count_episodes(pd.Series(["broadening", "broadening", "mega_cap_led", "broadening"]))
    3
    """
    values = actual.to_numpy()
    return int((values[1:] != values[:-1]).sum()) + 1 if len(values) else 0


def detection_delay(called: "pd.Series[str]", actual: "pd.Series[str]") -> float | None:
    """Mean trading days from a change of regime until it is first called.

    A change that is never called during its episode counts with the episode's length.
    The stretch that was under way on the first row is no change. None if there is none.

    Parameters
    ----------
    called : Series of shape (n_days,)
        The regime that was named each day.
    actual : Series of shape (n_days,)
        The regime of each day, by name; the same days as `called`.

    Returns
    -------
    float, trading days; or None
    """
    number = (actual != actual.shift()).cumsum().to_numpy()
    right = (called == actual).to_numpy()
    delays = []
    for episode in range(2, number[-1] + 1 if len(number) else 0):
        hits = right[number == episode]
        delays.append(int(hits.argmax()) if hits.any() else len(hits))
    return float(np.mean(delays)) if delays else None


def _happened(actual: "pd.Series[str]") -> np.ndarray:
    return np.asarray(actual.to_numpy()[:, None] == np.array(REGIMES, dtype=object)[None, :])

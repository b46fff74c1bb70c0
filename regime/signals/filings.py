"""What a company filed, as a daily panel carries it: shares of today, and the year before.

Panels hold the newest number known at each close, not the period it is of, nor the day it was
filed. A report counts as new on the row where the carried number becomes another; one that
repeats the number before to the last digit is not seen. Row t depends on rows up to t.
"""

import numpy as np
import pandas as pd

from regime.signals.measures import YEAR

# Reports of a quarter come up to a month later or earlier than those of the year before, and a
# quarter after one another.
_LATER = 21


def shares_today(shares: "pd.Series[float]", split: "pd.Series[float]") -> "pd.Series[float]":
    """Shares as filed, times the splits that they do not count yet.

    Parameters
    ----------
    shares : number of shares as carried
    split : new shares for one old on days with a split, NaN on others

    Returns
    -------
    Series; NaN where no shares are known, and from the first row on until the first new report:
    what a panel begins with may have been filed before a split that it does not show.

    Notes
    -----
    Accounts are to count every split up to the day they are issued, back to their first day (ASC
    260-10-55-12): so the splits since the filing multiply, and not all those since the end of the
    quarter. Around a split either may have been done. Of the readings, with the splits since the
    report before counted up to any of them or not at all, the one nearest to the shares of that
    report holds; it is the right one as long as a company issues or buys back less in a quarter
    than a split changes.
    """
    new = _reported(shares)
    so_far = split.fillna(1.0).cumprod().to_numpy()
    filed = shares.to_numpy(np.float64)
    counted = np.full(len(filed), np.nan)  # splits that the shares of a report count already
    last = 0
    for row in np.flatnonzero(new.to_numpy()).tolist():
        if row > 0:
            counted[row] = so_far[row]
            readings = np.append(so_far[last : row + 1], counted[last])
            if not np.isnan(counted[last]) and (readings != readings[0]).any():
                with np.errstate(all="ignore"):  # of shares of zero
                    moved = np.abs(np.log(filed[row] / readings * counted[last] / filed[last]))
                counted[row] = readings[moved.argmin()]
        last = row
    carried = pd.Series(counted, shares.index).ffill()
    return shares * so_far / carried


def market_value(
    close: "pd.Series[float]", shares: "pd.Series[float]", split: "pd.Series[float]"
) -> "pd.Series[float]":
    """Close as quoted times the shares of today, million USD."""
    return close * shares_today(shares, split) / 1e6


def year_before(values: "pd.Series[float]") -> "pd.Series[float]":
    """What was carried, a year before each number came, for the same quarter.

    That is the number of a month after the day a year before, when last year's report of the
    quarter was out and the next one was not. As filed then: later restatements do not count. NaN
    without such a row.
    """
    place = pd.Series(np.arange(len(values), dtype=np.float64), values.index)
    base = place.where(_reported(values)).ffill() - YEAR + _LATER
    found = (base >= 0).to_numpy()
    rows = base.where(found, 0).to_numpy().astype(int)
    return pd.Series(np.where(found, values.to_numpy()[rows], np.nan), values.index)


def growth(values: "pd.Series[float]", base: "pd.Series[float]") -> "pd.Series[float]":
    """Change over a base above zero, decimal; NaN from a loss, of which growth says nothing."""
    return values / base.where(base > 0) - 1


def _reported(values: "pd.Series[float]") -> "pd.Series[bool]":
    """Rows on which the carried number became another."""
    return values.notna() & (values != values.ffill().shift(1))

"""Two frames that should be the same to the bit, and what differs."""

from typing import NamedTuple

import numpy as np
import pandas as pd

TOLERANCE = 1e-12  # of a probability; the same sums in another order


class Compared(NamedTuple):
    """What a comparison found.

    Attributes
    ----------
    cells : how many values were compared
    different : how many of them are not the same
    largest : largest difference of two numbers, also within the tolerance; NaN where one is missing
    first : the first that differs, in words; empty if none does
    """

    cells: int = 0
    different: int = 0
    largest: float = 0.0
    first: str = ""


def compared(then: pd.DataFrame, now: pd.DataFrame, *, tolerance: float = 0.0) -> Compared:
    """Compare what was made of a day's knowledge with what is said of it now.

    Parameters
    ----------
    then, now : DataFrames with the same days and columns; a day or column that only one has is
        a difference in every value
    tolerance : of a number
    """
    rows, columns = then.index.union(now.index), then.columns.union(now.columns, sort=False)
    cells = len(rows) * len(columns)
    lost = [*columns.symmetric_difference(then.columns), *columns.symmetric_difference(now.columns)]
    if lost or not then.index.equals(now.index):
        days = then.index.symmetric_difference(now.index)
        what = f"{lost[0]} is on one side only" if lost else f"{_day(days[0])} is on one side only"
        return Compared(cells, cells, np.nan, what)
    now = now[then.columns]
    if then.equals(now):  # a missing value is the same as another
        return Compared(cells)
    numbers = [name for name in then if then[name].dtype == now[name].dtype == np.float64]
    words = [name for name in then if name not in set(numbers)]
    one, other = then[numbers].to_numpy(), now[numbers].to_numpy()
    apart = np.where(np.isnan(one) & np.isnan(other), 0.0, np.abs(one - other))
    apart = np.where(one == other, 0.0, apart)  # also where both are infinite
    different = ~(apart <= tolerance)
    largest = float(apart.max(initial=0.0))
    said, says = then[words].astype(object), now[words].astype(object)
    unlike = ((said != says) & ~(said.isna() & says.isna())).to_numpy(dtype=bool)
    many = int(different.sum()) + int(unlike.sum())
    if not many:
        return Compared(cells, 0, largest, "")
    table, names = (different, numbers) if different.any() else (unlike, words)
    row, column = np.argwhere(table)[0]
    name = names[column]
    what = f"{name} of {_day(rows[row])}: {then[name].iloc[row]} then, {now[name].iloc[row]} now"
    return Compared(cells, many, largest, what)


def _day(label: object) -> str:
    return f"{label:%Y-%m-%d}" if isinstance(label, pd.Timestamp) else str(label)

"""Panels that every signal can be worked out of, drawn at random, and what is asked of them."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from regime.data.catalog import CATALOG
from regime.data.series import Frequency, Unit
from regime.signals.declaration import Signal
from regime.signals.declared.calendar import EVENTS
from regime.signals.watch import DOLLAR, Basket, Level, Watch
from regime.taxonomy import REGIMES

OWN = "MINE"  # a column of own_prices.csv
WATCH = Watch(
    levels={
        "fund": Level(of="XLK", at=100.0, set=date(2019, 3, 1)),
        "currencies": Level(of=DOLLAR, at=50.0, set=date(2019, 3, 2)),
        "mine": Level(of=OWN, at=100.0, set=date(2020, 1, 1)),
    },
    baskets={
        "chips": Basket(of=("NVDA", OWN), against=("IWM", "SPY"), since=date(2020, 2, 29)),
        "alone": Basket(of=("CBBTCUSD",), since=date(2019, 12, 31)),
    },
)
NO_PATH = pd.DataFrame(
    {"date": pd.DatetimeIndex([]), "regime": [], "confirmed_on": pd.DatetimeIndex([])}
)
_STEP = {Frequency.WEEKLY: 5, Frequency.TWICE_MONTHLY: 10, Frequency.MONTHLY: 21,
         Frequency.QUARTERLY: 63, Frequency.YEARLY: 252}  # fmt: skip
_WALKS = {Unit.INDEX, Unit.LEVEL, Unit.PRICE, Unit.COUNT, Unit.THOUSANDS, Unit.USD}


def columns_of(signals: Sequence[Signal]) -> list[str]:
    """Every column that these read."""
    return sorted({name for one in signals for name in (*one.needs, *one.uses)})


def of_columns(signal: Signal, days: pd.DatetimeIndex, columns: Mapping[str, object]) -> np.ndarray:
    """A signal of columns given day by day, one number for all days where it is one."""
    length = max(len(one) for one in columns.values() if not np.isscalar(one))
    return signal.of(pd.DataFrame(columns, days[:length])).to_numpy()


def carried_on(days: pd.DatetimeIndex, changes: Mapping[int, float]) -> "pd.Series[float]":
    """A number that changes on these rows, NaN before the first."""
    rows = pd.Series(changes, dtype=float).reindex(range(len(days)))
    return rows.ffill().set_axis(days)


def drawn_panel(signals: Sequence[Signal], days: pd.DatetimeIndex, seed: int = 0) -> pd.DataFrame:
    """All that these signals read: daily series with gaps, slow ones carried, some that begin
    late or stop for months, splits, and zero and below where the unit allows it.
    """

    def rng(name):  # a column of its own, whatever else is drawn
        return np.random.default_rng([seed, zlib.crc32(name.encode())])

    return pd.DataFrame(
        {name: _column(name, days, rng(name)) for name in columns_of(signals)}, index=days
    )


def _column(name: str, days: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    n, rows = len(days), np.arange(len(days))
    if name == EVENTS:
        return (rng.random(n) < 0.005).astype(np.float64)
    series, _, kind = name.partition("@")
    one = CATALOG.get(series)
    unit = one.unit if one else Unit.LEVEL
    every = _STEP.get(one.frequency, 1) if one else 1
    if kind == "period":
        return _periods(days, one.frequency)
    if unit is Unit.SPLIT:
        return np.where(rng.random(n) < 0.003, rng.choice([2.0, 0.5, 10.0], n), np.nan)
    values = _values(unit, n // every + 2, rng)[rows // every]
    return np.where(_missing(n, every, rng), np.nan, values)


def _values(unit: Unit, n: int, rng: np.random.Generator) -> np.ndarray:
    if unit in _WALKS:
        return 100 * _around_one(n, rng)
    if unit is Unit.RETURN:
        return np.where(rng.random(n) < 0.02, 0.0, rng.normal(0, 0.01, n))
    if unit is Unit.SHARE:
        return rng.random(n).round(2)
    return _around_one(n, rng) * rng.choice([1.0, 0.0, -1.0], n, p=[0.96, 0.02, 0.02])


def _around_one(n: int, rng: np.random.Generator) -> np.ndarray:
    """Positive values that come back to one again and again."""
    logs = pd.Series(rng.normal(0, 0.02, n)).ewm(alpha=0.02, adjust=False).mean()
    return np.exp(5 * logs).to_numpy()


def _missing(n: int, every: int, rng: np.random.Generator) -> np.ndarray:
    gone = (rng.random(n) < 0.01) & (every == 1)
    kind = rng.random()
    if kind < 0.1:
        gone[: rng.integers(1, 60)] = True
    elif kind < 0.2:
        begin = rng.integers(n // 4, n // 2)
        gone[begin : begin + rng.integers(3, 25)] = True
    return gone


def _periods(days: pd.DatetimeIndex, frequency: Frequency) -> np.ndarray:
    """The last period that was over two weeks before each day, days since 1970."""
    before = days - pd.Timedelta(days=14)
    code = {Frequency.WEEKLY: "W-FRI", Frequency.QUARTERLY: "Q"}.get(frequency, "M")
    ends = (before.to_period(code) - 1).end_time.normalize()
    return ends.to_numpy().astype("datetime64[D]").astype(np.float64)


def drawn_path(days: pd.DatetimeIndex, seed: int, *, shortest: int = 10) -> pd.DataFrame:
    """A path of leaders who change at random, confirmed thirty rows later."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, 120, size=len(days) // shortest + 1)
    named = np.array(REGIMES)[rng.integers(0, 3, size=len(lengths))]
    regime = np.repeat(named, lengths)[: len(days)]
    return path_of(days, regime, pd.Series(days).shift(-30))


def path_of(days, regime, confirmed) -> pd.DataFrame:
    """Labels as hindsight has them."""
    return pd.DataFrame({"date": days, "regime": regime, "confirmed_on": confirmed})

"""Parsers of what a user wrote: tables, experiments, what is to be watched, events."""

import functools
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fuzz.mutations import (
    Mutate,
    bytewise,
    gzipped,
    huge,
    jsonwise,
    some,
    tablewise,
    textual,
)
from fuzz.parsing import Parser, in_file, observations

from regime.config import ExperimentConfig, load_experiment
from regime.data.calendar import trading_days
from regime.data.sources import files, fred_md
from regime.settings import Settings
from regime.signals.declared.yours import signals_of
from regime.signals.watch import FILE as WATCH
from regime.signals.watch import PRICES, load_prices, load_watch
from regime.tracking.dated_events import FILE as EVENTS
from regime.tracking.dated_events import FIRST, LAST, MOST, load_events

TEXT = some(bytewise, textual, textual, huge)
JSON = some(bytewise, jsonwise, jsonwise, jsonwise, huge)
PARQUET = some(bytewise, tablewise, tablewise)
DAYS = trading_days(pd.Timestamp("2024-06-03"), pd.Timestamp("2024-06-12"))
EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def any_value(_: Any) -> None:
    """What was read has no law of its own here."""


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def parquet(table: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    table.to_parquet(out, index=False)
    return out.getvalue()


@functools.lru_cache(maxsize=4)
def _settings(folder: Path) -> Settings:
    return Settings(home=folder)


def of_home(name: str, read: Callable[[Settings], Any]) -> Callable[[bytes, Path], Any]:
    return in_file(name, lambda path: read(_settings(path.parents[name.count("/")])))


# Tables of the user ----------------------------------------------------------------------


def _table(told: bool) -> pd.DataFrame:
    table = pd.DataFrame({"date": DAYS.strftime("%Y-%m-%d"), "hi_10": 0.01, "dec_7": -0.02})
    if told:
        table["known_at"] = [f"{day:%Y-%m-%d}T21:00Z" if day.day % 2 else "" for day in DAYS]
    return table


def _of_folder(name: str, suffix: str, valid: Callable[[], list[bytes]], mutate: Mutate) -> Parser:
    return Parser(
        f"files, {name}{suffix}", valid, mutate,
        in_file(f"tables{suffix}/{name}{suffix}", lambda path: files.fetch(path.parent, [])),
        lambda read: observations(read.observations, pd.Timestamp.now("UTC")), share=5,
    )  # fmt: skip


def _monthly() -> pd.DataFrame:
    months = ["2023-10-31", "2023-11-30", "2023-12-31"]
    return pd.DataFrame({"date": months, "value_spread_q1": [1.5, 1.25, 1.125]})


def _changes() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("INDPRO", "1959-01-01", "1999-08", 34.431), ("INDPRO", "1999-07-01", "1999-08", 135.1),
            ("INDPRO", "1999-07-01", "1999-09", 135.5), ("HOUST", "1999-08-01", "1999-09", 1400.0),
        ],
        columns=["series", "date", "vintage", "value"],
    )  # fmt: skip


# What the user asks for ------------------------------------------------------------------

_WATCH = b"""[levels.tech]
of = "XLK"
at = 133
set = 2026-02-02

[baskets.chips]
of = ["NVDA", "SMH"]
against = ["IWM"]
since = 2025-01-20
"""
_FULL = b"""# Does it read?
# Every table of it.
baskets = ["funds"]
features = { sets = ["rates", "valuation"], window = 252 }
labels = { switching_cost = 10.0, horizons = [0, 21, 63] }
training = { since = 1950-01-01, every = 3 }
evaluation = { first_test = { funds = 2010-01-01 }, refit_every = 252 }

[model]
kind = "gaussian_hmm"
params = { n_states = 3, random_state = 7 }
"""


def _watched(home: Path) -> list[str]:
    return [one.name for one in signals_of(load_watch(home))]


def _unique(names: list[str]) -> None:
    assert len({*names}) == len(names)


def _own(found: pd.DataFrame) -> None:
    assert found.index.dtype.kind == "M"
    assert found.index.is_monotonic_increasing
    assert found.index.is_unique
    values = found.to_numpy(np.float64)
    assert ((values > 0) | np.isnan(values)).all()
    assert not np.isinf(values).any()


def _experiment(found: ExperimentConfig) -> None:
    assert found.baskets
    assert found.labels.horizons


def _events(found: Any) -> None:
    table = found.table
    assert len(table) <= MOST
    assert table["date"].between(FIRST, LAST).all()
    assert table["date"].is_monotonic_increasing
    assert table["title"].str.len().between(1, 80).all()


PARSERS = [
    _of_folder(
        "french_size_portfolios_vw_daily", ".csv",
        lambda: [_csv(_table(False)), _csv(_table(True))], TEXT,
    ),
    _of_folder(
        "french_size_portfolios_vw_daily", ".csv.gz",
        lambda: [gzip.compress(_csv(_table(True)), mtime=0)], some(bytewise, *[gzipped(TEXT)] * 3),
    ),
    _of_folder(
        "french_size_portfolios_vw_daily", ".parquet", lambda: [parquet(_table(True))], PARQUET
    ),
    _of_folder("valuation_and_concentration_monthly", ".csv", lambda: [_csv(_monthly())], TEXT),
    Parser(
        "FRED-MD", lambda: [parquet(_changes())], PARQUET,
        in_file("fred_md.parquet", fred_md.read), observations, share=5,
    ),
    Parser(
        "experiment TOML",
        lambda: [_FULL, *(path.read_bytes() for path in sorted(EXPERIMENTS.glob("*.toml"))[:3])],
        TEXT, in_file("one.toml", load_experiment), _experiment,
    ),
    Parser(
        WATCH, lambda: [_WATCH], TEXT, in_file(WATCH, lambda path: _watched(path.parent)), _unique,
        share=3,
    ),
    Parser(
        PRICES, lambda: [b"date,PRIV,BAR\n2024-06-03,3.5,100\n2024-06-04,,101\n2024-06-05,3.6,\n"],
        TEXT, in_file(PRICES, lambda path: load_prices(path.parent)), _own, share=3,
    ),
    Parser(
        EVENTS, lambda: [b"date,title\n2020-11-09,Vaccine news\n1987-10-19,\"Monday, black\"\n"],
        TEXT, of_home(EVENTS, lambda settings: load_events(settings, simulated=False)), _events,
        share=3,
    ),
]  # fmt: skip

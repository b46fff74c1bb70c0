"""What a user asks to be watched: levels, baskets and prices of their own.

`watch.toml` in the home folder; without one, the levels and the basket that strategists named.

    [levels.technology]
    of = "XLK"                     # a fund or company, or a price such as dollar_index
    at = 133.0
    set = 2026-02-02               # the day it was set: in shares of that day

    [baskets.inauguration]
    of = ["NVDA", "META", "CBBTCUSD"]
    against = ["IWM"]
    since = 2025-01-20

Prices that the catalogue does not have come from `own_prices.csv` beside it: `date` and a column
for each, adjusted for splits, as their closes were; they count from the close of their date.
"""

import difflib
from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from regime.config import toml_of
from regime.data.catalog import CATALOG
from regime.data.series import Unit
from regime.exceptions import ConfigError

FILE, PRICES = "watch.toml", "own_prices.csv"
DOLLAR = "dollar_index"  # rebuilt from its six currencies
_OTHERS = {DOLLAR, "CBBTCUSD", "gold_price", "silver_price", "SP500"}
_NAME = r"^[a-z][a-z0-9_]{0,39}$"
_LONGEST = 100_000  # rows of own prices


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Level(_Section):
    """A price to watch: of what, at how much, and the day in whose shares it is meant."""

    of: str
    at: float = Field(gt=0, allow_inf_nan=False)
    set: date


class Basket(_Section):
    """Equal parts bought at the close of `since` and held, against another basket."""

    of: tuple[str, ...] = Field(min_length=1)
    against: tuple[str, ...] = ()
    since: date


class Watch(_Section):
    """All of it, by names that a signal can have."""

    levels: dict[Annotated[str, Field(pattern=_NAME)], Level] = Field(default_factory=dict)
    baskets: dict[Annotated[str, Field(pattern=_NAME)], Basket] = Field(default_factory=dict)


_NAMED = date(2026, 2, 2)
DEFAULT = Watch(
    levels={
        "technology": Level(of="XLK", at=133.0, set=_NAMED),
        "bitcoin": Level(of="CBBTCUSD", at=58_000.0, set=_NAMED),
        "gold": Level(of="gold_price", at=4_550.0, set=_NAMED),
        "dollar": Level(of=DOLLAR, at=100.0, set=_NAMED),
    },
    baskets={
        "since_inauguration": Basket(
            of=("NVDA", "META", "CBBTCUSD"), against=("IWM",), since=date(2025, 1, 20)
        )
    },
)


def load_watch(home: Path) -> Watch:
    """What `watch.toml` in the home folder asks for; `DEFAULT` where there is none.

    Raises
    ------
    ConfigError
        If it cannot be read or asks for what is not there; names the key and what is near.
    """
    path = home / FILE
    try:
        said = toml_of(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return DEFAULT
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Mend it, or move it away.") from error
    try:
        watch = Watch.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise ConfigError(
            f"{path}: {where}: {first['msg']}. It holds [levels.NAME] with of, at and set, and "
            "[baskets.NAME] with of, against and since; names are small letters, digits and _."
        ) from error
    for name in watch.levels:
        if (crossed := f"{name}_crossed") in watch.levels:
            raise ConfigError(
                f"{path}: levels.{crossed}: a signal of levels.{name} is called so. Rename it."
            )
    own = own_prices_names(home)
    for name, level in watch.levels.items():
        if not own & {level.of}:
            _check_level(path, name, level.of)
    for name, basket in watch.baskets.items():
        for one in (*basket.of, *basket.against):
            if one not in own and series_of(one) is None:
                raise ConfigError(f"{path}: baskets.{name}: {_unknown(one, own)}")
    return watch


def series_of(member: str) -> str | None:
    """The series of a basket's member, of which ratios are returns; None if there is none."""
    series = CATALOG.get(member)
    if series is not None and (series.unit in {Unit.INDEX, Unit.LEVEL} or member in _OTHERS):
        return member
    return None


def price_of(of: str) -> str:
    """The column against which a level is held: the close of a fund or company, as quoted."""
    return f"{of}_close" if f"{of}_close" in CATALOG else of


def load_prices(home: Path) -> pd.DataFrame:
    """The user's own prices, indexed by trading day; no columns where there is no file.

    Raises
    ------
    ConfigError
        If it is no such table; says the row.
    """
    path = home / PRICES
    try:
        table = pd.read_csv(
            path, nrows=_LONGEST, encoding="utf-8-sig", dtype=str, skip_blank_lines=False
        ).reset_index(drop=True).dropna(how="all")  # fmt: skip
    except FileNotFoundError:
        return pd.DataFrame(index=pd.DatetimeIndex([], name="date"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Mend it, or move it away.") from error
    if "date" not in table:
        raise ConfigError(f"{path}: its first column is to be date, but there is none.")
    days = pd.to_datetime(table["date"], format="%Y-%m-%d", errors="coerce")
    values = table.drop(columns="date").apply(pd.to_numeric, errors="coerce")
    given = table.drop(columns="date").notna() & values.isna()
    outside = (values <= 0) | (values == np.inf)
    wrong = days.isna() | days.duplicated() | outside.any(axis=1) | given.any(axis=1)
    if wrong.any():
        row = int(wrong.idxmax())
        raise ConfigError(
            f"{path}, line {row + 2}: needed a date, YYYY-MM-DD, that comes once, and prices above "
            f"zero; found {','.join(map(str, table.loc[row]))[:80]!r}."
        )
    if clash := sorted({*values.columns} & {*CATALOG}):
        raise ConfigError(
            f"{path}: the catalogue has {', '.join(clash)} already. Rename the column."
        )
    return pd.DataFrame(values.set_index(pd.DatetimeIndex(days, name="date")).sort_index())


def own_prices_names(home: Path) -> set[str]:
    """Columns of the user's own prices."""
    return {str(name) for name in load_prices(home)}


def _check_level(path: Path, name: str, of: str) -> None:
    if of in _OTHERS or f"{of}_close" in CATALOG:
        return
    if of in CATALOG and CATALOG[of].unit is Unit.INDEX:
        raise ConfigError(
            f"{path}: levels.{name}: a level is held against prices as quoted, and {of} is a "
            "total-return index, whose level means nothing."
        )
    raise ConfigError(f"{path}: levels.{name}: {_unknown(of, set())}")


def _unknown(name: str, own: set[str]) -> str:
    known = [*own, *_OTHERS, *(one for one in CATALOG if series_of(one))]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    guess = f" Near it are {', '.join(near)}." if near else ""
    return (
        f"nothing is called {name!r} of which prices are known.{guess} Put a column of that name "
        f"into {PRICES}, or use a fund or company that `regime fetch` knows."
    )

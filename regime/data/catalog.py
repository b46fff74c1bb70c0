"""Every series of the project: unit, rhythm, when it is known, where it is found.

One table, because what a number means and when anybody could have known it must not be
said twice. Publication lags follow the publishers' calendars; where only the latest
revision of a series can be had, the lag stands in for its history and `basis` says so.
"""

import difflib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module

from regime.data import declared
from regime.data.declared.french import DECILES
from regime.data.declared.funds import KINDS
from regime.data.series import Basis, Frequency, Series, Unit
from regime.exceptions import ConfigError

__all__ = [
    "CATALOG", "DECILES", "MODELLED", "Basis", "Frequency", "Series", "Unit",
    "describe_location", "get", "prices_behind", "tables",
]  # fmt: skip

# Publishers whose series stand first wherever all are listed; the others follow by name.
_FIRST = ("french", "funds", "shiller", "fred", "breadth", "sec", "own")


def _declared() -> Iterator[Series]:
    """Every series that a module of `regime.data.declared` declares."""
    found = {module.name for module in pkgutil.iter_modules(declared.__path__)}
    for name in (*_FIRST, *sorted(found - {*_FIRST})):
        yield from import_module(f"{declared.__name__}.{name}").SERIES


CATALOG: dict[str, Series] = {series.id: series for series in _declared()}
MODELLED = [series.id for series in CATALOG.values() if series.modelled]  # the panel of models


def prices_behind(ids: Iterable[str]) -> list[str]:
    """Closes, dividends and splits of which these funds' total returns are made."""
    return [name for one in ids for kind in KINDS if (name := f"{one}_{kind}") in CATALOG]


def tables() -> dict[str, list[Series]]:
    """Series by the table that `files` looks for them in."""
    found: dict[str, list[Series]] = {}
    for series in CATALOG.values():
        found.setdefault(series.table, []).append(series)
    return found


def describe_location(ids: Iterable[str]) -> str:
    """Where `files` looks for these series: "column RSP of etf_...csv[.gz] or .parquet"."""
    by_table: dict[str, list[str]] = {}
    for series in (get(identifier) for identifier in ids):
        by_table.setdefault(series.table, []).append(series.column)
    return "; ".join(
        f"column{'s' if len(columns) > 1 else ''} {', '.join(columns)} "
        f"of {table}.csv, .csv.gz or .parquet"
        for table, columns in by_table.items()
    )


def get(identifier: str) -> Series:
    """The series of that name; a ConfigError names the nearest ones."""
    try:
        return CATALOG[identifier]
    except KeyError:
        near = difflib.get_close_matches(identifier, CATALOG, n=3, cutoff=0.5)
        guess = f" Near it are {', '.join(near)}." if near else ""
        raise ConfigError(
            f"There is no series {identifier!r} in the catalogue.{guess} Series are declared in "
            f"regime/data/declared."
        ) from None

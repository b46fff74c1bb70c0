"""Archives as the Kenneth R. French data library serves them, made from observations."""

import io
import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd

from regime.data.calendar import FIRST_DAY, trading_days
from regime.data.declared.french import DECILES
from regime.data.sources.french import FILES
from regime.data.sources.french_layout import DAY, File, Table

PREFACE = """This file was created by CMPT_REPLAY using the 202412 CRSP database.
It contains value- and equal-weighted returns.  Each record contains returns for:

Negative (not used)  30%  40%  30%     5 Quintiles    10 Deciles

Missing data are indicated by -99.99 or -999.


"""
_JUNE = """For portfolios formed in June of year t
  Value Weight Average of {0} Calculated for June of t to June of t+1 as: 
  Sum[ME(Mth) * BE(Fiscal Year t-1) / ME({1})] / Sum[ME(Mth)]
  Where Mth is a month from June of t to June of t+1
  and BE(Fiscal Year t-1) is adjusted for net stock issuance to {1}"""  # noqa: W291
_SPREAD = np.array([0.0, 0.3, 0.55, 0.8, 1.0])  # of book-to-market, in logs, over quintiles


def documents(observations: pd.DataFrame, *, decimals: int = 4) -> dict[str, bytes]:
    """Every archive that the source asks for: path on the host -> zip.

    What the frame holds comes back from parsing, the valuation series too unless cells
    they are made of are in the frame themselves. What it does not hold is drawn at random,
    the same for a day or month however long the history.

    Parameters
    ----------
    observations : DataFrame with columns series, period, known_at, value
        Of a period told twice, what was known last counts. Without a daily or without a
        monthly series of the library there are no days or months.
    decimals : of a percent; the library has two or four
    """
    latest = observations.sort_values("known_at", kind="stable")
    latest = latest.drop_duplicates(["series", "period"], keep="last")
    known = latest.pivot_table("value", "period", "series", aggfunc="last", observed=True)
    archives = {}
    for file in FILES:
        taken = [name for table in file.tables for name in table.series if name]
        here = known.reindex(columns=[*taken, *file.derived]).dropna(axis=1, how="all")
        rows = _rows(known, file.tables[0].dated)
        values = _imagined(file, rows)
        if file.derived:
            _make_so(values, here.reindex(rows))
        held = [name for name in here.columns if name in values]
        values[held] = here[held].reindex(rows)
        archives[file.path] = _zipped(file, _text(file, values, decimals))
    return archives


def _rows(known: pd.DataFrame, dated: str) -> pd.DatetimeIndex:
    """Days, or all months from the first to the last, of which the frame holds anything."""
    taken = {
        name
        for file in FILES
        for table in file.tables
        if table.dated == dated
        for name in (*table.series, *file.derived)
    }
    index = known[known.columns.intersection([name for name in taken if name])].dropna(how="all")
    periods = pd.DatetimeIndex(index.index).as_unit("us")
    if dated == DAY or not len(periods):
        return periods
    return pd.date_range(periods[0], periods[-1], freq="ME").as_unit("us")


def _imagined(file: File, rows: pd.DatetimeIndex) -> pd.DataFrame:
    """Plausible numbers for every column of a file; a later row changes no earlier one."""
    last = rows.max() if len(rows) else FIRST_DAY
    if file.tables[0].dated == DAY:
        whole, volatility = trading_days(FIRST_DAY, last), 0.01
    else:
        whole, volatility = pd.date_range("1800-01-31", last, freq="ME").as_unit("us"), 0.05
    names = [name for table in file.tables for name in table.series if name]
    noise = _noise(file.name, len(names), -(-len(whole) // 2000) * 2000)
    taken = noise[whole.get_indexer(rows)].astype(np.float64)
    drawn = pd.DataFrame(taken * volatility, rows, names)
    years = (rows - pd.Timestamp("1926-07-01")).days.to_numpy() / 365.25
    for place, name in enumerate(names):
        if "nfirms_" in name:
            drawn[name] = 50 + 7 * (place % 19)
        elif "avgsize_" in name or "avgcap_" in name:
            quintile = re.search(r"_me(\d)", name)
            size = int(quintile[1]) if quintile else place % 10 / 2
            drawn[name] = np.round(5 * math.e**size * 1.06**years * np.exp(drawn[name]), 2)
        elif name.startswith("bm_"):
            drawn[name] = 0.4 * math.e ** _SPREAD[int(name[-1]) - 1] * np.exp(drawn[name])
    return drawn


@cache
def _noise(name: str, columns: int, rows: int) -> np.ndarray:
    """Of a file; more rows begin with the same ones."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return random.standard_normal((rows, columns), dtype=np.float32)


def _make_so(values: pd.DataFrame, wanted: pd.DataFrame) -> None:
    """Change cells so that the valuation series come out as wanted, missing ones missing."""
    for name, series in wanted.items():
        target = series.to_numpy()
        if name == "mcapshare_hi_10":
            rest = sum(
                (
                    values[f"nfirms_{decile}"] * values[f"avgsize_{decile}"]
                    for decile in DECILES[:-1]
                ),
                start=0.0,
            )
            values["avgsize_hi_10"] = target / (1 - target) * rest / values["nfirms_hi_10"]
        elif str(name).startswith("value_spread"):
            quintile = str(name)[-1]
            dear = values[f"bm_dec_me{quintile}_bm1"]
            values[f"bm_dec_me{quintile}_bm5"] = dear * np.exp(target)
        elif str(name).startswith("log_bm_june"):
            small, big = str(name)[13], str(name)[-1]
            factor = np.exp(target) * _june(values, big) / _june(values, small)
            for rank in range(1, 6):
                values[f"bm_june_me{small}_bm{rank}"] *= factor


def _june(values: pd.DataFrame, quintile: str) -> "pd.Series[float]":
    cells = [f"me{quintile}_bm{rank}" for rank in range(1, 6)]
    caps = [values[f"nfirms_{cell}"] * values[f"avgcap_{cell}"] for cell in cells]
    books = [cap * values[f"bm_june_{cell}"] for cap, cell in zip(caps, cells, strict=True)]
    return sum(books, start=0.0) / sum(caps, start=0.0)


def _text(file: File, values: pd.DataFrame, decimals: int) -> str:
    dates = values.index.strftime(file.tables[0].dated)
    parts = [PREFACE]
    for table in file.tables:
        parts.extend(_table(table, _title(table), dates, values, decimals))
    if file.tables[0].dated == DAY and "Portfolios" in file.name:
        parts.append(
            f"  Average Equal Weighted Returns -- Daily\n,{','.join(file.tables[0].columns)}\n"
        )
        parts.append(
            "".join(f"{date}{',    0.01' * len(file.tables[0].columns)}\n" for date in dates)
        )
    parts.append("\nCopyright 2024 Eugene F. Fama and Kenneth R. French\n")
    return "".join(parts).replace("\n", "\r\n")


def _title(table: Table) -> str:
    """The title as the library words it."""
    names = [name for name in table.series if name]
    measure = names[0].removeprefix("ind49_")
    if table.title == ".*":
        return ""
    if table.dated == DAY:
        return "  Average Value Weighted Returns -- Daily\n"
    titles = {
        "vw": "Average Value Weighted Returns -- Monthly",
        "ew": "Average Equal Weighted Returns -- Monthly",
        "nfirms": "Number of Firms in Portfolios",
        "avgsize": "Average Firm Size",
        "avgcap": "Average Market Cap",
        "bm_dec": _JUNE.format("BE/ME", "Dec t-1"),
        "bm_june": _JUNE.format("BE_FYt-1/ME_June t", "Jun t"),
    }
    (title,) = (text for key, text in titles.items() if measure.startswith(f"{key}_"))
    return f"  {title}\n"


def _table(
    table: Table, title: str, dates: pd.Index, values: pd.DataFrame, decimals: int
) -> Iterator[str]:
    """Title, header and rows as the library writes them."""
    yield f"{title},{','.join(table.columns)}\n"
    names = [name for name in table.series if name]
    places = decimals if table.percent else _places(names[0], decimals)
    numbers = values[names].to_numpy() * (100 if table.percent else 1)
    shown = iter(range(len(names)))
    order = [-1 if name is None else next(shown) for name in table.series]
    numbers = np.c_[numbers, np.full(len(numbers), np.nan)][:, order]
    form = f",%10.{places}f" * len(order)
    gap = ",%10.4f" % -99.99
    for date, row, bare in zip(dates, numbers.tolist(), np.isnan(numbers).any(axis=1), strict=True):
        if bare:
            cells = "".join(gap if math.isnan(x) else f",{x:10.{places}f}" for x in row)
        else:
            cells = form % tuple(row)
        yield f"{date}{cells}\n"
    yield "\n\n"


def _places(name: str, decimals: int) -> int:
    """Decimals of a table that is not in percent."""
    if "nfirms_" in name:
        return 0
    return 2 if "avg" in name else decimals + 2


def _zipped(file: File, text: str) -> bytes:
    buffer = io.BytesIO()
    member = zipfile.ZipInfo(f"{file.name}.CSV", (2024, 12, 31, 0, 0, 0))
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, text, zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()

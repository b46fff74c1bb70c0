"""The workbook of combined fund flows as the ICI serves it, made from made-up weeks."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xlwt

from regime.data.sources.ici import ADDRESS, SHEET

PATH = ADDRESS.removeprefix("https://www.ici.org")
HEADER = [
    ["Date", "Total LT MF and ETF flows", "", "Equity", "", "", "", "", "", "Hybrid", "",
     "Bond", "", "", "", "", "", "Commodity"],
    ["", "", "", "Total", "", "Domestic", "", "World", "", "", "",
     "Total", "", "Taxable", "", "Municipal"],
]  # fmt: skip
TOP = 4  # the row of the first line of the header
WEEKLY = "Estimated weekly fund flows"
COLUMNS = {
    "ici_total_flow": 1, "ici_equity_flow": 3, "ici_domestic_equity_flow": 5,
    "ici_world_equity_flow": 7, "hybrid": 9, "ici_bond_flow": 11, "taxable": 13, "municipal": 15,
    "ici_commodity_flow": 17,
}  # fmt: skip
SHOWN = 5  # weeks
_RELEASED = pd.Timedelta(days=7, hours=21)  # after the Wednesday; UTC
_FIRST_WEEK = pd.Timestamp("2007-01-03")

Cells = Mapping[tuple[int, int], object]


def documents(*, now: pd.Timestamp) -> dict[str, bytes]:
    """The workbook of the year, as it stood at `now` (UTC): path on the host -> workbook."""
    days = pd.date_range(_FIRST_WEEK, now.tz_convert(None) - _RELEASED, freq="W-WED")
    table = flows(days).iloc[-SHOWN:]
    return {PATH.format(now.tz_convert("America/New_York").year): workbook(cells(table))}


def flows(days: pd.DatetimeIndex) -> pd.DataFrame:
    """Flows of weeks, million USD, that add up; the same however many there are."""
    random = np.random.default_rng(1940)
    parts = random.normal(0, 4000, (len(days), 6)).round()
    table = pd.DataFrame(
        parts,
        days,
        ["ici_domestic_equity_flow", "ici_world_equity_flow", "hybrid", "taxable", "municipal",
         "ici_commodity_flow"],
    )  # fmt: skip
    table["ici_equity_flow"] = table["ici_domestic_equity_flow"] + table["ici_world_equity_flow"]
    table["ici_bond_flow"] = table["taxable"] + table["municipal"]
    table["ici_total_flow"] = table[
        ["ici_equity_flow", "hybrid", "ici_bond_flow", "ici_commodity_flow"]
    ].sum(axis=1)
    return table[list(COLUMNS)]


def cells(weeks: pd.DataFrame, *, months: Sequence[str] = ("03/31/2024", "04/30/2024 ")) -> Cells:
    """The sheet by row and column: words, header, months, weeks and notes."""
    found: dict[tuple[int, int], object] = {
        (0, 0): "Combined Estimated Long-Term Fund Flows and ETF Net Issuance",
        (1, 0): "Millions, U.S. dollars",
    }
    for down, words in enumerate(HEADER):
        found |= {(TOP + down, column): word for column, word in enumerate(words) if word}
    row = TOP + len(HEADER) + 1
    found[row, 0] = "Monthly fund flows"
    for month in months:
        row += 1
        found |= {(row, 0): month} | {(row, column): 1e5 for column in COLUMNS.values()}
    row += 2
    found[row, 0] = WEEKLY
    for day, values in weeks.iterrows():
        row += 1
        found[row, 0] = f"{day:%m/%d/%Y}"
        found |= {(row, column): float(values[name]) for name, column in COLUMNS.items()}
    found[row + 1, 0] = "Note: Weekly fund flows are estimates. Sums are rounded."
    return found


def workbook(held: Cells, sheet: str = SHEET) -> bytes:
    """An Excel 97 file with these cells."""
    book = xlwt.Workbook()
    page = book.add_sheet(sheet)
    style = xlwt.easyxf(num_format_str="MM/DD/YYYY")
    for (row, column), value in held.items():
        if isinstance(value, pd.Timestamp):
            page.write(row, column, value.to_pydatetime(), style)
        else:
            page.write(row, column, value)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()

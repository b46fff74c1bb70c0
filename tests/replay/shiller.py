"""Shiller's workbook, written as Excel 97, with the excess CAPE yield of a given market."""

import io

import numpy as np
import pandas as pd
import xlwt

PATH = "/~shiller/data/ie_data.xls"  # at Yale
PAGE = "shillerdata.com/"
LINK = "img1.wsimg.com/blobby/go/e5e77e0b-59d1/downloads/907c4d4e/ie_data.xls?inline=1&ver=17"
HTML = f"""<!DOCTYPE html><html><body><a href="https://img1.wsimg.com/isteam/logo.png">logo</a>
<a data-ux="Link" href="https://{LINK.replace("&", "&amp;")}" target="_blank">US Stock Markets
</a></body></html>"""
HEADER = [  # rows 2 to 8 of the sheet, columns A to V
    ["Stock Market Data", "", "", "", "", "", "", "", "", "", "", "", "Cyclically", "",
     "Cyclically "],
    ["", "", "", "", "", "", "", "", "", "", "", "", "Adjusted", "", "Adjusted"],
    ["", "", "", "", "", "", "", "", "", "", "", "", "Price", "", "Total Return Price"],
    ["", "", "", "", "  Consumer", "", "", "", "", "Real", "", "Real", "Earnings", "", "Earnings",
     "", "", "Monthly", "Real"],
    ["", "S&P", "", "", "Price", "", "Long", "", "", "Total", "", "TR", "Ratio", "", "Ratio", "",
     "Excess", "Total", "Total", "10 Year", "10 Year", "Real 10 Year"],
    ["", "Comp.", "Dividend", "Earnings", "Index", "Date  ", "Interest", "Real", "Real", "Return",
     "Real", "Scaled", "P/E10 or", "", "TR P/E10 or", "", "CAPE", "Bond", "Bond",
     "Annualized Stock", "Annualized Bonds ", "Excess Annualized "],
    ["Date", "P", "D", "E", "CPI", "Fraction", "Rate GS10", "Price", "Dividend", "Price",
     "Earnings", "Earnings", "CAPE", "", "TR CAPE", "", "Yield", "Returns", "Returns",
     "Real Return", "Real Return", "Returns"],
]  # fmt: skip
FIRST_ROW = len(HEADER) + 1  # of the months
EARLIER = 120  # months without a ratio before the first
WITHOUT_EARNINGS = 3  # of the newest months
COLUMNS = {
    "sp_price": 1, "sp_dividend": 2, "sp_earnings": 3, "shiller_cpi": 4, "shiller_gs10": 6,
    "cape": 12, "tr_cape": 14, "excess_cape_yield": 16,
}  # fmt: skip


def documents(observations: pd.DataFrame) -> dict[str, bytes]:
    """The workbook at its two places, and the page that links one of them.

    It has the months of `excess_cape_yield`, earlier ones and a running one. Keys are paths at
    Yale, or begin with another host.
    """
    made = workbook(figures(observations))
    return {PATH: made, PAGE: HTML.encode(), LINK: made}


def figures(observations: pd.DataFrame) -> pd.DataFrame:
    """Every figure by end of month, NaN where the workbook has none; all but one are drawn."""
    rows = observations[observations["series"] == "excess_cape_yield"]
    given = rows.set_index("period")["value"].sort_index()
    first = given.index[0] - pd.offsets.MonthEnd(EARLIER)
    months = pd.date_range(first, given.index[-1] + pd.offsets.MonthEnd(1), freq="ME")
    n = len(months)
    draws = np.random.default_rng(1871).standard_normal((n, 3)).cumsum(axis=0)
    cape = 20 * np.exp(0.02 * draws[:, 0])
    table = pd.DataFrame(
        {
            "sp_price": 60 * np.exp(0.006 * np.arange(n) + 0.03 * draws[:, 1]),
            "sp_dividend": 1.9 * np.exp(0.005 * np.arange(n)),
            "sp_earnings": 3.3 * np.exp(0.005 * np.arange(n)),
            "shiller_cpi": 30 * np.exp(0.003 * np.arange(n)),
            "shiller_gs10": 5 * np.exp(0.01 * draws[:, 2]),
            "cape": cape,
            "tr_cape": cape * 1.1,
            "excess_cape_yield": given.reindex(months),
        },
        months,
    )
    table.loc[table.index[-1], "excess_cape_yield"] = given.iloc[-1]
    table.loc[table.index[:EARLIER], ["cape", "tr_cape", "excess_cape_yield"]] = np.nan
    table.loc[table.index[-WITHOUT_EARNINGS:], ["sp_dividend", "sp_earnings"]] = np.nan
    return table


def workbook(table: pd.DataFrame) -> bytes:
    """An Excel 97 file in the documented layout."""
    book = xlwt.Workbook()
    book.add_sheet("Disclaimer").write(0, 0, "The data are provided as is.")
    sheet = book.add_sheet("Data")
    for row, words in enumerate(HEADER, 1):
        for column, word in enumerate(words):
            sheet.write(row, column, word)
    for row, (month, values) in enumerate(table.iterrows(), FIRST_ROW):
        sheet.write(row, 0, round(month.year + month.month / 100, 2))
        sheet.write(row, 5, month.year + (month.month - 0.5) / 12)
        sheet.write(row, 7, values["sp_price"])
        for name, column in COLUMNS.items():
            if np.isnan(values[name]):
                sheet.write(row, column, "NA" if "cape" in name and column < 16 else "")
            else:
                sheet.write(row, column, float(values[name]))
    sheet.write(FIRST_ROW + len(table), 1, "Newest price is of the first close")
    sheet.write(FIRST_ROW + len(table), 4, "Newest CPI estimated")
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()

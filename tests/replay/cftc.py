"""Archives of Traders in Financial Futures as the CFTC serves them, made from made-up reports."""

import csv
import io
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.data.sources.cftc import FIRST_YEAR, FOLDER, HISTORY, LAST_OF_HISTORY, YEARLY

HEADER = [
    "Market_and_Exchange_Names", "As_of_Date_In_Form_YYMMDD", "Report_Date_as_YYYY-MM-DD",
    "CFTC_Contract_Market_Code", "CFTC_Market_Code", "CFTC_Region_Code", "CFTC_Commodity_Code",
    "Open_Interest_All",
    *(f"{who}_Positions_{side}_All"
      for who in ("Dealer", "Asset_Mgr", "Lev_Money", "Other_Rept")
      for side in ("Long", "Short", "Spread")),
    "NonRept_Positions_Long_All", "NonRept_Positions_Short_All", "Change_in_Open_Interest_All",
    "FutOnly_or_Combined",
]  # fmt: skip
# Contracts, one of them never read, and the first and last day each is reported.
CONTRACTS = {
    "13874A": ("E-MINI S&P 500 - CHICAGO MERCANTILE EXCHANGE", "2006-06-13", "2100-01-01"),
    "23977A": ("RUSSELL 2000 MINI INDEX FUTURE - ICE FUTURES U.S.", "2008-07-22", "2018-06-05"),
    "239742": ("RUSSELL E-MINI - CHICAGO MERCANTILE EXCHANGE", "2017-08-15", "2100-01-01"),
    "209742": ("NASDAQ MINI - CHICAGO MERCANTILE EXCHANGE", "2006-06-13", "2100-01-01"),
    "1170E1": ("VIX FUTURES - CBOE FUTURES EXCHANGE", "2006-08-29", "2100-01-01"),
    "098662": ("USD INDEX - ICE FUTURES U.S.", "2006-06-13", "2100-01-01"),
}
_RELEASED = pd.Timedelta(days=3, hours=20, minutes=30)  # after the Tuesday; UTC


@dataclass(frozen=True)
class Report:
    """One contract's line of one week; long and short of asset managers and leveraged funds."""

    code: str
    day: pd.Timestamp
    open_interest: int
    managers: tuple[int, int]
    leveraged: tuple[int, int]


def documents(*, now: pd.Timestamp, first: str = "2006-06-13") -> dict[str, bytes]:
    """Every archive with the reports that were out by `now` (UTC): path on the host -> zip.

    Those of weeks before `first`, a Tuesday, are left out.
    """
    told = reports(now=now, first=first)
    years = range(LAST_OF_HISTORY + 1, now.year + 1)
    spans = {HISTORY: (FIRST_YEAR, LAST_OF_HISTORY)}
    spans |= {YEARLY.format(year): (year, year) for year in years}
    parts = {
        name: [one for one in told if since <= one.day.year <= until]
        for name, (since, until) in spans.items()
    }
    return {f"{FOLDER}{name}": archive(part, name) for name, part in parts.items() if part}


def reports(*, now: pd.Timestamp, first: str = "2006-06-13") -> list[Report]:
    """Reports of every Tuesday, the same however many there are; newest first, as served."""
    days = pd.date_range(first, now.tz_convert(None) - _RELEASED, freq="W-TUE")
    found = []
    for code, (_, opened, closed) in CONTRACTS.items():
        random = np.random.default_rng(zlib.crc32(code.encode()))
        draws = random.uniform(0.05, 0.4, (len(days), 4))
        for at, day in enumerate(days):
            if pd.Timestamp(opened) <= day <= pd.Timestamp(closed):
                held = 400_000 + 10 * at
                a, b, c, d = (int(share * held) for share in draws[at])
                found.append(Report(code, day, held, (a, b), (c, d)))
    return sorted(found, key=lambda one: one.day, reverse=True)


def archive(told: list[Report], name: str = YEARLY.format(2024)) -> bytes:
    """A zip archive in the documented layout, the oldest one with its own way to write days."""
    return zipped(
        text(told, old=name == HISTORY), "F_TFF.txt" if name == HISTORY else "FinFutYY.txt"
    )


def text(told: list[Report], *, old: bool = False) -> str:
    """The table: names and numbers as the CFTC writes them, numbers unquoted."""
    written = io.StringIO()
    header = [name.replace("YYYY-MM-DD", "MM_DD_YYYY") if old else name for name in HEADER]
    csv.writer(written).writerow(header)
    for one in told:
        written.write(_line(one, old=old))
    return written.getvalue()


def _line(one: Report, *, old: bool) -> str:
    day = (
        f"{one.day.month}/{one.day.day}/{one.day.year} 12:00:00 AM" if old else str(one.day.date())
    )
    counts = [11, 22, 33, *one.managers, 4, *one.leveraged, 5, 66, 77, 8, 99, 88]
    cells = [
        f'"{CONTRACTS[one.code][0]}"', f"{one.day:%y%m%d}", day, one.code, "CME ", "00", "138",
        f"{one.open_interest:>9}", *(str(count) for count in counts), ".", "FutOnly",
    ]  # fmt: skip
    return ",".join(cells) + "\r\n"


def zipped(table: str, name: str = "FinFutYY.txt") -> bytes:
    buffer = io.BytesIO()
    member = zipfile.ZipInfo(name, (2024, 12, 31, 0, 0, 0))
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(member, table, zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()

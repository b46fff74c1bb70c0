"""Three good tables, one of each kind, and how they are read."""

from pathlib import Path

import pandas as pd

from regime.data.sources import files

FRENCH_SET = ["hi_10", "dec_7", "dec_8", "dec_9", "qnt_2"]
FUND_SET = ["OEF", "RSP", "IWM"]
REQUIRED = [FRENCH_SET, FUND_SET]

FRENCH = "french_size_portfolios_vw_daily.csv"
FUNDS = "etf_total_return_index_daily.csv.gz"
MONTHLY = "valuation_and_concentration_monthly.parquet"

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
MONTHS = ["2023-10-31", "2023-11-30", "2023-12-31"]


def columns(names: list[str], first: float) -> dict[str, list[float]]:
    return {name: [first + 0.01 * k for k in range(len(DAYS))] for name in names}


def french() -> pd.DataFrame:
    return pd.DataFrame({"date": DAYS, **columns(FRENCH_SET, 0.01)})


def funds() -> pd.DataFrame:
    return pd.DataFrame({"date": DAYS, **columns(FUND_SET, 100.0)})


def monthly(dates: list[str] = MONTHS) -> pd.DataFrame:
    return pd.DataFrame({"date": dates, "value_spread_q1": [1.5, 1.25, 1.125]})


def read(folder: Path) -> files.FolderRead:
    return files.fetch(folder, REQUIRED)

"""No real value is doubted, and the wildest days pass on their evening."""

import pandas as pd
import pytest
from data.checks.doubted import NOTHING, NOW, doubted

from regime.data.catalog import get
from regime.data.checks.validation import checked
from regime.data.observations import from_values, gather

VENDOR = "raw/etf_second_vendor_to_202012"


@pytest.fixture(scope="module")
def folder(real_read):
    return real_read.observations


@pytest.mark.real_data
@pytest.mark.parametrize("first", ["2007", pytest.param("1800", marks=pytest.mark.long)])
def test_no_real_value_is_doubted(folder, first):
    both = checked(folder[folder["period"] >= first], now=NOW, recent=NOTHING)
    assert both.doubtful["reason"].tolist() == []


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "period"),
    [
        ("hi_10", "1987-10-19"), ("mkt_rf", "1987-10-19"), ("lo_10", "1933-03-15"),
        ("SPY", "2020-03-16"), ("IWM", "2020-03-16"), ("VIXCLS", "2018-02-05"),
        ("DGS10", "1987-10-20"), ("BAMLH0A0HYM2", "2008-10-10"), ("DFF", "1987-01-02"),
    ],
)  # fmt: skip
def test_the_wildest_days_pass_on_their_evening(folder, name, period):
    at = pd.Timestamp(period)
    near = folder[folder["period"].between(at - pd.Timedelta(days=30), at)]
    today = near["period"] == at
    new = near[today & (near["series"] == name)]
    assert len(new) == 1
    assert doubted(new, near[~today], now=max(new["known_at"].iloc[0], NOW)) == []


@pytest.fixture(scope="module")
def quoted(real_data):
    """Closes, dividends and splits of funds to December 2020."""
    if not (real_data / VENDOR).is_dir():
        pytest.skip(f"no folder {VENDOR} in the real data")
    parts = []
    for name in ("SPY", "OEF", "XLG", "RSP", "IWM", "IJR"):
        table = pd.read_csv(
            real_data / VENDOR / f"{name}.csv.gz", parse_dates=["timestamp"], index_col="timestamp"
        ).sort_index()
        split, dividend = table["split_coefficient"], table["dividend_amount"]
        parts += [
            from_values(get(f"{name}_close"), table["close"], "files"),
            from_values(get(f"{name}_dividend"), dividend[dividend > 0], "files"),
            from_values(get(f"{name}_split"), split[split != 1], "files"),
        ]
    return gather(parts)


@pytest.mark.real_data
def test_real_closes_pass_with_their_splits_and_none_of_these_days_without(quoted):
    assert doubted(quoted) == []
    is_split = quoted["series"].astype("str").str.endswith("_split")
    assert is_split.sum() == 4
    without = doubted(quoted[~is_split])
    for row in quoted[is_split].itertuples():
        close = row.series.replace("_split", "_close")
        assert (close, f"{row.period:%Y-%m-%d}") in without

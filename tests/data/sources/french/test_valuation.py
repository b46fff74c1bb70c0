"""Valuation by a worked example, and real files against the finished tables."""

import gzip
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from data.sources.french.archived import (
    BOOKS,
    BY_NAME,
    DERIVED,
    MODELLED,
    OURS,
    SIZES,
    fetched,
    values,
)
from numpy.testing import assert_allclose, assert_array_equal
from replay import french as replay

from regime.data.declared.french import DECILES
from regime.data.observations import from_values, gather
from regime.data.sources.french import derive
from regime.data.sources.french_layout import decoded, parse
from regime.exceptions import SourceError

# Valuation ------------------------------------------------------------------------------


def worked_example() -> pd.DataFrame:
    """One month in which everything is 1, except where a test says otherwise."""
    names = [name for file in (SIZES, BOOKS) for table in file.tables for name in table.series]
    return pd.DataFrame(1.0, [pd.Timestamp("2024-07-31")], [name for name in names if name])


def test_book_to_market_of_a_quintile_is_weighted_by_firms_times_average_value():
    month = worked_example()
    month["nfirms_me1_bm5"], month["avgcap_me1_bm5"], month["bm_june_me1_bm5"] = 3.0, 2.0, 4.0
    # (4 x 1 + 6 x 4) / (4 + 6) = 2.8 against 1
    assert derive("log_bm_june_q1_minus_q5", month).item() == pytest.approx(np.log(2.8))
    assert derive("log_bm_june_q2_minus_q5", month).item() == 0.0


def test_the_value_spread_is_cheap_over_dear_at_december_prices():
    month = worked_example()
    month["bm_dec_me5_bm5"], month["bm_dec_me5_bm1"], month["bm_june_me5_bm5"] = 3.0, 0.5, 9.0
    assert derive("value_spread_q5", month).item() == pytest.approx(np.log(6))
    assert derive("value_spread_q1", month).item() == 0.0


def test_the_share_of_the_top_decile_counts_deciles_only():
    month = worked_example()
    month["nfirms_hi_10"], month["avgsize_hi_10"], month["avgsize_hi_20"] = 2.0, 8.0, 99.0
    assert derive("mcapshare_hi_10", month).item() == pytest.approx(16 / 25)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("log_bm_june_q1_minus_q5", "bm_june_me5_bm2"),
        ("log_bm_june_q1_minus_q5", "nfirms_me1_bm3"),
        ("log_bm_june_q2_minus_q5", "avgcap_me2_bm1"),
        ("value_spread_q1", "bm_dec_me1_bm5"),
        ("mcapshare_hi_10", "avgsize_lo_10"),
    ],
)
def test_a_missing_cell_is_a_missing_value_and_no_smaller_sum(name: str, cell: str):
    month = worked_example()
    month[cell] = np.nan
    assert derive(name, month).isna().all()


def test_a_ratio_of_nothing_is_missing():
    month = worked_example()
    month["bm_dec_me1_bm1"] = 0.0
    assert derive("value_spread_q1", month).isna().all()


# Real files -----------------------------------------------------------------------------


@pytest.fixture
def finished(real_data) -> Callable[[str], pd.DataFrame]:
    def read(table: str) -> pd.DataFrame:
        return pd.read_csv(real_data / f"{table}.csv.gz", index_col=0, parse_dates=True)

    return read


@pytest.mark.real_data
def test_the_file_of_november_2022_agrees_with_the_finished_table_up_to_revisions(
    real_data, finished
):
    """The table is of February 2026; CRSP rebuilds history, small firms and 1926 most."""
    path = real_data / "raw/french_crsp202211/Portfolios_Formed_on_ME.CSV.gz"
    found = parse(decoded(gzip.decompress(path.read_bytes()), SIZES), SIZES)
    table = finished("french_size_portfolios_monthly").loc[: found.index[-1]]
    assert sorted(found) == sorted(table)
    assert (found.index[0], len(found)) == (pd.Timestamp("1926-07-31"), 1157)
    gap = (found - table).abs()
    # shared data, README: hi_10 differs by 0.53 % at most, lo_10 by 7.5 % in one month
    assert gap["vw_hi_10"].max() == pytest.approx(0.0053, abs=5e-5)
    assert gap["vw_lo_10"].max() == pytest.approx(0.0747, abs=5e-5)
    for prefix, typical in (("vw", 0.0006), ("ew", 0.001)):
        assert gap.filter(regex=f"^{prefix}_").median().max() <= typical
    for prefix, largest, typical in (("nfirms", 0.071, 0.012), ("avgsize", 0.37, 0.02)):
        relative = (gap / table).filter(regex=f"^{prefix}_")
        assert relative.max().max() < largest
        assert relative.median().max() < typical
    share = finished("valuation_and_concentration_monthly")["mcapshare_hi_10"]
    assert (derive("mcapshare_hi_10", found) - share).abs().max() < 0.02


@pytest.mark.real_data
def test_the_daily_file_of_2019_agrees_with_the_finished_table_up_to_revisions(real_data, finished):
    """That copy went through a spreadsheet: `2-Dec`, no title, and lines of commas."""
    file = BY_NAME["Portfolios_Formed_on_ME_Daily"]
    path = real_data / "raw/french_to_201905/Portfolios_Formed_on_ME_daily.csv.gz"
    kept = gzip.decompress(path.read_bytes()).decode()
    with pytest.raises(SourceError, match="line 14077: needed a row, found ',,,,"):
        parse(kept, file)
    rows = re.sub(r"(\d)-Dec", r"Dec \1", re.sub(r"^,+\r\n", "", kept, flags=re.MULTILINE))
    found = parse(f"  Value Weight Returns -- Daily\r\n{rows}", file)
    assert len(found) == 14075
    gap = (found - finished("french_size_portfolios_vw_daily").loc[found.index]).abs()
    # shared data, README: hi_10 differs by 0.22 % at most, lo_10 by 1.42 %
    assert gap["hi_10"].max() == pytest.approx(0.0022, abs=1e-9)
    assert gap["lo_10"].max() == pytest.approx(0.0142, abs=1e-9)
    assert np.sqrt((gap**2).mean()).max() < 0.0005


@pytest.mark.real_data
def test_valuation_is_computed_as_in_the_finished_table(finished):
    """It holds six decimals, so half of the sixth is what can be asked for."""
    columns = finished("french_25_size_beme_monthly").join(
        finished("french_size_portfolios_monthly")[
            [f"{measure}_{name}" for measure in ("nfirms", "avgsize") for name in DECILES]
        ]
    )
    table = finished("valuation_and_concentration_monthly")
    for name in DERIVED:
        assert_allclose(derive(name, columns), table[name], rtol=0, atol=0.5e-6 + 1e-12)


@pytest.mark.real_data
@pytest.mark.parametrize("first", ["2005", pytest.param("1926", marks=pytest.mark.long)])
def test_a_replay_of_the_finished_tables_gives_them_back(finished, first):
    names = {OURS[name].table for name in MODELLED}
    tables = {name: finished(name).loc[first:] for name in names}
    parts = [
        from_values(series, tables[series.table][series.column], "files")
        for name, series in OURS.items()
        if series.modelled
    ]
    went_in = gather(parts)
    came_back = fetched(replay.documents(went_in))
    for name in MODELLED:
        before, after = values(went_in, name), values(came_back, name)
        assert_array_equal(after.index, before.index)
        assert_allclose(after, before, rtol=0, atol=5e-6 if name in DERIVED else 0)

"""Every series comes from one column of one archive, and comes back as it went in."""

import numpy as np
import pandas as pd
import pytest
from data.sources.french.archived import (
    BY_NAME,
    DAILY,
    DERIVED,
    MODELLED,
    NOW,
    OURS,
    SIZES,
    fetched,
    market,
    values,
)
from drawn import drawn
from hypothesis import Phase
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from replay import french as replay

from regime.data import catalog
from regime.data.observations import COLUMNS
from regime.data.sources import french
from regime.data.sources.french import FILES, SOURCE
from regime.data.sources.french_layout import decoded, parse
from regime.data.sources.live import Request
from regime.exceptions import SourceError

FACTORS = BY_NAME["F-F_Research_Data_Factors_daily"]


@pytest.fixture(scope="module")
def whole(documents) -> pd.DataFrame:
    return fetched(documents)


# The catalogue --------------------------------------------------------------------------


def test_every_series_of_the_library_comes_from_exactly_one_column():
    columns = [name for file in FILES for table in file.tables for name in table.series if name]
    assert sorted(columns + DERIVED) == sorted(OURS)


def test_every_table_names_as_many_series_as_columns():
    for file in FILES:
        for table in file.tables:
            assert len(table.series) == len(table.columns)
            assert table.dated == file.tables[0].dated


def test_only_returns_are_in_percent():
    for file in FILES:
        for table in file.tables:
            units = {OURS[name].unit for name in table.series if name}
            assert (units == {catalog.Unit.RETURN}) == table.percent


def test_returns_of_a_day_are_rebuilt_and_figures_of_a_month_revised():
    for name, series in OURS.items():
        daily = name in DAILY
        assert series.basis == ("reconstructed" if daily else "revised")
        assert (series.lag, series.max_age) == ((0, 0) if daily else (60, 130))


# Jobs -----------------------------------------------------------------------------------


def test_there_is_one_job_for_each_archive_on_one_polite_host(documents):
    jobs = SOURCE.jobs(Request(now=NOW))
    assert [job.name for job in jobs] == [file.name for file in FILES]
    assert {file.path for file in FILES} == set(documents)
    assert dict(SOURCE.hosts) == {"mba.tuck.dartmouth.edu": 1.0}
    assert SOURCE.asks_for is None


@drawn(
    st.integers(1, 60),
    st.sampled_from(["1929-03-28", "1968-07-31", "2024-12-31"]),
    st.floats(0, 0.5),
    st.sampled_from([2, 4, 6]),
    st.integers(0, 99),
    few=4,
    full=10,
    phases=[Phase.generate],  # shrinking takes minutes
)
def test_what_went_in_comes_back(days, last, missing, decimals, seed):
    went_in = market(days, last, seed)
    kept = np.random.default_rng(seed).random(len(went_in)) >= missing
    went_in = went_in[kept]
    came_back = fetched(replay.documents(went_in, decimals=decimals))
    assert list(came_back) == COLUMNS
    assert set(came_back["source"]) == {"french"}
    assert not came_back.duplicated(["series", "period"]).any()
    # log ratios are made of cells near 0.5, and shares of market values near 1000
    slack = {name: 4.0 * 10.0 ** -(decimals + 2) if name in DERIVED else 0.0 for name in MODELLED}
    for name in set(went_in["series"]):
        before = went_in[went_in["series"] == name].set_index("period")
        after = came_back[came_back["series"] == name].set_index("period")
        assert_array_equal(after.index, before.index)
        assert_array_equal(after["known_at"], before["known_at"])
        bound = slack[name] + 0.51 * 10.0 ** -(decimals + 2)
        if name == "mcapshare_hi_10":
            bound = 1e-4
        assert_allclose(after["value"], before["value"], rtol=0, atol=bound)


def test_every_series_comes_out_of_a_complete_set_of_archives(whole):
    assert set(whole["series"]) == set(OURS)


def test_a_frame_of_every_series_comes_back_as_it_was(whole):
    once = whole
    twice = fetched(replay.documents(once))
    keys = ["series", "period"]
    assert_allclose(
        twice.astype({"series": "str"}).sort_values(keys)["value"],
        once.astype({"series": "str"}).sort_values(keys)["value"],
        rtol=0,
        atol=1e-9,
    )


def test_a_longer_history_moves_no_document_of_an_earlier_day():
    longer = market(50)
    shorter = longer[longer["period"] <= "2024-11-29"]
    early, late = (fetched(replay.documents(frame)) for frame in (shorter, longer))
    for name in ("smb", "ind10_HiTec", "ind49_nfirms_Softw", "vw_me3_op2", "lo_30"):
        expected = values(early, name)
        assert len(expected) > 2
        assert_array_equal(values(late, name)[expected.index], expected)


def test_old_periods_are_cut_after_parsing(documents, whole):
    since = pd.Timestamp("2024-12-15")
    cut = fetched(documents, since)
    assert cut["period"].min() == pd.Timestamp("2024-12-16")
    assert len(cut) == (whole["period"] >= since).sum()
    assert set(cut["series"]) == set(OURS)


@pytest.mark.parametrize("instead", ["20241223", "20241220"])
def test_a_day_twice_or_out_of_order_is_refused(documents, instead):
    text = decoded(french.only_member(documents[FACTORS.path], suffix=".csv"), FACTORS)
    with pytest.raises(SourceError, match=f"a later day than in the row before, found '{instead}'"):
        parse(text.replace("20241224", instead), FACTORS)


def test_a_day_without_trading_is_refused(documents):
    text = decoded(french.only_member(documents[FACTORS.path], suffix=".csv"), FACTORS)
    content = replay._zipped(FACTORS, text.replace("20241224", "20241225"))
    with pytest.raises(SourceError, match="days on which New York traded, found 2024-12-25"):
        french.read(content, FACTORS, Request(now=NOW))


def test_a_day_to_come_is_refused_and_today_is_not(documents):
    content = documents[FACTORS.path]
    french.read(content, FACTORS, Request(now=pd.Timestamp("2024-12-31 23:00", tz="UTC")))
    with pytest.raises(SourceError, match="periods up to 2024-12-30, found 2024-12-31"):
        french.read(content, FACTORS, Request(now=pd.Timestamp("2024-12-31 02:00", tz="UTC")))


def test_a_fault_of_the_archive_names_the_archive(documents):
    with pytest.raises(SourceError, match=r"^Portfolios_Formed_on_ME_CSV\.zip: Needed a whole zip"):
        french.read(documents[SIZES.path][:-40], SIZES, Request(now=NOW))

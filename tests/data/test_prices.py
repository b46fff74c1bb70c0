"""Total return from closes, dividends and splits."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from regime.data.calendar import trading_days
from regime.data.prices import as_quoted, with_total_returns

NaN = np.nan


def panel(**columns):
    days = trading_days(pd.Timestamp("2024-01-02"), pd.Timestamp("2025-12-31"))
    length = len(next(iter(columns.values())))
    return pd.DataFrame(columns, days[:length].rename("date"), dtype=np.float64)


def index_of(**columns):
    return with_total_returns(
        panel(**{f"SPY_{k}" if k != "SPY" else k: columns[k] for k in columns})
    )["SPY"].tolist()


def test_without_dividends_the_index_follows_the_close():
    assert index_of(close=[50, 55, 44]) == pytest.approx([100, 110, 88])


def test_a_dividend_buys_shares_at_the_close_of_its_day():
    # One share of 100 pays 2 and closes at 98: nothing was earned. Then it gains a tenth.
    assert index_of(close=[100, 98, 107.8], dividend=[NaN, 2, NaN]) == pytest.approx(
        [100, 100, 110]
    )


def test_a_split_changes_no_wealth():
    assert index_of(close=[90, 30, 33], split=[NaN, 3, NaN]) == pytest.approx([100, 100, 110])


def test_a_dividend_on_the_day_of_a_split_is_paid_on_each_new_share():
    # Two shares of 49 and twice 1 are what the one share of 100 was.
    assert index_of(close=[100, 49], dividend=[NaN, 1], split=[NaN, 2]) == pytest.approx([100, 100])


def test_a_dividend_before_a_split_is_paid_on_old_shares_across_missing_days():
    # Day 2: one share is paid 4. Day 3: it becomes two. Day 4: two shares of 48, and 4 in cash.
    columns = {
        "close": [100, NaN, NaN, 48],
        "dividend": [NaN, 4, NaN, NaN],
        "split": [NaN, NaN, 2, NaN],
    }
    assert index_of(**columns) == pytest.approx([100, NaN, NaN, 100], nan_ok=True)


def test_a_dividend_known_a_day_late_is_paid_a_day_late():
    assert index_of(close=[100, 98, 98], dividend=[NaN, NaN, 2]) == pytest.approx([100, 98, 100])


def test_a_dividend_on_the_first_day_goes_to_who_held_before():
    assert index_of(close=[100, 110], dividend=[5, NaN]) == pytest.approx([100, 110])


def test_a_file_s_history_and_live_closes_join_without_a_jump():
    joined = index_of(SPY=[2000, 2020, 2040.2, NaN, NaN], close=[NaN, NaN, 500, 505, 515.1])
    assert joined == pytest.approx([2000, 2020, 2040.2, 2060.602, 2101.81404])


def test_where_both_are_known_closes_decide_and_the_index_fills_their_holes():
    filled = index_of(SPY=[10, 11, 12, 13], close=[100, 101, NaN, 202])
    assert filled == pytest.approx([10, 10.1, 10.1 * 12 / 11, 10.1 * 13 / 11])


def test_a_stored_index_without_closes_stays_to_the_bit():
    stored = panel(SPY=[1 / 3, 0.7, NaN, 0.9])
    pd.testing.assert_frame_equal(with_total_returns(stored), stored)
    empty = stored.assign(SPY_close=NaN)
    pd.testing.assert_frame_equal(with_total_returns(empty), empty)


def test_closes_that_nothing_connects_with_the_index_extend_nothing():
    broken = index_of(SPY=[10, 11, NaN, NaN], close=[NaN, NaN, 100, 200])
    assert broken == pytest.approx([10, 11, NaN, NaN], nan_ok=True)


def test_other_columns_stay_and_other_funds_are_left_alone():
    given = panel(DGS10=[4, 4.1], SPY_close=[1, 2], SPY_split=[NaN, NaN], OEF=[5, 6])
    result = with_total_returns(given)
    pd.testing.assert_frame_equal(result[given.columns], given)
    assert [*result.columns.difference(given.columns)] == ["SPY"]


def cell(low, high, chance):
    """A number, or NaN."""
    return st.one_of([st.just(NaN)] * chance + [st.floats(low, high)])


def rows(*, with_index):
    index = cell(1, 1000, 1) if with_index else st.just(NaN)
    row = st.tuples(cell(1, 1000, 1), cell(0.01, 5, 3), cell(0.2, 8, 3), index)
    return st.lists(row, min_size=1, max_size=30)


def simulated(drawn):
    return panel(
        **dict(
            zip(
                ("SPY_close", "SPY_dividend", "SPY_split", "SPY"),
                zip(*drawn, strict=True),
                strict=True,
            )
        )
    )


@settings(deadline=None)
@given(rows(with_index=False))
def test_an_account_that_reinvests_grows_as_the_index_does(drawn):
    market = simulated(drawn)
    shares, cash, values = None, 0.0, []
    for close, dividend, split, _ in drawn:
        if shares is None and not np.isnan(close):
            shares = 1 / close
        elif shares is not None:
            shares *= 1 if np.isnan(split) else split
            cash += shares * (0 if np.isnan(dividend) else dividend)
            if not np.isnan(close):
                shares, cash = shares + cash / close, 0.0
        values.append(NaN if shares is None else 100 * shares * close)
    assert_allclose(with_total_returns(market)["SPY"], values, rtol=1e-12)


@given(rows(with_index=True), st.data())
@settings(max_examples=200, deadline=None)
def test_later_rows_change_no_earlier_one_by_a_bit(drawn, data):
    market = simulated(drawn)
    today = data.draw(st.integers(1, len(market)))
    whole = with_total_returns(market)[:today]
    pd.testing.assert_frame_equal(with_total_returns(market[:today]), whole, check_exact=True)


@settings(deadline=None)
@given(rows(with_index=True))
def test_a_day_has_an_index_only_if_it_has_a_close_or_a_stored_one(drawn):
    market = simulated(drawn)
    result = with_total_returns(market)["SPY"]
    assert result[market[["SPY_close", "SPY"]].isna().all(axis=1)].isna().all()
    assert (result.dropna() > 0).all()


@settings(deadline=None)
@given(
    cents=st.integers(100, 400_000),
    splits=st.lists(st.sampled_from([2.0, 3.0, 1.5, 4.0, 5.0, 0.1]), max_size=3),
)
def test_a_close_in_cents_survives_splits_and_32_bits(cents, splits):
    close, later = cents / 100, np.prod(splits)
    served = pd.Series([float(np.float32(close / later)) * later], [pd.Timestamp("2024-06-03")])
    assert as_quoted(served).tolist() == [close]


@pytest.mark.parametrize("split", [1, 2, 3])
def test_a_close_in_32nds_of_the_nineties_survives_too(split):
    served = float(np.float32(43.96875 / split)) * split
    assert as_quoted(pd.Series([served], [pd.Timestamp("1993-02-01")])).tolist() == [43.96875]


# Of these four the two vendors know the same dividends and splits (three of the latter, of
# IJR and RSP); in other funds one of them lacks a dividend of some year.
@pytest.mark.real_data
@pytest.mark.parametrize("ticker", ["SPY", "IJR", "RSP", "IWC"])
def test_raw_closes_of_one_vendor_return_what_the_adjusted_closes_of_another_do(real_data, ticker):
    folder = real_data / "raw" / "etf_second_vendor_to_202012"
    raw = pd.read_csv(folder / f"{ticker}.csv.gz", index_col="timestamp", parse_dates=True)
    raw = raw.sort_index()  # newest first in the file
    share = pd.DataFrame(
        {
            f"{ticker}_close": raw["close"],
            f"{ticker}_dividend": raw["dividend_amount"].where(raw["dividend_amount"] > 0),
            f"{ticker}_split": raw["split_coefficient"].where(raw["split_coefficient"] != 1),
        }
    )
    table = pd.read_csv(
        real_data / "etf_total_return_index_daily.csv.gz", index_col="date", parse_dates=True
    )
    both = pd.DataFrame({"ours": with_total_returns(share)[ticker], "theirs": table[ticker]})
    yearly = both.dropna().resample("YE").last().pct_change().dropna()
    assert len(yearly) >= 15
    assert_allclose(yearly["ours"], yearly["theirs"], atol=0.0006)

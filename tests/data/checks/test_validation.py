"""What the door lets in, what it doubts, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn
from hypothesis import example
from hypothesis import strategies as st

from regime.data.calendar import trading_days
from regime.data.catalog import CATALOG, Frequency, Unit, get
from regime.data.checks.jumps import largest_jump
from regime.data.checks.twins import blamed
from regime.data.checks.validation import bounds, checked
from regime.data.observations import COLUMNS, from_values, gather
from regime.exceptions import SourceError

NOW = pd.Timestamp("2024-12-31 23:00", tz="UTC")
DAYS = trading_days(pd.Timestamp("2024-06-03"), pd.Timestamp("2024-08-30"))
MONTHS = pd.date_range("2019-01-31", periods=len(DAYS), freq="ME")
WEEKS = pd.date_range("2019-01-04", periods=len(DAYS), freq="W-FRI")
NOTHING = gather([])
VENDOR = "raw/etf_second_vendor_to_202012"


def rows(name, values, periods=None):
    """Observations of one series, on sessions, Fridays or month ends."""
    series = get(name)
    if periods is None:
        ends = {Frequency.MONTHLY: MONTHS, Frequency.WEEKLY: WEEKS}
        periods = ends.get(series.frequency, DAYS)
    return from_values(series, pd.Series(values, periods[: len(values)], dtype="float64"), "files")


def quiet(name, length):
    """Values well inside the bounds of the series, which hardly move."""
    series = get(name)
    jump, logs = largest_jump(series)
    wiggle = np.sin(np.arange(length))
    if series.unit is Unit.RETURN:
        return bounds(series)[1] * 0.01 * wiggle
    low, high = bounds(series)
    start = 100.0 if low < 50 and high > 200 else 0.5 * (low + high)
    step = 0.01 * min(jump, 1.0)
    return start * np.exp(step * wiggle) if logs else start + step * wiggle


def doubted(new, recent=NOTHING, now=NOW):
    """Series and periods of the doubtful rows."""
    found = checked(new, now=now, recent=recent).doubtful
    return list(zip(found["series"], found["period"].dt.strftime("%Y-%m-%d"), strict=True))


def day(position):
    return f"{DAYS[position]:%Y-%m-%d}"


LEVELS = [
    name
    for name, series in CATALOG.items()
    if series.frequency in {Frequency.DAILY, Frequency.MONTHLY}
    and np.isfinite(largest_jump(series)[0])
]
DAILY_RETURNS = [
    name
    for name, series in CATALOG.items()
    if series.unit is Unit.RETURN and series.frequency is Frequency.DAILY and name != "rf"
]


def moved(name, value, times):
    """A value so many bounds away, or None if no value of the series can be."""
    series = get(name)
    jump, logs = largest_jump(series)
    low, high = bounds(series)
    ways = (value * np.exp(times * jump), value * np.exp(-times * jump))
    ways = ways if logs else (value + times * jump, value - times * jump)
    return next((way for way in ways if low < way < high), None)


@drawn(
    st.sampled_from(LEVELS), st.integers(1, 20), st.floats(1.3, 4.0),
    few=15, full=60,
)  # fmt: skip
def test_a_spike_within_the_range_of_its_series_is_doubted_and_nothing_else(name, at, times):
    values = quiet(name, 22)
    spike = moved(name, values[at], times)
    if spike is None:
        return
    values[at] = spike
    new = rows(name, values)
    assert doubted(new) == [(name, f"{new['period'].iloc[at]:%Y-%m-%d}")]


@drawn(
    st.sampled_from(list(CATALOG)), st.booleans(), st.integers(0, 11),
    few=15, full=60,
)  # fmt: skip
@example(name="NFCI", below=False, at=0)
def test_a_value_out_of_the_range_of_its_series_is_doubted(name, below, at):
    values = quiet(name, 12)
    low, high = bounds(get(name))
    values[at] = low - 0.01 * abs(low) - 1e-9 if below else high * 1.01
    found = checked(rows(name, values), now=NOW, recent=NOTHING).doubtful
    assert found["reason"].str.contains("outside its range").sum() == 1


@drawn(
    st.sampled_from(LEVELS), st.integers(1, 20),
    few=15, full=60,
)  # fmt: skip
def test_a_new_level_that_holds_is_good_and_a_day_alone_on_it_waits(name, at):
    values = quiet(name, 22)
    shifted = moved(name, values[at], 1.2)  # below what only a split can be
    if shifted is None or not all(bounds(get(name))[0] < value for value in values):
        return
    logs = largest_jump(get(name))[1]
    values[at:] = (
        values[at:] * (shifted / values[at]) if logs else values[at:] + shifted - values[at]
    )
    new = rows(name, values)
    assert doubted(new) == []
    newest = new.iloc[: at + 1]
    assert doubted(newest) == [(name, f"{new['period'].iloc[at]:%Y-%m-%d}")]


@pytest.mark.parametrize("name", DAILY_RETURNS)
def test_percent_for_a_decimal_is_doubted_on_one_day_and_in_a_whole_batch(name):
    returns = np.random.default_rng(3).normal(0, 0.15 * bounds(get(name))[1] ** 1.5, len(DAYS))
    returns[-1] = 0.6 * np.abs(returns[:-1]).mean()
    recent, today = rows(name, returns).iloc[:-1], rows(name, returns).iloc[[-1]]
    assert doubted(today, recent) == []
    assert len(doubted(today.assign(value=today["value"] * 100), recent)) == 1
    batch = rows(name, returns * 100)
    assert len(doubted(batch)) == len(batch)


@st.composite
def messes(draw):
    """Frames of a few series, some of whose values are anything."""
    names = draw(st.lists(st.sampled_from([
        "SPY_close", "OEF_close", "RSP_close", "IWM_close", "IJR_close", "SPY", "OEF", "XLG",
        "VIXCLS", "DGS10", "hi_10", "mom", "log_bm_june_q1_minus_q5", "SPY_dividend",
        "IWM_split",
    ]), min_size=1, max_size=5, unique=True))  # fmt: skip
    parts = []
    for name in names:
        values = quiet(name, draw(st.integers(1, 30)))
        for at in draw(st.lists(st.integers(0, len(values) - 1), max_size=8)):
            values[at] *= draw(st.sampled_from([0.01, 0.5, 0.93, 1.08, 2.0, 30.0, -1.0]))
        parts.append(rows(name, values))
    frame = gather(parts)
    shuffled = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(frame))
    cut = draw(st.integers(0, len(frame) - 1))
    return frame.iloc[shuffled], frame.iloc[:cut]


@drawn(messes(), few=12, full=60)
def test_every_row_is_in_one_part_unaltered_and_what_is_good_stays_good(mess):
    new, recent = mess
    both = checked(new, now=NOW, recent=recent)
    assert list(both.doubtful.columns) == [*COLUMNS, "reason"]
    for part in (both.good, both.doubtful[COLUMNS]):
        pd.testing.assert_frame_equal(part, new[new.index.isin(part.index)])
    assert sorted([*both.good.index, *both.doubtful.index]) == sorted(new.index)
    again = checked(both.good, now=NOW, recent=recent)
    pd.testing.assert_frame_equal(again.good, both.good)


@drawn(messes(), few=12, full=60)
def test_the_order_of_the_rows_does_not_matter(mess):
    new, recent = mess
    assert sorted(doubted(new, recent)) == sorted(doubted(new.sort_index(), recent))


def test_a_jump_against_yesterday_is_seen_when_only_today_is_new():
    recent, new = rows("VIXCLS", [15.0] * 20), rows("VIXCLS", [15.0] * 20 + [150.0]).iloc[[20]]
    found = checked(new, now=NOW, recent=recent).doubtful
    assert found["reason"].item() == (
        f"VIXCLS of {day(20)}, 150, is a jump from 15 on {day(19)}, and the next one has not "
        f"come yet."
    )
    assert doubted(new) == []


def test_a_later_fetch_confirms_what_waited_or_not():
    recent = rows("DGS10", [4.0] * 5)
    came = rows("DGS10", [4.0] * 5 + [6.0, 5.9]).iloc[5:]
    assert doubted(came.iloc[[0]], recent) == [("DGS10", day(5))]
    assert doubted(came, recent) == []
    went = rows("DGS10", [4.0] * 5 + [6.0, 4.1]).iloc[5:]
    assert doubted(went, recent) == [("DGS10", day(5))]
    nearer_to_before = rows("DGS10", [4.0] * 5 + [5.2, 4.55]).iloc[5:]
    assert doubted(nearer_to_before, recent) == [("DGS10", day(5))]


def test_a_revision_of_a_stored_value_is_judged_by_the_values_around_it():
    stored = rows("VIXCLS", [15.0] * 20)
    revised = stored.iloc[[10]].assign(value=70.0)
    assert doubted(revised, stored) == [("VIXCLS", day(10))]
    assert doubted(revised.assign(value=16.0), stored) == []
    together = stored.iloc[10:].assign(value=70.0)
    assert doubted(together, stored) == []


def test_an_index_based_anew_over_its_whole_past_does_not_jump():
    first = rows("PCEPI", [100.0] * 12)
    anew = first.assign(value=20.0, known_at=first["known_at"] + pd.Timedelta(days=700))
    both = pd.concat([first, anew, rows("PCEPI", [100.0] * 11 + [20.0, 20.0]).iloc[[12]].assign(
        known_at=anew["known_at"].max()
    )], ignore_index=True)  # fmt: skip
    assert doubted(both) == []


# Closes of funds.


def fund(name, *, halved=None, seed=0, length=40):
    market = np.cumsum(np.random.default_rng(1).normal(0, 0.01, length))
    own = np.random.default_rng(seed).normal(0, 0.001, length)
    close = 200 * np.exp(market + own)
    if halved is not None:
        close[halved:] /= 2
    return rows(f"{name}_close", close)


SMALL = [fund("IWM", seed=2), fund("IJR", seed=3)]


@pytest.mark.parametrize("newest", [30, 31, 39], ids=["that day", "the day after", "later"])
@pytest.mark.parametrize("name", ["IWM", "QQQ"], ids=["with a twin", "without"])
def test_a_halved_close_without_a_split_is_doubted_until_the_split_comes(name, newest):
    share, twin = fund(name, halved=30, seed=2), SMALL[1]
    new = gather([share.iloc[25 : newest + 1], twin.iloc[25 : newest + 1]])
    recent = gather([share.iloc[:25], twin.iloc[:25]])
    assert doubted(new, recent) == [(f"{name}_close", day(at)) for at in range(30, newest + 1)]
    split = rows(f"{name}_split", [2.0], DAYS[30:])
    assert doubted(gather([new, split]), recent) == []


def test_a_split_that_the_close_does_not_show_is_doubted_and_the_close_is_not():
    split = rows("IWM_split", [2.0], DAYS[20:])
    assert doubted(gather([*SMALL, split])) == [("IWM_split", day(20))]


def test_a_dividend_is_part_of_the_return_and_one_too_large_is_doubted():
    share = SMALL[0].copy()
    share.loc[20:, "value"] *= 0.93  # paid 7 %, which without the dividend is a loss
    alone = gather([share, SMALL[1]])
    assert ("IWM_close", day(20)) in doubted(alone)
    paid = rows("IWM_dividend", [share["value"][20] * (1 / 0.93 - 1)], DAYS[20:])
    assert doubted(gather([alone, paid])) == []
    assert doubted(gather([*SMALL, paid])) == [("IWM_dividend", day(20))]
    absurd = rows("QQQ_dividend", [60.0], DAYS[20:])
    assert doubted(gather([fund("QQQ"), absurd])) == [("QQQ_dividend", day(20))]


@pytest.mark.parametrize("kind", ["", "_close"], ids=["indices", "closes"])
def test_the_fund_that_all_its_twins_contradict_is_the_doubtful_one(kind):
    names = ["SPY", "OEF", "XLG", "RSP"]
    group = {
        name: fund(name, seed=seed).assign(series=f"{name}{kind}")
        for seed, name in enumerate(names)
    }
    assert doubted(gather(list(group.values()))) == []
    for name in names:
        wrong = group[name].copy()
        wrong.loc[20, "value"] *= 1.09
        assert doubted(gather(list((group | {name: wrong}).values()))) == [
            (f"{name}{kind}", day(20))
        ]


def test_when_nobody_can_tell_which_twin_is_wrong_both_are_doubted():
    wrong = SMALL[0].copy()
    wrong.loc[39, "value"] *= 1.09
    both = [("IJR_close", day(39)), ("IWM_close", day(39))]
    assert sorted(doubted(gather([wrong, SMALL[1]]))) == both
    assert doubted(wrong.iloc[39:], gather([wrong.iloc[:39], SMALL[1]])) == both[1:]


def test_blame_goes_to_whoever_explains_most():
    assert blamed([("A", "B"), ("A", "C")], [("B", "C")], []) == {"A"}
    assert blamed([("A", "B")], [("B", "C")], []) == {"A"}
    assert blamed([("A", "B")], [], []) == {"A", "B"}
    assert blamed([("A", "B")], [], ["B"]) == {"B"}
    assert blamed([("S", "A"), ("S", "B"), ("S", "R")], [("A", "B")], []) == {"S"}
    assert blamed([("A", "B"), ("C", "D")], [], ["A", "C"]) == {"A", "C"}


# The calendar.


@pytest.mark.parametrize(
    ("name", "period", "value", "why"),
    [
        ("hi_10", "2024-07-04", 0.01, "is of no trading day"),
        ("SPY_dividend", "2024-07-06", 1.0, "is of no trading day"),
        ("DGS10", "2024-07-06", 4.0, "is of a weekend"),
        ("DFF", "2024-07-06", 5.0, None),
        ("DGS10", "2024-07-04", 4.0, None),
        ("mcapshare_hi_10", "2024-06-29", 0.6, "is of no end of a month"),
        ("mcapshare_hi_10", "2024-06-30", 0.6, None),
        ("SPY_close", "2024-12-31", 500.0, None),
        ("SPY_close", "2025-01-02", 500.0, "is of a day that is not over"),
        ("ICSA", "2024-06-29", 230_000.0, None),
        ("IWM_split", "2024-07-05", 1.0, "is no split"),
    ],
)
def test_a_period_must_be_one_that_the_series_can_have(name, period, value, why):
    at = pd.Timestamp(period)
    new = rows("OEF_close", [200.0]).assign(
        series=name, period=at.as_unit("us"), value=value,
        known_at=at.tz_localize("UTC") + pd.Timedelta(hours=22),
    )  # fmt: skip
    found = checked(new, now=NOW, recent=NOTHING).doubtful["reason"]
    assert found.tolist() == ([] if why is None else [f"{name} of {period}, {value:.6g}, {why}."])


def test_a_session_counts_once_it_has_closed():
    new = rows("SPY_close", [500.0], DAYS)
    close = new["known_at"].iloc[0]
    assert doubted(new, now=close) == []
    assert doubted(new, now=close - pd.Timedelta(minutes=1)) == [("SPY_close", day(0))]


@pytest.mark.parametrize("days", [-1, 400])
def test_a_publication_before_its_day_or_long_after_its_lag_is_doubted(days):
    new = rows("SPY_close", [500.0])
    absurd = new["period"].dt.tz_localize("UTC") + pd.Timedelta(days=days)
    assert doubted(new.assign(known_at=absurd)) == [("SPY_close", day(0))]


def test_a_repeated_row_is_kept_once():
    new = rows("SPY_close", [500.0, 501.0])
    assert doubted(pd.concat([new, new.iloc[[1]]], ignore_index=True)) == [("SPY_close", day(1))]


# What is refused.

FRAME = rows("SPY_close", [500.0, 501.0])
BROKEN = {
    "no column": FRAME.drop(columns="source"),
    "a column more": FRAME.assign(reason=""),
    "values as texts": FRAME.assign(value=["500", "501"]),
    "a value missing": FRAME.assign(value=[np.nan, 501.0]),
    "a value without end": FRAME.assign(value=[np.inf, 501.0]),
    "no zone": FRAME.assign(known_at=FRAME["known_at"].dt.tz_localize(None)),
    "a period with a zone": FRAME.assign(period=FRAME["known_at"]),
    "a period at noon": FRAME.assign(period=FRAME["period"] + pd.Timedelta(hours=12)),
    "no period": FRAME.assign(period=[pd.NaT, FRAME["period"][1]]),
    "an unknown series": FRAME.assign(series="SPX"),
    "two values of one publication": pd.concat([FRAME, FRAME.assign(value=7.0)]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_frame_that_breaks_the_contract_is_an_error_of_its_source_in_one_line(broken):
    with pytest.raises(SourceError) as error:
        checked(broken, now=NOW, recent=NOTHING)
    assert "\n" not in str(error.value)


def test_nothing_is_good():
    both = checked(NOTHING, now=NOW, recent=NOTHING)
    assert both.good.empty
    assert both.doubtful.empty


# Real values.


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

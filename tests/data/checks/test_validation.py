"""What the door lets in and what it doubts: ranges, jumps, levels and revisions."""

import numpy as np
import pandas as pd
import pytest
from data.checks.doubted import DAYS, NOTHING, NOW, day, doubted, rows
from drawn import drawn
from hypothesis import example
from hypothesis import strategies as st

from regime.data.catalog import CATALOG, Frequency, Unit, get
from regime.data.checks.jumps import largest_jump
from regime.data.checks.validation import bounds, checked
from regime.data.observations import COLUMNS, gather


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

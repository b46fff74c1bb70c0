"""All numbers of a day: what they rest on, what is lacking, and what has no rank."""

import math

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from watched import NO_PATH, drawn_path

from regime.data.calendar import trading_days
from regime.signals.favoured import favoured
from regime.signals.numbers import _AT_ONCE, signal_numbers
from regime.signals.standing import KNOWN, LATE, MISSING, standing

DAYS = trading_days(pd.Timestamp("2020-01-02"), pd.Timestamp("2023-06-30"))
RANK = ["percentile", "window_from", "change_21", "change_63", "extreme", "extreme_on",
        "extreme_since", "extreme_from", "share", "usual", "low", "high"]  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    values = pd.DataFrame(rng.normal(size=(len(DAYS), 3)), DAYS, ["plain", "gaps", "late"])
    values["slow"] = values["plain"].cumsum()
    values.loc[rng.random(len(DAYS)) < 0.2, "gaps"] = np.nan
    values.loc[DAYS[-5:], "late"] = np.nan
    return values


@pytest.fixture(scope="module")
def labels():
    return drawn_path(DAYS, 4)


def told(frame, labels, *declarations, day=DAYS[-1], newest=None):
    said = [{"name": one} if isinstance(one, str) else one for one in declarations]

    def history(names):
        return frame[[one for one in names if one in frame]]

    return signal_numbers(said, history, labels, day, newest).set_index("name")


def test_it_reads_nothing_that_came_after_the_day(frame, labels):
    day, names = DAYS[700], ("plain", "gaps", "late", "slow", "never")
    wild = frame.copy()
    wild.loc[wild.index > day] = 99.0
    known = labels[labels["date"] <= day]
    known = known.assign(confirmed_on=known["confirmed_on"].where(known["confirmed_on"] <= day))
    short = told(frame[:day], known, *names, day=day)
    assert_frame_equal(told(wild, labels, *names, day=day), short)


def test_numbers_are_those_of_standing_and_of_whom_it_favoured(frame, labels):
    values = frame.to_numpy()
    alone = standing(values, DAYS).join(favoured(values, DAYS, labels, DAYS[-1]))
    numbers = told(frame, labels, *frame)
    assert_frame_equal(numbers[[*alone]].reset_index(drop=True), alone)


def test_more_signals_than_are_held_at_once_keep_their_order(labels):
    rng = np.random.default_rng(0)
    many = pd.DataFrame(rng.normal(size=(len(DAYS), 2 * _AT_ONCE + 3)), DAYS).add_prefix("s")
    numbers = told(many, labels, *many)
    assert list(numbers.index) == list(many)
    assert numbers["value"].tolist() == many.iloc[-1].tolist()
    assert_frame_equal(numbers.iloc[[-1]], told(many, labels, many.columns[-1]))


def test_a_signal_without_a_column_was_never_known(frame, labels):
    numbers = told(frame, labels, "absent", "plain")
    assert numbers["state"].tolist() == [MISSING, KNOWN]


def test_on_a_day_without_a_row_nothing_is_known(frame, labels):
    row = told(frame, labels, "plain", day=DAYS[-1] + pd.offsets.BDay(1)).iloc[0]
    assert (row["state"], row["stale"], row["known"]) == (LATE, 1, DAYS[-1])
    assert math.isnan(row["value"])


def test_before_the_first_day_and_without_signals_there_is_no_fault(frame, labels):
    early = told(frame, NO_PATH, "plain", day=DAYS[0] - pd.offsets.BDay(1))
    assert early["state"].tolist() == [MISSING]
    none = signal_numbers([], lambda _: frame[[]], labels, DAYS[-1])
    assert none.empty
    assert {"name", "value", "of", "old", "lacking", "favours"} <= {*none}


def test_what_has_no_rank_has_a_value_and_its_age_only(frame, labels):
    ranked, blank = told(
        frame, labels, "slow", {"name": "slow", "ranked": False}
    ).to_dict("records")  # fmt: skip
    assert ranked["third"] != ""
    assert not math.isnan(ranked["percentile"])
    assert all(pd.isna(blank[name]) for name in RANK)
    assert (blank["extreme_is"], blank["third"], blank["favours"]) == ("", "", "")
    for name in ("state", "value", "known", "stale", "unchanged", "last"):
        assert blank[name] == ranked[name]


NEWEST = {"NEW": pd.Timestamp("2023-06-30"), "OLD": pd.Timestamp("2023-06-23"),
          "MONTH": pd.Timestamp("2023-05-31")}  # fmt: skip


@pytest.mark.parametrize(
    ("series", "of", "old", "lacking"),
    [
        (["NEW"], "2023-06-30", 0, ""),
        (["NEW", "OLD"], "2023-06-23", 5, ""),
        # Sessions after 31 May: 21 in June, of which the 19th was none.
        (["MONTH", "NEW", "GONE", "LOST"], "2023-05-31", 21, "GONE, LOST"),
        (["GONE"], None, None, "GONE"),
        ([], None, None, ""),
    ],
)
def test_a_value_is_as_old_as_the_oldest_period_behind_it(frame, labels, series, of, old, lacking):
    declared = {"name": "plain", "needs": series}
    row = told(frame, labels, declared, {"name": "plain", "needs": ["NEW"]}, newest=NEWEST).iloc[0]
    assert row["lacking"] == lacking
    if of is None:
        assert pd.isna(row["of"])
        assert math.isnan(row["old"])
    else:
        assert (row["of"], row["old"]) == (pd.Timestamp(of), old)


def test_a_value_that_is_late_rests_on_nothing_of_today(frame, labels):
    row = told(frame, labels, {"name": "late", "needs": ["NEW"]}, newest=NEWEST).iloc[0]
    assert pd.isna(row["of"])
    assert math.isnan(row["old"])
    assert row["lacking"] == ""


def test_without_word_of_periods_none_is_told(frame, labels):
    row = told(frame, labels, {"name": "plain", "needs": ["NEW", "GONE"]}).iloc[0]
    assert pd.isna(row["of"])
    assert row["lacking"] == ""

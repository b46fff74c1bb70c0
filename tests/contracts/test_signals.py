"""Laws that every signal obeys."""

import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal
from watched import NO_PATH, OWN, WATCH, columns_of, drawn_panel

from regime.brief.signal_words import Reading, reading
from regime.brief.signals import signal_table
from regime.data.calendar import trading_days
from regime.data.catalog import CATALOG
from regime.data.declared.own import TABLE
from regime.exceptions import ConfigError
from regime.signals.declared import calendar, composite
from regime.signals.declared.calendar import EVENTS
from regime.signals.declared.yours import signals_of
from regime.signals.numbers import signal_numbers
from regime.signals.registry import SIGNALS, all_signals, get, history, series_behind
from regime.signals.standing import MISSING
from regime.signals.watch import DEFAULT

ALL = all_signals(WATCH)
NAMED = [*ALL, *signals_of(DEFAULT)]
# Two midterms, on 6 November 2018 and 8 November 2022, and six turns of the year.
DAYS = trading_days(pd.Timestamp("2017-07-03"), pd.Timestamp("2023-09-29"))
LONG = trading_days(pd.Timestamp("2001-01-02"), pd.Timestamp("2023-09-29"))
# Seasons and dated events are counted on after the last of them, whatever is missing today.
COUNTED_ON = {one.name for one in calendar.SIGNALS}
ENDS = ["2023-01-12", "2019-12-31"]  # the eighth session after a turn of the year, and a year's end
MIDTERM = "2022-11-08"


@pytest.fixture(scope="module")
def panel():
    return drawn_panel(ALL, DAYS, seed=1)


@pytest.fixture(scope="module")
def told(panel):
    return history(panel, ALL)


def test_every_signal_has_values_on_the_drawn_panel(told):
    assert list(told) == [one.name for one in ALL]
    assert told.dtypes.eq(np.float64).all()
    assert not list(told.columns[told.isna().all()])
    assert not np.isinf(told.to_numpy()).any()


@pytest.mark.parametrize("end", ENDS)
def test_every_signal_is_blind_to_the_future(panel, told, end):
    assert_frame_equal(history(panel[:end], ALL), told[:end], check_exact=True)


def test_a_sum_over_many_columns_is_rounded_alike_however_many_rows_follow(panel, told):
    several = [one for one in ALL if "slope" in one.name or one.name == "dollar_index"]
    assert len(several) > 3
    for end in range(1376, 1400, 3):
        assert_frame_equal(
            history(panel[:end], several), told[[one.name for one in several]][:end],
            check_exact=True,
        )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3])
def test_every_signal_is_blind_to_the_future_on_twenty_years(seed):
    panel = drawn_panel(ALL, LONG, seed)
    told = history(panel, ALL)
    assert not list(told.columns[told.isna().all()])
    for end in (1, 2, 70, 1500, 3001, 5041, len(LONG) - 1):
        assert_frame_equal(history(panel[:end], ALL), told[:end], check_exact=True)


def test_what_is_missing_today_gives_no_number_today_and_changes_none_before(panel, told):
    stale = panel[:MIDTERM].copy()
    stale.iloc[-1] = np.nan
    seen = history(stale, ALL)
    today = seen.iloc[-1]
    assert {*today.index[today.notna()]} <= COUNTED_ON
    assert_frame_equal(seen[:-1], told[:MIDTERM][:-1], check_exact=True)


def test_without_any_series_every_signal_is_unknown_throughout():
    nothing = history(pd.DataFrame(index=DAYS[:300]), ALL)
    assert {*nothing.columns[nothing.notna().any()]} == {"days_to_midterm"}


@pytest.mark.parametrize("signal", ALL[::9], ids=lambda one: one.name)
def test_without_any_one_of_its_needs_a_signal_is_unknown_throughout(panel, signal):
    for name in signal.needs:
        assert signal.of(panel.drop(columns=name)).isna().all()


def test_a_signal_reads_nothing_but_what_it_declares(panel, told):
    for one in ALL[::4]:
        own = panel[list(dict.fromkeys((*one.needs, *one.uses)))]
        assert_series_equal(one.of(own), told[one.name], check_exact=True)


@pytest.mark.parametrize("signal", [one for one in ALL if one.uses][::4], ids=lambda one: one.name)
def test_what_a_signal_only_uses_may_be_absent_or_never_known(panel, signal):
    few = panel[-200:]
    absent = signal.of(few.drop(columns=list(signal.uses)))
    unknown = signal.of(few.assign(**dict.fromkeys(signal.uses, np.nan)))
    assert_series_equal(absent, unknown, check_exact=True)


def test_every_need_is_a_series_of_the_catalogue_or_a_known_extra():
    extra = re.compile(r"(\w+)@(period|[1-9]\d?)")
    for name in columns_of(NAMED):
        match = extra.fullmatch(name)
        assert (match[1] if match else name) in {*CATALOG, EVENTS, OWN}
    named = {name.split("@")[0] for name in columns_of(ALL)}
    assert named - {*series_behind(ALL)} == {EVENTS, OWN}


def test_names_and_titles_are_those_of_one_signal_only():
    for one in ("name", "title"):
        said = [getattr(signal, one) for signal in NAMED]
        assert len({*said}) == len(said)
    assert all(get(name) is signal for name, signal in SIGNALS.items())


def test_a_declaration_says_all_that_is_shown():
    said = [one.declaration() for one in NAMED]
    for key in ("title", "topic", "family", "question", "why", "unit"):
        assert not [one["name"] for one in said if not one[key]]
    asked = {one["question"] for one in said}
    assert all(question.endswith("?") for question in asked)
    told = {one[key] for one in said for key in ("why", "trap", "supply")} - {""}
    assert not [sentence for sentence in told if not sentence.endswith(".")]
    assert not [words for words in asked | told if "  " in words or words != words.strip()]


def test_every_unit_has_a_reading_of_its_own():
    for unit in {str(one.unit) for one in NAMED}:
        # Of a unit that nobody has met the reading is made of the very words.
        assert reading(unit) != Reading(unit, f" {unit}", f" {unit}"), unit


def test_a_signal_whose_needs_are_missing_says_what_to_supply():
    said = [one.declaration() for one in NAMED]
    nothing = pd.DataFrame(index=DAYS[:1])
    numbers = signal_numbers(said, lambda _: nothing, NO_PATH, DAYS[0], newest={})
    table = signal_table(said, numbers).set_index("name")
    assert set(table["state"]) == {MISSING}
    for one in NAMED:
        remedy = table["remedy"][one.name]
        own = [name for name in one.needs if name in CATALOG and CATALOG[name].table == TABLE]
        assert all(name in remedy for name in own), remedy
        words = "regime fetch|own_series|own_prices.csv|events.csv"
        assert re.search(words, remedy) or not one.needs, one.name


def test_the_composite_is_never_called_a_probability():
    for one in composite.SIGNALS:
        words = " ".join(value for value in one.declaration().values() if isinstance(value, str))
        assert not re.search("probab|likel|odds|chance", words, re.IGNORECASE)


def test_a_name_nobody_knows_names_what_is_near():
    with pytest.raises(ConfigError, match=r"smal_5d.*small_5d"):
        get("smal_5d")

"""The table of signals in words: what it says of what is known, and of what is not."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from watched import NO_PATH, drawn_path, path_of

from regime.brief.signal_words import (
    family_words,
    question_of,
    reading,
    reasons,
    source_of,
    supply,
    title_of,
)
from regime.brief.signals import (
    SIGNALS,
    about_words,
    crossed_words,
    extreme_words,
    favours_sentence,
    favours_words,
    headline,
    missing_words,
    most_extreme_first,
    most_unusual_first,
    path_words,
    season_words,
    signal_table,
    tied_words,
    unit_words,
)
from regime.features.assembly import declared
from regime.signals.declared.yours import LEVELS
from regime.signals.favoured import leaders
from regime.signals.numbers import signal_numbers
from regime.signals.registry import all_signals
from regime.signals.standing import KNOWN, LATE, MISSING
from regime.taxonomy import REGIMES, Regime

DAYS = pd.bdate_range("1995-01-02", periods=6200, name="date")
SMALL, MEGA = Regime.SMALL_CAP_LED, Regime.MEGA_CAP_LED


def declaration(name, **more):
    said = {"name": name, "family": "rates", "unit": "standard deviations", "why": "Because."}
    return {**said, "series": ["DGS10"], **more}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    values = pd.DataFrame(rng.normal(size=(len(DAYS), 2)), DAYS, ["plain", "late"])
    values["slow"] = values["plain"].rolling(250, min_periods=1).sum()
    values.loc[DAYS[-5:], "late"] = np.nan
    values["never"] = np.nan
    return values


@pytest.fixture(scope="module")
def labels():
    return drawn_path(DAYS, 4)


def table(frame, labels, *declarations, day=DAYS[-1], newest=None):
    said = [declaration(one) if isinstance(one, str) else one for one in declarations]
    numbers = signal_numbers(said, lambda names: frame.reindex(columns=names), labels, day, newest)
    return signal_table(said, numbers)


def test_a_row_has_the_words_of_its_declaration_and_the_numbers_of_the_day(frame, labels):
    whole = declaration("plain", title="Its own", topic="Any", question="How?", trap="Mind.",
                        lean="high: somebody")  # fmt: skip
    told = table(frame, labels, whole, "slow")
    assert list(told) == SIGNALS
    row = told.iloc[0]
    for key in ("title", "topic", "question", "trap", "lean", "why", "unit", "family"):
        assert row[key] == whole[key]
    assert row["value"] == frame["plain"].iloc[-1]
    assert (row["series"], row["state"], row["remedy"]) == ("DGS10", KNOWN, "")
    bare = told.iloc[1]
    assert (bare["title"], bare["topic"], bare["trap"]) == ("Slow", "", "")


def test_a_late_value_is_never_shown_as_the_days(frame, labels):
    row = table(frame, labels, "late").iloc[0]
    assert math.isnan(row["value"])
    assert math.isnan(row["percentile"])
    assert (row["state"], row["stale"], row["known"]) == (LATE, 5, DAYS[-6])
    assert row["last"] == frame["late"].iloc[-6]
    for words in ("5 sessions", f"{DAYS[-6].day} {DAYS[-6]:%B %Y}", "DGS10", "regime fetch"):
        assert words in row["remedy"]
    assert favours_words(row) == "cannot be told"


@pytest.mark.parametrize("name", ["never", "absent"])
def test_a_signal_without_a_source_names_the_series_to_supply(frame, labels, name):
    told = table(frame, labels, name, "plain")
    row = told.iloc[0]
    assert row["state"] == MISSING
    assert pd.isna(row["known"])
    assert "Supply DGS10" in row["remedy"]
    assert "fred_daily" in row["remedy"]
    assert "1 of 2 signals are known" in headline(told)
    assert list(most_unusual_first(told)["name"]) == ["plain", name]


def test_a_remedy_asks_for_what_is_lacking_only_or_says_the_topic_s_own(frame, labels):
    both = declaration("never", series=["DGS10", "DGS2"], needs=["DGS10", "DGS2"])
    newest = {"DGS10": DAYS[-1]}
    assert "Supply DGS2:" in table(frame, labels, both, newest=newest)["remedy"].item()
    own = both | {"supply": "Ask a strategist."}
    told = table(frame, labels, own, newest=newest)["remedy"].item()
    assert told == "There has never been a value. Ask a strategist."


def test_what_is_told_of_a_signal_that_favours_somebody(frame, labels):
    small = (labels["regime"] == SMALL).to_numpy(np.float64)
    telling = small + 0.1 * frame["plain"].to_numpy()
    telling[-1] = 2.0
    told = table(frame.assign(telling=telling), labels, "telling", "plain")
    row, noise = told.to_dict("records")
    assert favours_words(row) == "Small-cap led"
    sentence = favours_sentence(row)
    assert f"{row['share']:.0%} of days, against {row['usual']:.0%} of all days" in sentence
    assert f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f} points more" in sentence
    assert "98% interval" in sentence
    assert "forecasts nothing" in sentence
    assert "within what so many episodes could show by chance" in favours_sentence(noise)


def test_few_episodes_or_none_are_said_to_be_so(frame, labels):
    regime = np.repeat(np.array(REGIMES)[[0, 2] * 4], len(DAYS) // 8)
    row = table(frame, path_of(DAYS, regime, DAYS), "slow").iloc[0]
    assert "fewer than 10 are too few" in favours_sentence(row)
    row = table(frame, NO_PATH, "plain").iloc[0]
    assert "cannot be told" in favours_sentence(row)


def test_a_third_that_ties_leave_empty_is_explained_and_three_full_ones_are_not(frame, labels):
    values = frame["slow"]
    assert tied_words(leaders(values, labels, DAYS[-1])) == ""
    tied = values.where(values < values.median(), values.max())
    assert "There is no highest third" in tied_words(leaders(tied, labels, DAYS[-1]))
    assert tied_words(leaders(values, labels[:0], DAYS[-1])) == ""


# Extremes -----------------------------------------------------------------------------


def extreme(**said):
    row = {"unit": "decimal return", "extreme": 0.1149, "extreme_on": pd.Timestamp("2024-07-16"),
           "extreme_is": "highest", "extreme_since": pd.Timestamp("2020-04-29"),
           "extreme_from": pd.Timestamp("2000-06-05")}  # fmt: skip
    return row | said


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "+11.5% on 16 July 2024: the highest since 29 April 2020"),
        ({"extreme_since": pd.NaT},
         "+11.5% on 16 July 2024: the highest on record, since 5 June 2000"),
        ({"extreme": -0.03, "extreme_is": "lowest"},
         "-3.0% on 16 July 2024: the lowest since 29 April 2020"),
        ({"extreme_is": ""}, ""),
    ],
)  # fmt: skip
def test_an_extreme_is_its_value_its_day_and_since_when(said, words):
    assert extreme_words(extreme(**said)) == words


def test_what_reaches_back_farthest_comes_first_and_records_by_their_length():
    since = ["2020-01-01", None, "2010-01-01", None, "2020-01-01", None]
    begun = ["2000-01-01", "1990-01-01", "1950-01-01", "1970-01-01", "1999-01-01", "1960-01-01"]
    rows = [extreme(name=name, extreme_since=pd.Timestamp(one), extreme_from=pd.Timestamp(other))
            for name, one, other in zip("abcdef", since, begun, strict=True)]  # fmt: skip
    rows[5]["extreme_is"] = ""
    assert "".join(most_extreme_first(pd.DataFrame(rows))["name"]) == "dbcea"


def test_a_headline_counts_what_is_known_and_what_is_far_out():
    percentile = [0.96, 0.95, 0.94, 0.5, 0.05, 0.04, np.nan, 1.0]
    state = [KNOWN] * 7 + [LATE]
    said = headline(pd.DataFrame({"percentile": percentile, "state": state}))
    assert said == (
        "7 of 8 signals are known at this close. Of 6 with a percentile, 2 stand in the top 5% of "
        "their last 20 years and 2 in the bottom 5%."
    )


# The path -----------------------------------------------------------------------------

PATH = path_of(
    pd.to_datetime(["2024-07-08", "2024-07-09", "2024-07-10", "2024-07-11", "2024-07-12"]),
    [SMALL, MEGA, MEGA, SMALL, SMALL],
    pd.to_datetime(["2024-07-09", "2024-07-10", "2024-07-12", "2024-07-17", "2024-07-18"]),
)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2024-07-18", "small-cap led since 11 July 2024; confirmed on 17 July 2024"),
        ("2024-07-17", "small-cap led since 11 July 2024; confirmed on 17 July 2024"),
        ("2024-07-16", "mega-cap led since 9 July 2024; confirmed on 10 July 2024"),
        ("2024-07-09", "small-cap led since 8 July 2024; confirmed on 9 July 2024"),
    ],
)
def test_a_turn_is_told_from_the_day_it_was_confirmed(day, words):
    assert path_words(PATH, pd.Timestamp(day), "funds") == (
        f"By the funds baskets the market has been {words}."
    )


def test_before_a_turn_is_confirmed_nobody_is_said_to_lead():
    for path in (PATH, NO_PATH, PATH.assign(confirmed_on=pd.NaT)):
        assert "not told" in path_words(path, pd.Timestamp("2024-07-08"), "funds")


def test_seasons_are_told_with_the_years_behind_them():
    turn = [
        {"place": -1.0, "lead": 0.0012, "years": 24},
        {"place": 1.0, "lead": -0.001, "years": 24},
    ]
    cycle = [{"year": 2.0, "lead": 0.031, "years": 6}]
    told = season_words({"turn": turn, "cycle": cycle})
    assert "in points: -1: +0.12, +1: -0.10. 24 years." in told["Turn of the year"]
    assert told["Election cycle"].endswith("in points: 2: +3.1 in 6 years.")
    assert season_words({}) == {}
    topics = {one.topic.title for one in all_signals()}
    assert {*told} <= topics


# What is missing ----------------------------------------------------------------------


def test_what_is_missing_is_told_once_for_each_remedy():
    rows = pd.DataFrame(
        {
            "title": ["One", "Two", "Three", "Four", "Five", "Six", "Seven"],
            "state": [MISSING] * 5 + [LATE, KNOWN],
            "supply": ["", "", "", "Buy it.", "Buy it.", "", ""],
            "lacking": ["DGS2", "DGS10, DGS2", "DGS2", "OWN", "OWN", "", ""],
            "series": ["DGS2", "DGS10, DGS2", "DGS2", "OWN", "OWN", "DFF", "DFF"],
            "unit": "percent per year", "last": 4.25, "known": pd.Timestamp("2024-07-15"),
            "stale": 1.0,
        }
    )  # fmt: skip
    first, second, third = missing_words(rows)
    assert first.startswith("Never known: One; Two and 1 more. Supply DGS2, DGS10: run `regime ")
    assert second == "Never known: Four; Five. Buy it."
    assert third.startswith(
        "Not known since 15 July 2024, 1 session ago: Six (4.25%). Supply DFF: run `regime fetch"
    )
    assert missing_words(rows[-1:]) == []


@pytest.mark.parametrize(
    ("series", "said"),
    [
        (["CPIAUCSL@12", "CPIAUCSL@period"], "Supply CPIAUCSL: run"),
        (["forward_pe_sp500", "forward_pe_sp600"],
         "No publisher offers forward_pe_sp500, forward_pe_sp600 free of charge. Put"),
        (["PRIVATE"], "Supply PRIVATE: run `regime fetch --source live`."),
        ([], "Supply its source: run"),
        ([f"S{n}" for n in range(11)], "S7 and 3 more: run"),
    ],
)  # fmt: skip
def test_a_supply_names_series_and_where_they_go(series, said):
    assert said in supply(series)


# Words ------------------------------------------------------------------------------


def test_no_sentence_repeats_the_title_and_a_unit_is_the_one_that_is_seen():
    row = {"title": "Deciles above, over a week", "question": "How many?", "why": "Deciles above."}
    assert about_words(row) == "How many?"
    assert about_words(row | {"why": "Few lead."}) == "How many? Few lead."
    assert unit_words("share of 1") == "Unit: %; in the file: share of 1."
    assert unit_words("standard deviations") == "Unit: standard deviations."


def test_every_declared_feature_has_a_name_of_its_own_a_reason_and_a_known_unit():
    said = [
        {"name": name, "family": family, "unit": one.unit, "why": one.why}
        for name, (family, one) in declared(2520).items()
    ]
    titles = [title_of(one) for one in said]
    assert len({*titles}) == len(titles)
    assert not any("_" in title for title in titles)
    assert all(why.startswith(("The same", "And ")) is False for why in reasons(said))
    assert all(reading(one["unit"]).axis != one["unit"] or one["unit"] == "standard deviations"
               for one in said)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("yield_10y_change_21d", "10-year yield, change over a month"),
        ("curve_10y_1y", "Yield curve, 10-year less 1-year"),
        ("cuts_priced_2y", "Cuts priced over 2 years"),
        ("mega_over_small_63d", "Giants against small companies, over a quarter"),
        ("path_score_mega_cap_led", "Path score, mega-cap led"),
        ("small_cheap_q2", "Cheapness of small companies, second-smallest fifth"),
        ("members_above_200d", "Members above their 200-day average"),
        ("vix_change_1d", "VIX, change over a day"),
    ],
)
def test_a_name_is_read_off_the_column(name, title):
    assert title_of({"name": name}) == title
    assert title_of({"name": name, "title": "Its own"}) == "Its own"


@pytest.mark.parametrize(
    ("unit", "value", "before", "said", "moved"),
    [
        ("trailing standard deviations", 1.234, 1.0, "+1.23 sd", "+0.23 sd"),
        ("share of 1", 0.372, 0.412, "37%", "-4 points"),
        ("log return", math.log(0.8), 0.0, "-20.0%", "-20.0 points"),
        ("log ratio", math.log(2), 0.0, "2.00 times", "+1.00"),
        ("percent per year", 4.25, 4.0, "4.25%", "+0.25 points"),
        ("trading days", 19, 19, "19 sessions", "0 sessions"),
        ("standard deviations", -0.001, 0.0, "0.00 sd", "0.00 sd"),
        ("furlongs", 2, 1, "2.00 furlongs", "+1.00 furlongs"),
    ],
)
def test_values_are_said_in_their_unit(unit, value, before, said, moved):
    assert reading(unit).said(value) == said
    assert reading(unit).said_change(value - before, value) == moved
    assert reading(unit).said(math.nan) == "not known"
    assert_allclose(reading(unit).back(reading(unit).shown(value)), value, atol=1e-12)


def test_a_source_is_named_as_the_catalogue_has_it():
    assert "Treasury yield, 10 years (DGS10), daily, known 1 session later" in source_of(
        declaration("x")
    )
    assert source_of(declaration("x", series=["OWN"])) == "OWN"
    assert source_of(declaration("x", source="my desk")) == "my desk"
    assert source_of(declaration("x", series=list("abcde"))).endswith("; and 2 more")


def test_every_unit_of_weeks_and_assets_is_said_in_words():
    weeks = reading("weeks in a row, negative for outflows")
    assert (weeks.said(-3), weeks.said_change(2, 5)) == ("-3 weeks", "+2 weeks")
    assert reading("percent of net assets").said(0.5) == "+0.50%"


def test_every_family_has_a_name():
    assert family_words("companies") == "The giants' books"
    for one in all_signals():
        assert question_of({"family": one.topic.family}), one.topic.family


def test_no_declarations_make_an_empty_table(frame, labels):
    told = table(frame, labels)
    assert list(told) == SIGNALS
    assert told.empty


def test_the_session_on_which_a_level_was_crossed_is_named():
    row = {"topic": LEVELS.title, "state": KNOWN, "known": pd.Timestamp("2024-07-08")}
    table = pd.DataFrame(
        [
            {
                **row,
                "name": "level_a_crossed",
                "title": "A: XLK against 133, sessions",
                "value": 2.0,
            },
            {**row, "name": "level_a", "title": "A: XLK against 133, distance", "value": 0.1},
            {**row, "name": "level_b_crossed", "title": "B: gold", "value": 0.0, "state": LATE},
        ]
    )
    # Sessions before Monday the 8th: Friday the 5th, and Wednesday the 3rd, for the 4th is none.
    assert crossed_words(table) == "A: XLK against 133 crossed on 3 July 2024."
    assert crossed_words(table[1:]) == ""

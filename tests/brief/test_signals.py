"""The table of signals against brute force, and what it says of what is not known."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from regime.brief import signals
from regime.brief.signal_words import reading, reasons, source_of, title_of
from regime.brief.signals import (
    CHANCE,
    EPISODES,
    KNOWN,
    LATE,
    MISSING,
    SIGNALS,
    about_words,
    favours_sentence,
    favours_words,
    headline,
    leaders,
    most_unusual_first,
    signal_table,
    tied_words,
    unit_words,
    unknown,
)
from regime.features.assembly import declared
from regime.taxonomy import REGIMES

DAYS = pd.bdate_range("1995-01-02", periods=6200, name="date")


def declaration(name, **more):
    said = {"name": name, "family": "rates", "unit": "standard deviations", "why": "Because."}
    return {**said, "series": ["DGS10"], **more}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    values = pd.DataFrame(rng.normal(size=(len(DAYS), 3)), DAYS, ["plain", "gaps", "late"])
    values["slow"] = values["plain"].rolling(250, min_periods=1).sum()
    values["coarse"] = values["plain"].round()
    values.loc[rng.random(len(DAYS)) < 0.2, "gaps"] = np.nan
    values.loc[DAYS[:3000], "gaps"] = np.nan
    values.loc[DAYS[-1], "gaps"] = 0.3
    values.loc[DAYS[-5:], "late"] = np.nan
    values["never"] = np.nan
    return values.reset_index()


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(4)
    lengths = rng.integers(10, 120, size=200)
    regime = np.repeat(np.array(REGIMES)[rng.integers(0, 3, size=200)], lengths)[: len(DAYS)]
    confirmed = pd.Series(DAYS).shift(-30)
    return pd.DataFrame({"date": DAYS, "regime": regime, "confirmed_on": confirmed})


def table(frame, labels, *names, day=DAYS[-1]):
    return signal_table([declaration(name) for name in names], frame, labels, day)


def test_values_percentiles_and_changes_are_those_counted_by_hand(frame, labels):
    told = table(frame, labels, "plain", "gaps", "coarse").set_index("name")
    for name, row in told.iterrows():
        column = frame[name].to_numpy()
        past = [value for value in column[-5041:-1] if not math.isnan(value)]
        assert row["value"] == column[-1]
        assert_allclose(row["percentile"], sum(one < column[-1] for one in past) / len(past))
        assert_allclose(row["change_63"], column[-1] - column[-64])
        since = frame["date"].iloc[-5041:-1][frame[name].iloc[-5041:-1].notna()].iloc[0]
        assert row["window_from"] == since
        assert (row["known"], row["stale"], row["state"]) == (DAYS[-1], 0, KNOWN)
    assert list(told.reset_index().columns) == SIGNALS


def test_it_reads_nothing_that_came_after_the_day(frame, labels):
    day = DAYS[5500]
    names = ("plain", "gaps", "late", "slow", "coarse", "never")
    wild = frame.copy()
    wild.loc[wild["date"] > day, wild.columns[1:]] = 99.0
    known = labels[labels["date"] <= day]
    known = known.assign(confirmed_on=known["confirmed_on"].where(known["confirmed_on"] <= day))
    short = table(frame[frame["date"] <= day], known, *names, day=day)
    assert_frame_equal(table(wild, labels, *names, day=day), short)


def test_a_late_value_is_never_shown_as_the_days(frame, labels):
    row = table(frame, labels, "late").iloc[0]
    assert math.isnan(row["value"])
    assert math.isnan(row["percentile"])
    assert (row["state"], row["stale"], row["known"]) == (LATE, 5, DAYS[-6])
    assert row["last"] == frame["late"].iloc[-6]
    for words in ("5 sessions", f"{DAYS[-6]:%d %B %Y}", "DGS10", "regime fetch"):
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
    assert title_of(declaration(name)) in unknown(told)
    assert list(most_unusual_first(told)["name"]) == ["plain", name]


def test_on_a_day_without_a_row_nothing_is_known(frame, labels):
    row = table(frame, labels, "plain", day=DAYS[-1] + pd.offsets.BDay(1)).iloc[0]
    assert (row["state"], row["stale"]) == (LATE, 1)


def test_unchanged_counts_sessions_since_another_value(frame, labels):
    steps = frame.assign(plain=np.r_[np.zeros(len(frame) - 8), np.ones(8)])
    assert table(steps, labels, "plain")["unchanged"].item() == 7
    assert table(frame.assign(plain=1.0), labels, "plain")["unchanged"].item() == len(DAYS) - 1


def test_who_led_in_each_third_is_what_a_loop_over_the_days_finds(frame, labels):
    values = frame.set_index("date")["slow"]
    told = leaders(values, labels, DAYS[-1])
    path = labels[labels["confirmed_on"] <= DAYS[-1]].reset_index(drop=True)
    low, high = np.quantile(values[path["date"]], [1 / 3, 2 / 3])
    episode = (path["regime"] != path["regime"].shift()).cumsum()
    for third, row in told.iterrows():
        days = {}
        for place, value in enumerate(values[path["date"]]):
            if (0 if value <= low else 1 if value <= high else 2) == third:
                days.setdefault(episode[place], []).append(path["regime"][place])
        met = [len(one) for one in days.values()]
        assert (row["episodes"], row["days"]) == (len(met), sum(met))
        favoured = ""
        for regime in REGIMES:
            share = sum(one.count(regime) for one in days.values()) / sum(met)
            assert_allclose(row[regime], share)
            usual = (path["regime"] == regime).mean()
            cases = sum(met) ** 2 / sum(one**2 for one in met)
            if share - usual > CHANCE * math.sqrt(usual * (1 - usual) / cases):
                favoured = regime
        assert row["favours"] == favoured
    now = table(frame, labels, "slow").iloc[0]
    mine = told.set_index("third").loc[now["third"]]
    assert (now["favours"], now["episodes"]) == (mine["favours"], mine["episodes"])


def test_a_signal_that_tells_the_regime_favours_it_and_one_of_noise_does_not(frame, labels):
    small = (labels["regime"] == "small_cap_led").to_numpy(dtype=float)
    telling = small + 0.1 * frame["plain"].to_numpy()
    telling[-1] = 2.0
    told = table(frame.assign(telling=telling), labels, "telling", "plain")
    assert list(told["favours"]) == ["small_cap_led", ""]
    row = told.iloc[0]
    assert row["share"] > 0.9 > row["usual"]
    assert f"{row['share']:.0%} of days, against {row['usual']:.0%}" in favours_sentence(row)
    assert "chance" in favours_sentence(told.iloc[1])


def test_noise_is_named_no_more_often_than_the_rule_says(labels):
    rng = np.random.default_rng(0)
    slow = pd.DataFrame(rng.normal(size=(len(DAYS), 300)), DAYS).rolling(60).mean().add_prefix("n")
    told = table(slow.reset_index(), labels, *slow)
    assert (told["favours"] != "").mean() < 0.06


def test_fewer_than_ten_episodes_tell_nothing(frame):
    regime = np.repeat(np.array(REGIMES)[[0, 2] * 4], len(DAYS) // 8)
    path = pd.DataFrame({"date": DAYS, "regime": regime, "confirmed_on": DAYS})
    telling = frame.assign(telling=(regime == REGIMES[2]) + 0.1 * frame["plain"])
    row = table(telling, path, "telling").iloc[0]
    assert row["episodes"] < EPISODES
    assert row["favours"] == ""
    assert "too few" in favours_sentence(row)


def test_before_anything_is_confirmed_nothing_is_favoured(frame, labels):
    row = table(frame, labels.assign(confirmed_on=pd.NaT), "plain").iloc[0]
    assert (row["third"], row["favours"], row["episodes"]) == ("", "", 0)
    assert "cannot be told" in favours_sentence(row)
    assert leaders(frame.set_index("date")["plain"], labels[:0], DAYS[-1])["days"].sum() == 0


def test_a_third_that_ties_leave_empty_is_explained_and_three_full_ones_are_not(frame, labels):
    values = frame.set_index("date")["slow"]
    assert tied_words(leaders(values, labels, DAYS[-1])) == ""
    tied = values.where(values < values.median(), values.max())
    assert "There is no highest third" in tied_words(leaders(tied, labels, DAYS[-1]))
    assert tied_words(leaders(values, labels[:0], DAYS[-1])) == ""


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


def test_no_declarations_make_an_empty_table(frame, labels):
    told = signal_table([], frame, labels, DAYS[-1])
    assert list(told) == signals.SIGNALS
    assert told.empty

"""Whom a signal has favoured, against plain loops; and how often chance is named."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from watched import NO_PATH, drawn_path, path_of

from regime.signals.favoured import (
    BLOCK,
    EPISODES,
    LEADERS,
    LEVEL,
    RESAMPLES,
    THIRDS,
    _interval,
    favoured,
    leaders,
)
from regime.taxonomy import REGIMES, Regime

DAYS = pd.bdate_range("1995-01-02", periods=6200, name="date")
DAY = DAYS[-1]
SMALL = Regime.SMALL_CAP_LED


@pytest.fixture(scope="module")
def labels():
    return drawn_path(DAYS, 4)


@pytest.fixture(scope="module")
def values():
    """A slow one, one that tells who leads, and one with gaps and a late start."""
    rng = np.random.default_rng(3)
    plain = pd.Series(rng.normal(size=len(DAYS)), DAYS)
    small = (drawn_path(DAYS, 4)["regime"] == SMALL).to_numpy(np.float64)
    telling = small + 0.1 * plain
    telling.iloc[-1] = 2.0
    gaps = plain.rolling(120, min_periods=1).sum()
    gaps[:1500] = np.nan
    gaps[rng.random(len(DAYS)) < 0.1] = np.nan
    gaps.iloc[-1] = 0.0
    slow = plain.rolling(250, min_periods=1).sum()
    return pd.DataFrame({"slow": slow, "telling": telling, "gaps": gaps})


def all_of(values, labels, day=DAY):
    dates = pd.DatetimeIndex(values.index)
    found = favoured(values.to_numpy(np.float64), dates, labels, day)
    return found.set_index(pd.Index(values.columns))


def redrawn(episodes):
    """Episodes of each resample, by the generator that the module documents as its own."""
    blocks = math.ceil(episodes / BLOCK)
    firsts = np.random.default_rng(0).integers(0, episodes, size=(RESAMPLES, blocks, 1))
    return [
        [(first + n) % episodes for (first,) in row for n in range(BLOCK)][:episodes]
        for row in firsts.tolist()
    ]


def by_loop(column, labels, third):
    """Share of each regime, episodes and days of a third, and the interval of the best."""
    path = labels[labels["confirmed_on"] <= DAY]
    pairs = list(zip(path["regime"], column[path["date"]].tolist(), strict=True))
    known = sorted(value for _, value in pairs if not math.isnan(value))
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    episodes = []  # its regime, days in the third, days known
    for at, (regime, value) in enumerate(pairs):
        if not at or regime != pairs[at - 1][0]:
            episodes.append([regime, 0, 0])
        if not math.isnan(value):
            place = 0 if value <= low else 1 if value <= high else 2
            episodes[-1][1] += place == third
            episodes[-1][2] += 1

    def share(of, regime, n):
        whole = sum(one[n] for one in of)
        return sum(one[n] for one in of if one[0] == regime) / whole if whole else math.nan

    def excess(of, regime):
        return share(of, regime, 1) - share(of, regime, 2)

    best = max(REGIMES, key=lambda regime: excess(episodes, regime))
    drawn = [excess([episodes[n] for n in row], best) for row in redrawn(len(episodes))]
    drawn = [0.0 if math.isnan(one) else one for one in drawn]
    ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "shares": [share(episodes, regime, 1) for regime in REGIMES],
        "usual": share(episodes, best, 2),
        "episodes": sum(one[1] > 0 for one in episodes),
        "days": sum(one[1] for one in episodes),
        "best": best,
        "ends": ends,
        "levels": (low, high),
    }


@pytest.mark.parametrize("name", ["slow", "telling", "gaps"])
def test_who_led_in_each_third_is_what_a_loop_over_the_days_and_draws_finds(name, values, labels):
    told = leaders(values[name], labels, DAY)
    assert list(told) == LEADERS
    assert told["third"].tolist() == [*THIRDS]
    for third, row in enumerate(told.to_dict("records")):
        expected = by_loop(values[name], labels, third)
        assert_allclose([row[one] for one in REGIMES], expected["shares"])
        assert (row["episodes"], row["days"]) == (expected["episodes"], expected["days"])
        named = expected["ends"][0] > 0 and expected["episodes"] >= EPISODES
        assert row["favours"] == (expected["best"] if named else "")
        assert_allclose([row["low"], row["high"]], expected["ends"] if named else [np.nan] * 2)
    assert_allclose(told["up_to"][:2], expected["levels"])
    assert_allclose(told["above"][1:], expected["levels"])


def test_of_many_signals_each_is_told_in_the_third_in_which_it_stands(values, labels):
    told = all_of(values, labels)
    for name, row in told.iterrows():
        table = leaders(values[name], labels, DAY)
        (mine,) = [one for one in table.to_dict("records")
                   if one["third"] == row["third"]]  # fmt: skip
        now = values[name].iloc[-1]
        assert mine["above"] <= now
        assert now <= mine["up_to"] or row["third"] == "highest"
        assert (row["favours"], row["episodes"]) == (mine["favours"], mine["episodes"])
        assert_allclose([row["low"], row["high"]], [mine["low"], mine["high"]])
        if row["favours"]:
            assert_allclose(row["share"], mine[row["favours"]])
            usual = by_loop(values[name], labels, THIRDS.index(row["third"]))["usual"]
            assert_allclose(row["usual"], usual)
        else:
            assert math.isnan(row["share"])


def test_a_planted_relation_is_named(values, labels):
    row = all_of(values, labels).loc["telling"]
    assert (row["third"], row["favours"]) == ("highest", SMALL)
    assert row["share"] > 0.9 > row["usual"] > 0
    assert 0 < row["low"] < row["share"] - row["usual"] < row["high"]
    assert leaders(values["telling"], labels, DAY)["favours"].iloc[2] == SMALL


def test_an_interval_of_hand_made_episodes_is_that_of_its_redraws():
    # Two regimes by turns, ten days each; the signal is high on every day of the first. Of
    # whatever is redrawn, all high days are the first's, which has half of all days, more or less.
    own = np.array([[1.0, 0.0] * 10])
    known = np.full((20, 1), 10.0)
    low, high = _interval(known * own.T, known, own)
    shares = [1 - sum(n % 2 == 0 for n in row) / 20 for row in redrawn(20)]
    assert_allclose([low[0], high[0]], np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))


def test_fewer_than_ten_episodes_tell_nothing():
    regime = np.repeat(np.array(REGIMES)[[0, 2] * 4], len(DAYS) // 8)
    path = path_of(DAYS, regime, DAYS)
    telling = pd.DataFrame({"telling": (regime == SMALL) * 1.0}, DAYS)
    telling += np.random.default_rng(1).normal(0, 0.1, telling.shape)
    row = all_of(telling, path).iloc[0]
    assert row["episodes"] < EPISODES
    assert (row["third"], row["favours"]) == ("highest", "")
    assert (leaders(telling["telling"], path, DAY)["favours"] == "").all()


def test_one_long_visit_is_not_many(labels):
    """A signal that was high once, for eight years, most of which were one episode."""
    high = np.random.default_rng(2).normal(0, 0.01, len(DAYS))
    high[3800:] += 1
    path = path_of(DAYS, labels["regime"].copy(), DAYS)
    path.loc[4000:5400, "regime"] = SMALL
    row = leaders(pd.Series(high, DAYS), path, DAY).set_index("third").loc["highest"]
    assert row["episodes"] >= EPISODES
    usual = (path["regime"] == SMALL).mean()
    assert row[SMALL] > usual + 0.15
    assert row["favours"] == ""


def test_before_anything_is_confirmed_nobody_is_favoured(values, labels):
    for path in (labels.assign(confirmed_on=pd.NaT), labels[:0], NO_PATH):
        told = all_of(values, path)
        assert set(told["third"]) == set(told["favours"]) == {""}
        assert (told["episodes"] == 0).all()
        assert told[["share", "usual", "low", "high"]].isna().all(axis=None)
        assert leaders(values["slow"], path, DAY)["days"].sum() == 0


def test_what_is_not_known_now_stands_in_no_third(values, labels):
    late = values.copy()
    late.iloc[-1] = np.nan
    told = all_of(late.assign(never=np.nan), labels)
    assert set(told["third"]) == set(told["favours"]) == {""}


def test_labels_confirmed_later_are_not_read(values, labels):
    day = DAYS[5000]
    other = labels.copy()
    other.loc[other["confirmed_on"] > day, "regime"] = REGIMES[0]
    known, seen = values[:5001], labels["confirmed_on"] <= day
    pd.testing.assert_frame_equal(all_of(known, other, day), all_of(known, labels, day))
    pd.testing.assert_frame_equal(all_of(known, labels[seen], day), all_of(known, labels, day))


SLOW = {1: "noise", 60: "of a quarter", 500: "of two years"}


@pytest.mark.parametrize(
    ("markets", "most"), [(3, 0.10), pytest.param(100, 0.05, marks=pytest.mark.long)]
)
def test_chance_is_named_about_as_often_as_the_level_says(markets, most):
    """Signals that know nothing of who leads, and change within a day, a quarter or two years."""
    rng, named = np.random.default_rng(0), {days: [] for days in SLOW}
    for market in range(markets):
        path = drawn_path(DAYS, 100 + market)
        noise = pd.DataFrame(rng.normal(size=(len(DAYS) + 500, 20)))
        for days, found in named.items():
            slow = noise.rolling(days).mean().iloc[500:].set_index(DAYS)
            found += (all_of(slow, path)["favours"] != "").tolist()
    rate = {SLOW[days]: float(np.mean(found)) for days, found in named.items()}
    assert 0 < max(rate.values()) <= most, rate

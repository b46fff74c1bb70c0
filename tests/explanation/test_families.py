"""Why an answer moved: shares of families add up, against the definition."""

import itertools
from functools import partial

import numpy as np
import pandas as pd
import pytest
from explanation.asked import KINDS, REMEMBER, asked, busiest, by_player, centred, family_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from regime import explanation
from regime.bundle import Bundle
from regime.config import ExperimentConfig
from regime.exceptions import EvaluationError
from regime.explained import FILTER, MEMORY, SHARES
from regime.explanation import BY_DAY, drivers, shares, shares_by_day
from regime.features.assembly import FAMILIES, PATH
from regime.taxonomy import REGIMES


def two_days(X, data):
    now = data.draw(st.integers(2600, len(X) - 1))
    return X.index[now], X.index[now - data.draw(st.integers(1, 300))]


# Families ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
@given(st.data())
@settings(max_examples=6, deadline=None)
def test_shares_of_any_two_days_add_up_to_the_change_of_what_is_published(
    name, fitted, market, data
):
    bundle, X, said = fitted(name)
    day, since = two_days(X, data)
    told = shares(bundle, market, day, since, horizon=21, X=X)
    assert list(told) == SHARES
    change = centred(np.maximum(said.loc[day], 1e-6)) - centred(np.maximum(said.loc[since], 1e-6))
    assert_allclose(by_player(told).sum(), change, atol=1e-9)
    assert_allclose(by_player(told).sum(axis=1), 0, atol=1e-9)
    assert_allclose([told.attrs["before"][one] for one in REGIMES], said.loc[since], atol=1e-12)
    assert_allclose([told.attrs["now"][one] for one in REGIMES], said.loc[day], atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_players_are_the_families_read_and_the_memory_of_a_model_that_has_one(name, fitted, market):
    bundle, X, _ = fitted(name)
    told = shares(bundle, market, X.index[-1], X.index[-22], horizon=21, X=X)
    families = list(dict.fromkeys(map(family_of, X.columns)))
    expected = families + [MEMORY] * (name in REMEMBER)
    assert list(told["player"]) == [player for player in expected for _ in REGIMES]
    assert list(told["regime"]) == [*REGIMES] * len(expected)


@pytest.mark.parametrize(
    "name",
    ["default", "hidden", "chain", "from_hidden",
     *(pytest.param(name, marks=pytest.mark.long) for name in ("three", "stack"))],
)  # fmt: skip
def test_a_share_is_the_mean_gain_over_every_order_in_which_players_may_move(name, fitted, market):
    """Brute force: all permutations, and the whole history told again for each answer."""
    bundle, X, said = fitted(name)
    day, since = busiest(said)
    told = by_player(shares(bundle, market, day, since, horizon=21, X=X))
    columns = {name: [c for c in X if family_of(c) == name] for name in told.index}
    kept = {}

    def value(players):
        if players not in kept:
            moved = [column for one in players for column in columns[one]]
            late = name not in REMEMBER or MEMORY in players
            kept[players] = asked(bundle, X, day, since, moved, late=late)
        return kept[players]

    gains = dict.fromkeys(told.index, 0.0)
    orders = list(itertools.permutations(told.index))
    for order in orders:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            gains[player] = gains[player] + value(before | {player}) - value(before)
    for player, gained in gains.items():
        assert_allclose(told.loc[player], gained / len(orders), atol=1e-12)
    assert told.abs().to_numpy().max() > 0.005


def test_of_a_model_that_remembers_the_days_between_are_their_own_player(fitted, market):
    """Where the last rows are the same, only they can have moved the answer."""
    bundle, X, said = fitted("hidden")
    day, since = busiest(said)
    X = X.copy()
    X.loc[since] = X.loc[day]
    told = by_player(shares(bundle, market, day, since, horizon=21, X=X))
    assert (told.drop(MEMORY) == 0).all(axis=None)
    assert told.loc[MEMORY].abs().max() > 1e-3


class Product:
    """Log-odds that are the product of two features, one of each of two families."""

    classes_ = np.array(REGIMES[::-1], dtype=object)  # not in the order of every table
    read = ("yield_10y_change_21d", "vix")

    def predict_proba(self, X):
        odds = np.zeros((len(X), 3))
        odds[:, 2] = X[self.read[0]] * X[self.read[1]]
        total = np.exp(odds - odds.max(axis=1, keepdims=True))
        return total / total.sum(axis=1, keepdims=True)


def product_bundle(market):
    config = ExperimentConfig(
        name="product",
        features={"sets": ["rates", "stress", "breadth"]},
        model={"kind": "logistic"},
    )
    bundle = Bundle(config, "french", market.index[-1], {0: Product()})
    X = pd.DataFrame(0.0, market.index[-30:], [*Product.read, "members_above_50d"])
    X["members_above_50d"] = np.arange(30.0)
    return bundle, X


def test_two_families_alike_share_alike_and_one_that_is_not_read_gets_nothing(market):
    """Known values: 3 x 3 from 1 x 1 is +8 of log-odds, four for each, two thirds centred."""
    bundle, X = product_bundle(market)
    X.loc[X.index[0], [*Product.read]] = 1.0
    X.loc[X.index[9], [*Product.read]] = 3.0
    told = by_player(shares(bundle, market, X.index[9], X.index[0], horizon=0, X=X))
    assert_allclose(told.loc["rates"], [8 / 3, -4 / 3, -4 / 3])
    assert_allclose(told.loc["stress"], told.loc["rates"])
    assert (told.loc["breadth"] == 0).all()


def test_what_only_both_together_do_is_halved(market):
    bundle, X = product_bundle(market)
    X.loc[X.index[9], [*Product.read]] = [2.0, 3.0]
    told = by_player(shares(bundle, market, X.index[9], X.index[0], horizon=0, X=X))
    assert_allclose(told.loc["rates", "mega_cap_led"], 6 / 2 * 2 / 3)
    assert_allclose(told.loc["stress", "mega_cap_led"], 6 / 2 * 2 / 3)


def test_an_answer_of_nothing_counts_as_one_in_a_million(market):
    bundle, X = product_bundle(market)
    X.loc[X.index[9], [*Product.read]] = [30.0, 30.0]
    told = shares(bundle, market, X.index[9], X.index[0], horizon=0, X=X)
    assert_allclose(by_player(told)["mega_cap_led"].sum(), np.log(1e6) * 2 / 3)


@pytest.mark.parametrize("name", ["logistic", "three", "default", "stack"])
def test_a_family_that_did_not_change_has_no_share(name, fitted, market):
    bundle, X, _ = fitted(name)
    day, since = X.index[-1], X.index[-22]
    X = X.copy()
    still = [column for column in X if family_of(column) in ("styles", "leadership")]
    X.loc[since, still] = X.loc[day, still]
    told = by_player(shares(bundle, market, day, since, horizon=21, X=X))
    at = told.index.isin(["styles", "leadership"])
    assert_allclose(told[at], 0, atol=1e-12)
    assert told[~at].abs().max(axis=None) > 1e-3


def test_the_days_leads_have_no_share_in_the_default_which_resamples_but_does_not_read_them(
    fitted, market
):
    bundle, X, _ = fitted("default")
    told = by_player(shares(bundle, market, X.index[-1], X.index[-22], horizon=21, X=X))
    assert (told.loc["leads"] == 0).all()
    assert (told.loc[[FILTER, "leadership"]].abs() > 1e-6).any(axis=None)


@pytest.mark.parametrize("name", ["default", "stack"])
def test_shares_and_drivers_are_blind_to_the_future(name, fitted, market):
    bundle, X, _ = fitted(name)
    day, since = X.index[-300], X.index[-321]
    other = market.copy()
    columns = other.select_dtypes(float).columns
    other.loc[other.index > day, columns] = other.loc[other.index > day, columns] * -3
    given = {"day": day, "since": since, "horizon": 21}
    for panel, known in ((market[:day], None), (other, None), (market, X)):
        told = shares(bundle, panel, X=known, **given)
        assert_frame_equal(told, shares(bundle, market, X=X[:day], **given), check_exact=True)
        told = drivers(bundle, panel, X=known, family="leads", **given)
        again = drivers(bundle, market, X=X[:day], family="leads", **given)
        assert_frame_equal(told, again, check_exact=True)


def test_a_model_that_remembers_is_asked_of_its_very_first_days_too(fitted, market):
    for name in ("hidden", "chain"):
        bundle, X, said = fitted(name)
        told = shares(bundle, market, X.index[1], X.index[0], horizon=21, X=X)
        change = centred(said.iloc[1]) - centred(said.iloc[0])
        assert_allclose(by_player(told).sum(), change, atol=1e-9)


@pytest.mark.parametrize("name", KINDS)
def test_many_days_at_once_have_the_shares_each_has_by_itself(name, fitted, market, monkeypatch):
    bundle, X, _ = fitted(name)
    pairs = [(X.index[at], X.index[at - back]) for at, back in ((-1, 21), (-300, 1), (-2, 63))]
    monkeypatch.setattr(explanation, "_ROWS", 300)  # so that they are not asked in one go
    told = shares_by_day(bundle, market, pairs, horizon=21, X=X)
    assert list(told) == BY_DAY
    by_pair = [one for _, one in told.groupby(["date", "since"], sort=False)]
    assert len(by_pair) == len(pairs)
    for (day, since), one in zip(pairs, by_pair, strict=True):
        alone = shares(bundle, market, day, since, horizon=21, X=X)
        assert {*one["date"]} == {day}
        assert {*one["since"]} == {since}
        assert_frame_equal(
            one[SHARES].reset_index(drop=True), alone, check_exact=False, rtol=0, atol=1e-12,
            check_dtype=False,
        )  # fmt: skip
        for column in ("before", "now"):
            said = alone["regime"].map(alone.attrs[column])
            assert_allclose(one[column], said, rtol=0, atol=1e-12)


def test_shares_of_every_day_of_a_year_add_up_to_the_change_of_what_is_said(fitted, market):
    bundle, X, said = fitted("default")
    pairs = [(X.index[at], X.index[at - 21]) for at in range(len(X) - 252, len(X))]
    told = shares_by_day(bundle, market, pairs, horizon=21, X=X)
    summed = told.pivot_table(index="date", columns="regime", values="share", aggfunc="sum")
    later, before = ([pair[at] for pair in pairs] for at in (0, 1))
    change = centred(said.loc[later]) - centred(said.loc[before])
    assert_allclose(summed[list(REGIMES)], change, atol=1e-6)


def test_of_no_day_there_are_no_shares_and_of_a_wrong_one_it_says_so(fitted, market):
    bundle, X, _ = fitted("filter")
    assert list(shares_by_day(bundle, market, [], horizon=21, X=X)) == BY_DAY
    with pytest.raises(EvaluationError, match="not before"):
        shares_by_day(bundle, market, [(X.index[-2], X.index[-1])], horizon=21, X=X)


# Bad requests --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"horizon": 5}, "speaks 21 days ahead, not 5"),
        ({"since": pd.Timestamp("2008-12-31")}, "not before"),
        ({"since": pd.Timestamp("2008-11-30")}, "no features of 2008-11-30"),
        ({"day": pd.Timestamp("2031-01-02")}, "no features of 2031-01-02"),
        ({"family": "astrology"}, "it reads filter, leads, leadership"),
        ({"family": "rates"}, "reads no family 'rates'"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_line(changes, words, fitted, market):
    bundle, X, _ = fitted("default")
    given = {"day": X.index[-1], "since": X.index[-22], "horizon": 21, "X": X} | changes
    family = given.pop("family", None)
    ask = partial(drivers, family=family) if family else shares
    with pytest.raises(EvaluationError, match=words) as caught:
        ask(bundle, market, **given)
    assert "\n" not in str(caught.value)


def test_every_column_of_every_set_has_a_family_a_unit_and_only_one():
    names = [one.name for family in FAMILIES.values() for one in family(504)]
    assert len(names) == len({*names})
    assert PATH not in FAMILIES
    assert not {FILTER, MEMORY} & {*FAMILIES}

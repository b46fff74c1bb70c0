"""Why an answer moved: shares that add up, against the definition; and days like a day."""

import itertools
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from regime import explanation
from regime.bundle import Bundle, fit_bundle
from regime.config import ExperimentConfig
from regime.data.baskets import spliced_lead
from regime.exceptions import EvaluationError
from regime.explained import AHEAD, DRIVERS, FILTER, MEMORY, SHARES, SIMILAR
from regime.explanation import BY_DAY, drivers, shares, shares_by_day
from regime.features.assembly import FAMILIES, PATH
from regime.labels.leadership import leadership_path, target
from regime.models.log_pool import LogPool
from regime.similar import APART, RECENT, similar_days
from regime.taxonomy import REGIMES

EVERYTHING = ["path", "rates", "valuation", "breadth", "leadership", "styles", "stress"]
SMALL = {"n_markets": 4, "n_days": 800, "blocks": [21]}
FEW = {"n_init": 1, "n_iter": 5}
KINDS = {
    "persistence": ("persistence", [], {}),
    "filter": ("filter", [], {}),
    "logistic": ("logistic", EVERYTHING, {}),
    "three": ("hist_gradient_boosting", ["path", "leads", "styles"], {"max_iter": 20}),
    "default": ("logistic_correction", ["leadership"], {"start_params": SMALL}),
    "hidden": ("gaussian_hmm", ["leads", "styles"], FEW),
    "chain": ("hybrid", ["path", "leads"], {"max_iter": 5}),
    "from_hidden": (
        "logistic_correction",
        ["styles"],
        {"start": "gaussian_hmm", "start_params": FEW},
    ),
    "stack": ("stack", [], {}),
}
REMEMBER = {"hidden", "chain", "from_hidden", "stack"}
TRAINED = "2003-12-31"


def experiment(name, **changes):
    kind, sets, params = KINDS[name]
    members = [experiment(one) for one in ("default", "hidden")] if name == "stack" else []
    values = {
        "name": name,
        "baskets": ("french",),
        "features": {"sets": sets, "window": 504},
        "labels": {"horizons": (21,)},
        "model": {"kind": kind, "params": params},
        "members": members,
    }
    return ExperimentConfig(**{**values, **changes})


@pytest.fixture(scope="module")
def fitted(market):
    """By name, a bundle, what it reads of the market and what it says of every day."""
    kept = {}

    def fit(name):
        if name not in kept:
            pools = {21: LogPool().fit(np.empty((0, 6)), [])} if name == "stack" else None
            bundle = fit_bundle(experiment(name), "french", market[:TRAINED], pools)
            X = bundle.features_of(market)
            said = bundle.predict_proba(market, X=X).set_index("date")[list(REGIMES)]
            kept[name] = bundle, X, said
        return kept[name]

    return fit


def centred(proba):
    logs = np.log(np.asarray(proba, dtype=float))
    return logs - logs.mean(axis=-1, keepdims=True)


def by_player(table):
    return table.pivot_table(index="player", columns="regime", values="share")[list(REGIMES)]


def two_days(X, data):
    now = data.draw(st.integers(2600, len(X) - 1))
    return X.index[now], X.index[now - data.draw(st.integers(1, 300))]


def busiest(said):
    """The month after which the answer had moved most."""
    logs = pd.DataFrame(centred(said), said.index)[2600:]
    day = logs.diff(21).abs().max(axis=1).idxmax()
    return day, said.index[said.index.get_loc(day) - 21]


def family_of(column):
    if column.startswith("path_"):
        return FILTER
    return next(n for n in FAMILIES if column in [one.name for one in FAMILIES[n](504)])


def asked(bundle, X, day, since, moved, *, late=True):
    """The answer where these columns have moved, from a history that is told all over again."""
    history = X[X.index < (day if late else since)]
    row = X.loc[[since]].copy()
    row[moved] = X.loc[[day], moved].to_numpy()
    said = bundle.predict_proba(None, X=pd.concat([history, row]))
    return centred(said[list(REGIMES)].iloc[-1])


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


# Features of a family ------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_drivers_add_up_to_what_their_family_has(name, fitted, market):
    bundle, X, _ = fitted(name)
    given = {"day": X.index[-9], "since": X.index[-30], "horizon": 21, "X": X}
    told = by_player(shares(bundle, market, **given))
    for family in told.index.drop(MEMORY, errors="ignore"):
        table = drivers(bundle, market, family=family, **given)
        assert list(table) == DRIVERS
        assert list(table["feature"].unique()) == [c for c in X if family_of(c) == family]
        assert table["unit"].str.len().gt(0).all()
        summed = table.groupby("regime")["share"].sum()[list(REGIMES)]
        assert_allclose(summed, told.loc[family], atol=1e-9)


def test_drivers_tell_values_in_their_own_units(fitted, market):
    bundle, X, _ = fitted("logistic")
    day, since = X.index[-9], X.index[-30]
    table = drivers(bundle, market, day, since, horizon=21, family="valuation", X=X)
    for _, row in table.iterrows():
        assert row["before"] == X.loc[since, row["feature"]] or np.isnan(row["before"])
        assert row["now"] == X.loc[day, row["feature"]] or np.isnan(row["now"])
    units = {one.name: one.unit for one in FAMILIES["valuation"](504)}
    assert (table["unit"] == table["feature"].map(units)).all()


@pytest.mark.parametrize(
    "name", ["three", "hidden", "chain", pytest.param("stack", marks=pytest.mark.long)]
)
def test_a_driver_s_share_is_the_mean_gain_over_orders_that_keep_families_together(
    name, fitted, market
):
    """Brute force by Owen's definition."""
    bundle, X, said = fitted(name)
    day, since = busiest(said)
    table = drivers(bundle, market, day, since, horizon=21, family="leads", X=X)
    assert table.attrs["exact"]
    players = by_player(shares(bundle, market, day, since, horizon=21, X=X)).index
    columns = {one: [c for c in X if family_of(c) == one] for one in players}
    kept = {}

    def value(moved):
        if moved not in kept:
            late = name not in REMEMBER or MEMORY in moved
            kept[moved] = asked(bundle, X, day, since, [*moved - {MEMORY}], late=late)
        return kept[moved]

    gains = dict.fromkeys(columns["leads"], 0.0)
    families = list(itertools.permutations(players))
    inside = list(itertools.permutations(columns["leads"]))
    for order in families:
        others = order[: order.index("leads")]
        start = {c for one in others for c in ([MEMORY] if one == MEMORY else columns[one])}
        for features in inside:
            moved = frozenset(start)
            for feature in features:
                gains[feature] = gains[feature] + value(moved | {feature}) - value(moved)
                moved |= {feature}
    for feature, gained in gains.items():
        told = table[table["feature"] == feature]["share"]
        assert_allclose(told, gained / len(families) / len(inside), atol=1e-12)


def test_of_a_large_family_a_draw_of_orders_is_near_all_of_them(fitted, market, monkeypatch):
    bundle, X, _ = fitted("three")
    given = {"day": X.index[-5], "since": X.index[-26], "horizon": 21, "family": FILTER, "X": X}
    every = drivers(bundle, market, **given)
    monkeypatch.setattr(explanation, "_MOST_FEATURES", 2)
    drawn = drivers(bundle, market, **given)
    assert (every.attrs["exact"], drawn.attrs["exact"]) == (True, False)
    assert_frame_equal(drawn, drivers(bundle, market, **given), check_exact=True)
    sums = [one.groupby("regime")["share"].sum() for one in (every, drawn)]
    assert_allclose(*sums, atol=1e-9)
    assert_allclose(drawn["share"], every["share"], atol=0.05 * every["share"].abs().max())


def test_of_the_default_a_driver_s_share_is_coefficient_times_change(fitted, market):
    """Fifteen features, so drawn; but a sum has no interactions to miss."""
    bundle, X, _ = fitted("default")
    day, since = X.index[-5], X.index[-26]
    table = drivers(bundle, market, day, since, horizon=21, family="leadership", X=X)
    assert not table.attrs["exact"]
    model = bundle.classifiers[21]
    names = list(table["feature"].unique())
    z = np.clip(model.scale_.transform(X.loc[[since, day], names]), -3, 3)
    moved = (z[1] - z[0]) * model.coef_  # regimes by features
    moved -= moved.mean(axis=0)
    place = {name: number for number, name in enumerate(model.classes_)}
    expected = [moved[place[r["regime"]], names.index(r["feature"])] for _, r in table.iterrows()]
    assert_allclose(table["share"], expected, atol=1e-9)


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


# Days like a day -----------------------------------------------------------------------


def naive(X, labels, day, n):
    """What `similar_days` says, a day and a feature at a time."""
    days = list(X.index)
    now = days.index(day)
    confirmed = [at for at in range(now + 1) if labels["confirmed_on"][days[at]] <= day]
    scaled = []
    for name in X:
        values = [float(value) for value in X[name]]
        seen = [values[at] for at in confirmed if np.isfinite(values[at])]
        if len(seen) * 2 >= len(confirmed) and np.isfinite(values[now]):
            low, middle, high = np.quantile(seen, [0.16, 0.5, 0.84])
            if high > low:
                z = [(value - middle) / ((high - low) / 2) for value in values]
                scaled.append([v if np.isnan(v) else min(4.0, max(-4.0, v)) for v in z])
    found = []
    for at in confirmed:
        squares = [(z[at] - z[now]) ** 2 for z in scaled]
        if now - at > RECENT and np.isfinite(sum(squares)):
            found.append((np.sqrt(sum(squares) / len(squares)), at))
    chosen = []
    for distance, at in sorted(found):
        if len(chosen) < n and all(abs(at - other) > APART for _, other in chosen):
            chosen.append((distance, at))
    return chosen


@pytest.fixture(scope="module")
def labelled(market):
    return leadership_path(spliced_lead(market, "french"), switching_cost=10.0)


@pytest.mark.parametrize("name", ["logistic", "default"])
@pytest.mark.parametrize("back", [1, 900, 2900])
def test_similar_days_are_the_nearest_by_brute_force(name, back, fitted, labelled):
    _, X, _ = fitted(name)
    day = X.index[-back]
    told = similar_days(X, labelled, day, n=8)
    expected = naive(X, labelled, day, 8)
    assert list(told) == SIMILAR
    assert list(told["date"]) == [X.index[at] for _, at in expected]
    assert_allclose(told["distance"], [distance for distance, _ in expected], atol=1e-12)
    later = target(labelled, AHEAD).loc[told["date"]]
    known = (later["confirmed_on"] <= day).to_numpy()
    assert list(told["followed"].notna()) == list(known)
    assert list(told["followed"][known]) == list(later["regime"][known])
    assert list(told["regime"]) == list(labelled["regime"][told["date"]])


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_days_like_a_day_keep_apart_and_tell_nothing_that_was_not_known(
    fitted, labelled, market, data
):
    _, X, _ = fitted("default")
    at = data.draw(st.integers(700, len(X) - 1))
    day, n = X.index[at], data.draw(st.integers(1, 30))
    told = similar_days(X, labelled, day, n=n)
    places = np.sort(X.index.get_indexer(told["date"]))
    assert len(told) <= n
    assert (np.diff(places) > APART).all()
    assert (at - places > RECENT).all()
    assert told["distance"].is_monotonic_increasing
    known = leadership_path(spliced_lead(market[:day], "french"), switching_cost=10.0)
    then = similar_days(X[:day], known, day, n=n)
    assert_frame_equal(told, then, check_exact=True)
    assert told.attrs == then.attrs == {"episodes": told["episode"].nunique()}


def two_features(n=1000):
    days = pd.bdate_range("2001-01-02", periods=n)
    random = np.random.default_rng(3)
    X = pd.DataFrame(random.normal(size=(n, 2)), days, ["a", "b"])
    regime = np.array(REGIMES, dtype=object)[np.arange(n) // 100 % 3]
    labels = pd.DataFrame({"regime": regime, "confirmed_on": days.to_series().shift(-40)}, days)
    return X, labels


def test_a_day_that_came_before_is_found_and_its_neighbours_are_not():
    X, labels = two_features()
    X.iloc[300:310] = X.iloc[-1].to_numpy()
    told = similar_days(X, labels, X.index[-1], n=5)
    assert told["date"][0] == X.index[300]
    assert told["distance"][0] == 0
    assert told["followed"][0] == labels["regime"].iloc[363]
    assert told["episode"][0] == X.index[300]
    assert (told["distance"][1:] > 0).all()


def test_what_followed_is_told_only_where_it_was_confirmed_by_the_day():
    """Labels of a later panel, confirmed after 100 sessions: 63 later is too late for some."""
    X, labels = two_features()
    labels["confirmed_on"] = X.index.to_series().shift(-100)
    day = X.index[700]
    X.iloc[[300, 570]] = X.loc[day].to_numpy()
    told = similar_days(X, labels, day, n=2).set_index("date")
    assert list(told.index) == [X.index[300], X.index[570]]
    assert told["regime"].notna().all()
    assert told.loc[X.index[300], "followed"] == labels["regime"].iloc[363]
    assert told.loc[X.index[570], ["followed", "episode"]].isna().all()
    assert similar_days(X, labels, day, n=2).attrs["episodes"] == 1


def test_days_whose_outcome_is_one_stretch_count_as_one_episode():
    X, labels = two_features()
    labels["regime"] = REGIMES[0]
    told = similar_days(X, labels, X.index[-1], n=10)
    assert len(told) > 5
    assert told.attrs["episodes"] == 1
    assert (told["episode"] == X.index[0]).all()


def test_one_wild_value_changes_no_other_day_s_distance_much():
    X, labels = two_features()
    calm = similar_days(X, labels, X.index[-1], n=3)
    X.iloc[10, 0] = 1e12
    assert_allclose(similar_days(X, labels, X.index[-1], n=3)["distance"], calm["distance"], 0.02)


def test_only_the_columns_that_are_asked_for_count():
    X, labels = two_features()
    alone = similar_days(X[["a"]], labels, X.index[-1])
    assert_frame_equal(similar_days(X, labels, X.index[-1], columns=["a"]), alone)
    with pytest.raises(EvaluationError, match="oil is not among"):
        similar_days(X, labels, X.index[-1], columns=["a", "oil"])


def test_where_there_is_nothing_to_compare_it_says_so_without_a_warning():
    X, labels = two_features()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EvaluationError, match="half of the 0 days"):
            similar_days(X, labels, X.index[20])
        assert similar_days(X, labels, X.index[120]).empty
        X.iloc[-1] = np.nan
        with pytest.raises(EvaluationError, match="No feature is known"):
            similar_days(X, labels, X.index[-1])
    with pytest.raises(EvaluationError, match="no features of 2031-01-02"):
        similar_days(X, labels, pd.Timestamp("2031-01-02"))

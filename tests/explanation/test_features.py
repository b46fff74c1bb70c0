"""Shares of the features of a family add up to what their family has."""

import itertools

import numpy as np
import pytest
from explanation.asked import KINDS, REMEMBER, asked, busiest, by_player, family_of
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from regime import explanation
from regime.explained import DRIVERS, FILTER, MEMORY
from regime.explanation import drivers, shares
from regime.features.assembly import FAMILIES
from regime.taxonomy import REGIMES


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

"""What can be set, how much it matters, and what the answer says."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from regime.brief.what_if import (
    LEVERS,
    answer,
    at_percentile,
    leader_words,
    levers,
    possible,
    published_words,
    range_words,
    read_by,
    standing,
    unseen_words,
)
from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.exceptions import EvaluationError, StoreError
from regime.service.explaining import all_features
from regime.taxonomy import REGIMES
from regime.what_if import WhatIf, what_if

MODELS = {
    "logistic": ("leadership", {"kind": "logistic", "params": {"C": 0.01}}),
    "remembers": (
        "leads",
        {"kind": "gaussian_hmm", "params": {"n_init": 1, "n_iter": 5, "start": "labels"}},
    ),
}


@pytest.fixture(scope="module")
def made(market):
    """A fitted bundle and what it reads."""

    @cache
    def make(name):
        sets, model = MODELS[name]
        config = ExperimentConfig(
            name=name, baskets=("funds",), features={"sets": (sets,)},
            labels={"horizons": (0, 21)}, model=model,
        )  # fmt: skip
        bundle = fit_bundle(config, "funds", market[:"2002-12-31"])
        return bundle, bundle.features_of(market)

    return make


@pytest.mark.parametrize("name", MODELS)
def test_the_strongest_come_first_and_each_is_as_strong_as_asking_for_it_says(name, made):
    bundle, X = made(name)
    table = levers(bundle, X)
    assert list(table) == LEVERS
    assert list(table["effect"]) == sorted(table["effect"], reverse=True)
    for row in table.head(4).to_dict("records"):
        most = 0.0
        for percentile in (0.01, 0.99):
            asked = what_if(
                bundle, pd.DataFrame(), {row["feature"]: X[row["feature"]].quantile(percentile)},
                X=X,
            )  # fmt: skip
            most = max(most, (asked.after - asked.before).abs().to_numpy().max())
        assert_allclose(row["effect"], most, atol=1e-12)
    assert table["effect"].iloc[0] > 0.01


def test_a_setting_may_lie_a_quarter_of_the_range_beyond_what_was_seen(made):
    bundle, X = made("logistic")
    row = levers(bundle, X).set_index("feature").loc["market_drawdown"]
    seen = X["market_drawdown"].dropna()
    width = seen.max() - seen.min()
    assert_allclose([row["low"], row["high"]], [seen.min() - width / 4, 0])
    row_of = levers(bundle, X).set_index("feature")
    seen, row = X["market_return_21d"].dropna(), row_of.loc["market_return_21d"]
    width = seen.max() - seen.min()
    assert_allclose([row["low"], row["high"]], [seen.min() - width / 4, seen.max() + width / 4])
    assert_allclose([row["p1"], row["median"], row["p99"]], np.percentile(seen, [1, 50, 99]))
    assert row["now"] == X["market_return_21d"].iloc[-1]
    steps = (row["high"] - row["low"]) / row["step"]
    assert 200 <= steps <= 500
    assert f"{row['step']:e}"[0] in "125"


@pytest.mark.parametrize(
    ("name", "unit", "ends"),
    [
        ("path_score_broadening", "standard deviations", (-np.inf, 0)),
        ("confirmed_broadening", "1 or 0", (0, 1)),
        ("since_confirmed", "trading days", (0, np.inf)),
        ("concentration", "share of the last 20 years below", (0, 1)),
        ("size_slope_21d", "rank correlation, -1 to 1", (-1, 1)),
        ("vix", "trailing standard deviations", (-np.inf, np.inf)),
    ],
)
def test_what_cannot_be_is_known_by_name_or_unit(name, unit, ends):
    assert possible(name, unit) == ends


def test_a_feature_that_was_never_known_cannot_be_set_and_one_unknown_now_can(made):
    bundle, X = made("logistic")
    spoilt = X.assign(market_drawdown=np.nan)
    spoilt.iloc[-1, list(X).index("market_return_21d")] = np.nan
    table = levers(bundle, spoilt).set_index("feature")
    assert "market_drawdown" not in table.index
    row = table.loc["market_return_21d"]
    assert np.isnan(row["now"])
    assert "not known" in range_words(row.to_dict())


def test_a_family_goes_to_the_percentile_of_each_of_its_features(made):
    _, X = made("logistic")
    names = ["market_return_21d", "market_drawdown"]
    changes = at_percentile(X, names, 90)
    assert changes == {name: X[name].quantile(0.9) for name in names}
    assert_allclose(standing(X, names, changes), 90, atol=1)
    each = [(X[name].iloc[:-1] < X[name].iloc[-1]).sum() / X[name].iloc[:-1].count()
            for name in names]  # fmt: skip
    assert_allclose(standing(X, names, {}), 100 * np.mean(each))


def test_what_was_published_up_to_the_day_is_what_the_model_reads(made, market, tmp_path):
    bundle, X = made("logistic")
    day = X.index[-3]
    features = all_features(bundle, market)
    features.to_parquet(tmp_path / "features.parquet")
    found = read_by(bundle, tmp_path, day)
    assert list(found) == list(X)
    assert found.index[-1] == day
    assert_allclose(found, X[:day])
    features.drop(columns="market_drawdown").to_parquet(tmp_path / "features.parquet")
    with pytest.raises(EvaluationError, match=r"market_drawdown was not published.*regime score"):
        read_by(bundle, tmp_path, day)
    with pytest.raises(StoreError, match=r"features.parquet cannot be read.*regime score"):
        read_by(bundle, tmp_path / "gone", day)


def told(before, after):
    frames = [
        pd.DataFrame([one], index=pd.Index([0], name="horizon"), columns=list(REGIMES))
        for one in (before, after)
    ]
    return WhatIf(pd.Timestamp("2026-11-20"), *frames, pd.DataFrame({"unseen": []}, dtype=bool))


def test_words_say_whether_the_most_probable_regime_is_another():
    assert leader_words(told([0.6, 0.3, 0.1], [0.5, 0.3, 0.2])) == [
        "Now: mega-cap led stays the most probable, 60% before and 50% after (-10.0 points)."
    ]
    [said] = leader_words(told([0.6, 0.3, 0.1], [0.2, 0.3, 0.5]))
    assert said == (
        "Now: the most probable regime changes from mega-cap led (60%, then 20%) to small-cap led "
        "(10%, then 50%)."
    )


def test_words_name_what_lies_outside_everything_seen(made):
    bundle, X = made("logistic")
    table = levers(bundle, X)
    beyond = answer(bundle, X, {"market_drawdown": -3.0, "market_return_21d": 0.0})
    [said] = unseen_words(beyond, table)
    assert said.startswith("Market drawdown at -95.0% lies outside everything seen")
    assert unseen_words(answer(bundle, X, {"market_drawdown": -0.1}), table) == []


def test_words_say_where_the_answer_differs_from_what_was_published():
    one = told([0.6, 0.3, 0.1], [0.6, 0.3, 0.1])
    rows = pd.DataFrame([[one.day, 0, 0.55, 0.3, 0.15]], columns=["date", "horizon", *REGIMES])
    published = SimpleNamespace(scores=rows, about={"trained_until": "2026-11-20"})
    said = published_words(one, published)
    assert "is 55%" in said or "is 15%" in said
    rows[list(REGIMES)] = [0.604, 0.296, 0.1]
    assert published_words(one, published) == ""

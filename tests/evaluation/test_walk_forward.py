"""What a model is given when, as the model itself saw it."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from regime.evaluation.splits import ConfirmedWalkForward
from regime.evaluation.walk_forward import joined, run_tasks, tasks, walk_forward_proba
from regime.exceptions import EvaluationError
from regime.labels.leadership import leadership_path, target
from regime.models.hmm import GaussianHMMClassifier
from regime.models.selection import KnownFeatures
from regime.taxonomy import REGIMES

MEGA, BROAD, SMALL = REGIMES
SAYS = {MEGA: 0.5, BROAD: 0.3, SMALL: 0.2}


@pytest.fixture
def spy():
    """A classifier that writes down what it is given, and names its classes backwards."""

    class Spy(ClassifierMixin, BaseEstimator):
        fitted: list = []  # noqa: RUF012
        asked: list = []  # noqa: RUF012

        def fit(self, X, y):
            self.classes_ = np.unique(y)[::-1]
            self.fitted.append((X.copy(), pd.Series(y, X.index)))
            return self

        def predict_proba(self, X):
            self.asked.append(X.copy())
            return np.tile([SAYS[name] for name in self.classes_], (len(X), 1))

    return Spy()


class Peeker(ClassifierMixin, BaseEstimator):
    """Answers with the label of the day itself, wherever it has been given one."""

    def fit(self, X, y):
        self.classes_ = np.array(REGIMES)
        self.y_ = pd.Series(y, X.index)
        return self

    def predict_proba(self, X):
        told = self.y_.reindex(X.index).to_numpy()
        own = (told[:, None] == self.classes_).astype(float)
        return np.where(own.any(axis=1, keepdims=True), own, 1 / 3)


@pytest.fixture
def study(leads):
    """Features that name their own row, a target 21 rows ahead, and four folds."""
    X = pd.DataFrame({"row": np.arange(len(leads), dtype=float), "known": np.nan}, leads.index)
    table = target(leadership_path(leads, switching_cost=5.0), 21)
    return X, table, ConfirmedWalkForward(leads.index[600], 120, leads.index[0], every=2)


def test_each_fit_is_given_its_training_rows_and_their_labels_and_nothing_else(spy, study):
    X, table, splits = study
    walk_forward_proba(spy, X, table, splits)
    folds = list(splits.split(table))
    assert len(spy.fitted) == len(folds) == 4
    for (given, labels), fold in zip(spy.fitted, folds, strict=True):
        assert_frame_equal(given, X.iloc[fold.train])
        assert list(labels.index) == list(given.index)
        assert list(labels) == list(table["regime"].iloc[fold.train])
        assert (table["confirmed_on"].loc[labels.index] <= fold.fitted_on).all()


def test_each_forecast_is_asked_with_all_history_up_to_its_last_day_and_no_later_row(spy, study):
    X, table, splits = study
    walk_forward_proba(spy, X, table, splits)
    for given, fold in zip(spy.asked, splits.split(table), strict=True):
        assert_frame_equal(given, X.iloc[: fold.test[-1] + 1])


def test_probabilities_are_by_name_though_the_classes_come_in_another_order(spy, study):
    proba = walk_forward_proba(spy, *study)
    assert list(proba.columns) == [*REGIMES, "fitted_on"]
    for regime in REGIMES:
        assert (proba[regime] == SAYS[regime]).all()


def test_every_row_from_the_first_test_is_forecast_once_even_if_it_is_never_settled(spy, study):
    X, table, splits = study
    proba = walk_forward_proba(spy, X, table, splits)
    assert list(proba.index) == list(X.index[600:])
    assert table["regime"].loc[proba.index].isna().any()


def test_fitted_on_is_the_close_of_the_fit_in_service(spy, study):
    X, table, splits = study
    proba = walk_forward_proba(spy, X, table, splits)
    assert (proba["fitted_on"] < proba.index).all()
    expected = [X.index[600 + row // 120 * 120 - 1] for row in range(len(proba))]
    assert list(proba["fitted_on"]) == expected


def test_a_model_that_peeks_at_the_label_of_a_day_never_finds_it(study):
    proba = walk_forward_proba(Peeker(), *study)
    np.testing.assert_allclose(proba[list(REGIMES)], 1 / 3)


def test_labels_that_were_open_at_a_fit_do_not_matter_to_it(study):
    X, table, splits = study
    fold = next(splits.split(table))
    until = X.index[fold.test[-1]]
    lied = table.copy()
    lied.loc[~(table["confirmed_on"] <= fold.fitted_on), "regime"] = SMALL

    class Frequencies(Peeker):
        def predict_proba(self, X):
            return np.tile([(self.y_ == name).mean() for name in self.classes_], (len(X), 1))

    honest = walk_forward_proba(Frequencies(), X, table, splits)
    assert_frame_equal(walk_forward_proba(Frequencies(), X, lied, splits)[:until], honest[:until])


def test_the_model_that_is_passed_in_is_left_unfitted(spy, study):
    walk_forward_proba(spy, *study)
    assert not hasattr(spy, "classes_")


def test_every_fit_is_announced_once(spy, study):
    fits = []
    walk_forward_proba(spy, *study, on_fit=lambda served: fits.append(served.fold.fitted_on))
    assert fits == [fold.fitted_on for fold in study[2].split(study[1])]


def test_a_regime_nobody_has_seen_in_training_is_named(spy, study):
    X, table, splits = study
    table["regime"] = table["regime"].replace(BROAD, MEGA)
    with pytest.raises(EvaluationError, match=f"hold no day of {BROAD}"):
        walk_forward_proba(spy, X, table, splits)
    assert not spy.fitted


# Going on from the fit before ---------------------------------------------------------


class Heir(ClassifierMixin, BaseEstimator):
    """Says how many fits it goes back to."""

    def fit(self, X, y):
        self.classes_, self.ancestors_, self.width_ = np.array(REGIMES), 0, X.shape[1]
        return self

    def fit_from(self, previous, X, y):
        self.fit(X, y)
        self.ancestors_ = previous.ancestors_ + 1
        return self

    @property
    def health_(self):
        return {"ancestors": self.ancestors_, "width": self.width_}

    def predict_proba(self, X):
        return np.full((len(X), 3), 1 / 3)


def ancestors(model, study):
    found = []
    walk_forward_proba(model, *study, on_fit=lambda served: found.append(served.health))
    return [int(health["ancestors"]) for health in found]


def test_a_model_that_can_goes_on_from_the_fit_before_it(study):
    assert ancestors(Heir(), study) == [0, 1, 2, 3]


def test_with_a_feature_more_it_begins_anew(study):
    X, table, splits = study
    late = X.copy()
    late["known"] = np.arange(len(X)) % 7.0
    folds = list(splits.split(table))
    late.loc[: X.index[folds[1].train[-1]], "known"] = np.nan  # known from the third fit on
    model = make_pipeline(KnownFeatures(), Heir())
    assert ancestors(model, (late, table, splits)) == [0, 1, 0, 1]


def test_states_keep_their_numbers_when_a_refit_begins_anew(study):
    X, table, splits = study
    rng = np.random.default_rng(0)
    code = table["regime"].map({name: number for number, name in enumerate(REGIMES)}).fillna(0)
    X = pd.DataFrame(
        {"level": 3.0 * code + rng.normal(size=len(X)), "late": rng.normal(size=len(X))}, X.index
    )
    folds = list(splits.split(table))
    X.loc[: X.index[folds[1].train[-1]], "late"] = np.nan
    model = make_pipeline(KnownFeatures(0.1), GaussianHMMClassifier(3, random_state=0))
    found = []
    walk_forward_proba(model, X, table, splits, on_fit=lambda served: found.append(served.health))
    assert [health["warm"] for health in found] == [0, 1, 0, 1]
    assert all("match_overlap" in health for health in found[1:])


# Sharing out --------------------------------------------------------------------------


def test_a_slow_model_is_a_piece_per_fit_and_one_that_goes_on_is_one_piece(spy, study):
    assert len(tasks(spy, *study, slow=True)) == 4
    assert len(tasks(spy, *study)) == 1
    assert len(tasks(Heir(), *study, slow=True)) == 1


def test_no_piece_is_sent_a_row_later_than_the_last_it_serves(spy, study):
    folds = list(study[2].split(study[1]))
    for (_, ((_, X, labels, part),), _), fold in zip(
        tasks(spy, *study, slow=True), folds, strict=True
    ):
        assert [one.fitted_on for one in part] == [fold.fitted_on]
        assert len(X) == len(labels) == fold.test[-1] + 1


@pytest.mark.parametrize("slow", [False, True])
def test_the_numbers_do_not_depend_on_who_computes_them(slow, study):
    X, table, splits = study
    model = LogisticRegression()
    X = X[["row"]]

    def proba():
        return joined(one for piece in run_tasks(tasks(model, X, table, splits, slow))
                      for one in piece).proba  # fmt: skip

    alone = proba()
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert_frame_equal(proba(), alone, check_exact=True)

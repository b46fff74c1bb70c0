"""A first guess, and rows of which it knows all, nothing or a part."""

from functools import partial

import numpy as np
import pandas as pd
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin

from regime.taxonomy import REGIMES

softmax = partial(special.softmax, axis=1)
SCORES = [f"path_score_{name}" for name in REGIMES]
NAMES = np.array(REGIMES, dtype=object)


class Guess(ClassifierMixin, BaseEstimator):
    """The softmax of the path scores, each row by itself; nothing is learned."""

    def fit(self, X, y=None):
        self.classes_ = NAMES
        return self

    def predict_proba(self, X):
        return softmax(X[SCORES].to_numpy(np.float64))


def frame(n=1200, n_features=4, seed=0) -> pd.DataFrame:
    """Path scores and noise, one row a day."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("1990-01-01", periods=n)
    values = np.hstack([rng.normal(size=(n, 3)), rng.normal(2.0, 3.0, size=(n, n_features))])
    return pd.DataFrame(values, days, SCORES + [f"f{number}" for number in range(n_features)])


def drawn(proba, seed=1) -> np.ndarray:
    """A regime for each row, drawn from its probabilities."""
    rng = np.random.default_rng(seed)
    place = (rng.random((len(proba), 1)) > proba.cumsum(axis=1)).sum(axis=1)
    return NAMES[np.minimum(place, 2)]


def noise(**shape):
    """Labels drawn from the first guess: features have nothing to add."""
    X = frame(**shape)
    return X, drawn(Guess().fit(X).predict_proba(X))


def planted(n=3000, seed=0):
    """Labels that also follow from the first two features, and only from both together."""
    X = frame(n=n, seed=seed)
    both = np.sign(X["f0"].to_numpy() - 2) * np.sign(X["f1"].to_numpy() - 2)
    odds = np.log(Guess().fit(X).predict_proba(X))
    odds[:, 0] += 1.5 * both
    return X, drawn(softmax(odds))


def log_loss(model, X, y) -> float:
    said = model.predict_proba(X)[np.arange(len(y)), (y[:, None] == model.classes_).argmax(axis=1)]
    return float(-np.log(said).mean())

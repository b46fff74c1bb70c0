"""Boosted trees as arrays: what skops needs six megabytes and 0.15 s for is here 0.2 and 10 ms.

Only `models.boosting.boosting_from_filter` is read and written: scikit-learn's booster over
a filter on the first columns. Reading builds the objects anew and sets what was learned;
node numbers are not checked against their bounds, so a file's digest must be right before.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor
from sklearn.tree._tree import Tree

from regime.models.boosting import boosting_from_filter

Arrays = dict[str, npt.NDArray[Any]]

_SCALER = ("mean_", "scale_", "var_", "n_samples_seen_")
_FILTER = ("classes_", "coef_", "intercept_", "n_iter_")
_BOOSTER = ("classes_", "n_classes_", "max_features_", "n_trees_per_iteration_", "n_estimators_")


def is_from_filter(step: Any) -> bool:
    """Whether these arrays can hold it."""
    first_guess = getattr(step, "init_", None)
    return (
        type(step) is GradientBoostingClassifier
        and isinstance(first_guess, Pipeline)
        and list(first_guess.named_steps)
        == ["columntransformer", "standardscaler", "logisticregression"]
        and first_guess[0].transformers[0][2] == list(range(first_guess[1].n_features_in_))
    )


def to_arrays(step: GradientBoostingClassifier) -> Arrays:
    """What was learned, without objects."""
    trees = [tree.tree_.__getstate__() for tree in step.estimators_.ravel()]
    _, scaler, regression = (part for _, part in step.init_.steps)
    return {
        **{f"scaler_{name}": np.asarray(getattr(scaler, name)) for name in _SCALER},
        **{f"filter_{name}": _named(getattr(regression, name)) for name in _FILTER},
        **{name: _named(getattr(step, name)) for name in _BOOSTER},
        "nodes": np.concatenate([tree["nodes"] for tree in trees]),
        "values": np.concatenate([tree["values"] for tree in trees]),
        "counts": np.array([tree["node_count"] for tree in trees]),
        "depths": np.array([tree["max_depth"] for tree in trees]),
        "train_score_": step.train_score_,
        "n_features_in_": np.array(step.n_features_in_),
    }


def from_arrays(params: dict[str, Any], arrays: Arrays) -> GradientBoostingClassifier:
    """The fitted booster that `to_arrays` was called on.

    Raises
    ------
    KeyError
        If an array is missing.
    """
    n_features, n_scores = int(arrays["n_features_in_"]), len(arrays["scaler_mean_"])
    step = boosting_from_filter(n_scores, **params)[-1]
    for name in _BOOSTER:
        setattr(step, name, restored(arrays[name]))
    step.n_features_in_, step.train_score_ = n_features, arrays["train_score_"]
    step._loss = step._get_loss(sample_weight=None)  # follows from the number of classes
    step.estimators_ = _trees(arrays, n_features).reshape(-1, step.n_trees_per_iteration_)

    pick, scaler, regression = (part for _, part in step.init.steps)
    pick.fit(np.zeros((1, n_features)))  # learns which columns there are, and nothing else
    for part, prefix, names in ((scaler, "scaler_", _SCALER), (regression, "filter_", _FILTER)):
        for name in names:
            setattr(part, name, restored(arrays[prefix + name]))
        part.n_features_in_ = n_scores
    step.init_ = step.init
    return step


def is_plain_imputer(step: SimpleImputer) -> bool:
    """Whether a row of numbers holds it: it marks nothing, and knows a value for every column."""
    known = bool(np.isfinite(step.statistics_.astype(np.float64)).all())
    return known and not step.add_indicator and bool(np.isnan(step.missing_values))


def imputer(params: dict[str, Any], row: npt.NDArray[Any], names: Any) -> SimpleImputer:
    """The fitted imputer whose statistics are this row: that of one row is the row itself."""
    step = SimpleImputer(**params)
    return step.fit(row[None] if names is None else pd.DataFrame(row[None], columns=names))


def _trees(arrays: Arrays, n_features: int) -> npt.NDArray[Any]:
    ends = np.cumsum(arrays["counts"])
    found = np.empty(len(ends), dtype=object)
    for number, (end, count) in enumerate(zip(ends, arrays["counts"], strict=True)):
        shell = DecisionTreeRegressor()
        shell.n_features_in_, shell.n_outputs_ = n_features, 1
        shell.tree_ = Tree(n_features, np.array([1], dtype=np.intp), 1)
        shell.tree_.__setstate__(
            {
                "max_depth": int(arrays["depths"][number]),
                "node_count": int(count),
                "nodes": np.ascontiguousarray(arrays["nodes"][end - count : end]),
                "values": np.ascontiguousarray(arrays["values"][end - count : end]),
            }
        )
        found[number] = shell
    return found


def _named(value: Any) -> npt.NDArray[Any]:
    array = np.asarray(value)
    return array.astype(str) if array.dtype == object else array


def restored(value: npt.NDArray[Any]) -> Any:
    """An array as scikit-learn keeps what was learned: names as objects, a single value bare."""
    if value.dtype.kind == "U":
        return value.astype(object)
    return value.item() if value.ndim == 0 else value

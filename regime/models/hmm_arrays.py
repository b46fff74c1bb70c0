"""What hidden states have learned, as arrays without objects: safe to store without pickle."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

BY_STATE = ("startprob_", "transmat_", "means_", "covars_", "regime_given_state_")
NEEDED = (*BY_STATE, "classes_", "n_features_in_")


def as_arrays(learned: Mapping[str, Any]) -> Arrays:
    """Copies of a fitted classifier's attributes; `health_` one number at a time."""
    names = [*NEEDED, *(["feature_names_in_"] if "feature_names_in_" in learned else [])]
    arrays = {name: np.array(learned[name]) for name in names}
    for name, array in arrays.items():
        if array.dtype == object:  # text, as pandas holds it
            arrays[name] = np.array(array.tolist())
    return arrays | {f"health_{name}": np.array(v) for name, v in learned["health_"].items()}


def as_learned(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """The attributes that `as_arrays` was given.

    Raises
    ------
    ValueError
        If an array is missing.
    """
    if missing := sorted(set(NEEDED) - set(arrays)):
        raise ValueError(
            f"A stored hidden Markov model needs {[*NEEDED]}; {missing} are missing. Store what "
            "`to_arrays` returns, all of it."
        )
    learned: dict[str, Any] = {name: np.array(arrays[name]) for name in (*BY_STATE, "classes_")}
    learned["n_features_in_"] = int(arrays["n_features_in_"])
    if "feature_names_in_" in arrays:
        learned["feature_names_in_"] = np.array(arrays["feature_names_in_"], dtype=object)
    health = {k.removeprefix("health_"): v for k, v in arrays.items() if k.startswith("health_")}
    return learned | {"health_": {name: value.item() for name, value in health.items()}}

"""What hidden states have learned, as arrays without objects: safe to store without pickle."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from regime.models.em import Emission

Arrays = dict[str, npt.NDArray[Any]]

BY_STATE = ("startprob_", "transmat_", "means_", "covars_", "regime_given_state_")
NEEDED = (*BY_STATE, "classes_", "n_features_in_")
DEGREES = "degrees_"  # by state too, of a Student-t; None of a Gaussian
OPTIONAL = (DEGREES, "feature_names_in_")


def as_arrays(learned: Mapping[str, Any]) -> Arrays:
    """Copies of a fitted classifier's attributes; `health_` one number at a time."""
    names = [*NEEDED, *(name for name in OPTIONAL if learned.get(name) is not None)]
    arrays = {name: np.array(learned[name]) for name in names}
    for name, array in arrays.items():
        if array.dtype == object:  # text, as pandas holds it
            arrays[name] = np.array(array.tolist())
    return arrays | {f"health_{name}": np.array(v) for name, v in learned["health_"].items()}


def as_learned(arrays: Mapping[str, npt.NDArray[Any]], emission: Emission) -> dict[str, Any]:
    """The attributes that `as_arrays` was given.

    Raises
    ------
    ValueError
        If an array is missing.
    """
    needed = [*NEEDED, *([DEGREES] if emission == "student_t" else [])]
    if missing := sorted(set(needed) - set(arrays)):
        raise ValueError(
            f"A stored hidden Markov model needs {needed}; {missing} are missing. Store what "
            "`to_arrays` returns, all of it."
        )
    learned: dict[str, Any] = {name: np.array(arrays[name]) for name in (*BY_STATE, "classes_")}
    learned["n_features_in_"] = int(arrays["n_features_in_"])
    learned[DEGREES] = np.array(arrays[DEGREES]) if DEGREES in arrays else None
    if "feature_names_in_" in arrays:
        learned["feature_names_in_"] = np.array(arrays["feature_names_in_"], dtype=object)
    health = {k.removeprefix("health_"): v for k, v in arrays.items() if k.startswith("health_")}
    return learned | {"health_": {name: value.item() for name, value in health.items()}}

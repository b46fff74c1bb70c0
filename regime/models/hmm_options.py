"""What may be asked of a classifier with hidden states, and what goes together."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

LEGAL: dict[str, list[Any]] = {
    "n_states": [Interval(Integral, 1, None, closed="left"), "array-like"],
    "covariance_type": [StrOptions({"full", "diag"})],
    "emission": [StrOptions({"gaussian", "student_t"})],
    "stickiness": [Interval(Real, 0, None, closed="left")],
    "start": [StrOptions({"random", "labels"})],
    "missing": [StrOptions({"complete", "marginal"})],
    "n_init": [Interval(Integral, 1, None, closed="left")],
    "n_challengers": [Interval(Integral, 0, None, closed="left")],
    "n_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "min_covar": [Interval(Real, 0, None, closed="neither")],
    "horizon": [Interval(Integral, 0, None, closed="left")],
    "engine": [StrOptions({"batched", "hmmlearn"})],
    "random_state": ["random_state"],
}


def numbers_of_states(n_states: Any) -> list[int]:
    """The numbers of states to choose among, ascending, each once.

    Raises
    ------
    ValueError
        If there is none, or one is no whole number of at least 1.
    """
    given = list(n_states) if isinstance(n_states, Iterable) else [n_states]
    wrong = [n for n in given if not isinstance(n, int | np.integer) or n is True or n < 1]
    if wrong or not given:
        found = f"found {wrong[0]!r}" if wrong else "found none"
        raise ValueError(
            f"The 'n_states' parameter must be a whole number of at least 1, or several to "
            f"choose among, for example [2, 3, 4]; {found}."
        )
    return sorted({int(number) for number in given})


def check_together(params: dict[str, Any]) -> None:
    """Raise where an engine cannot do what is asked of it.

    Raises
    ------
    ValueError
        If `engine` is "hmmlearn" and states are to be Student-t or values to be missing.
    """
    if params["engine"] != "hmmlearn":
        return
    for name, value, lacks in (
        ("emission", "student_t", "no Student-t states"),
        ("missing", "marginal", "no way to integrate out what is missing"),
    ):
        if params[name] == value:
            raise ValueError(
                f'{name} = "{value}" needs engine = "batched": hmmlearn has {lacks}. Leave '
                f"`engine` out, or `{name}`."
            )

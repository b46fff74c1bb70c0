"""Shapley values: a player's mean gain over all orders in which the players may come."""

from math import factorial

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def coalitions(n: int) -> BoolArray:
    """All of n players, of shape (2 ** n, n): row i has those whose bit is set in i."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)


def chances(members: BoolArray) -> FloatArray:
    """How likely each coalition of all players but one is to be there before that one."""
    n = members.shape[1] + 1
    by_size = [factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)]
    chance: FloatArray = np.array(by_size)[members.sum(axis=1)]
    return chance


def shapley(value: FloatArray) -> FloatArray:
    """Of shape (n_players, ...), from the values of all coalitions, as `coalitions` has them."""
    n = len(value).bit_length() - 1
    if not n:
        return np.empty((0, *value.shape[1:]))
    rows = np.arange(len(value))
    chance = chances(coalitions(n - 1))
    gains = [value[rows >> player & 1 == 1] - value[rows >> player & 1 == 0] for player in range(n)]
    return np.stack([np.tensordot(chance, gain, axes=1) for gain in gains])

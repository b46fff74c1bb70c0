"""Which features of a row are known, and which rows are alike in that."""

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

_BITS = 63  # of a number that sorts twenty times as fast as a row of truths


def known_alike(known: BoolArray) -> list[tuple[BoolArray, IntArray]]:
    """Each set of features that is known on some row, and those rows; complete rows first.

    Parameters
    ----------
    known : ndarray of shape (n_rows, n_features)
    """
    whole = known.all(axis=1)
    rest = np.flatnonzero(~whole)
    parts = [known[rest, first : first + _BITS] for first in range(0, known.shape[1], _BITS)]
    codes = np.stack([part @ (1 << np.arange(part.shape[1])) for part in parts], axis=1)
    _, at, kind_of = (
        np.unique(codes[:, 0], return_index=True, return_inverse=True)
        if codes.shape[1] == 1
        else np.unique(codes, axis=0, return_index=True, return_inverse=True)
    )
    found = [(np.ones(known.shape[1], dtype=bool), np.flatnonzero(whole))] if whole.any() else []
    return found + [
        (known[rest[first]], rest[kind_of.ravel() == number]) for number, first in enumerate(at)
    ]

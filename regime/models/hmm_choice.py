"""How many hidden states: as many as forecast the later training rows best."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

FloatArray = npt.NDArray[np.float64]

GAP = 84  # rows between the earlier and the later ones, and of a block: labels overlap


def choose_n_states(
    model: Any, candidates: Sequence[int], X: FloatArray, y: npt.NDArray[Any]
) -> int:
    """The number of states whose probabilities of the later 30% of rows lose least, or fewer.

    Each number is fitted on the earlier rows and forecasts the later ones, which it has not
    seen: `LaterBlock`, with a gap of `GAP` rows, or of the horizon where that is longer. The
    smallest number whose mean log loss is within one standard error of the best is chosen.

    Parameters
    ----------
    model : GaussianHMMClassifier
        What to fit, but for `n_states`; is not changed.
    candidates : of int
    X, y : training rows, and no others

    Returns
    -------
    int
        The smallest candidate if there are too few rows to tell. A number too large for the
        earlier rows is not chosen, nor is one whose fit fails there. Features that begin only
        in the later rows have no say.
    """
    from regime.models.boosting import LaterBlock  # only who asks for it waits for it

    numbers = sorted({int(number) for number in candidates})
    block = LaterBlock(gap=max(GAP, int(model.horizon)))
    if len(numbers) == 1 or int(len(X) * (1 - block.share)) <= block.gap:
        return numbers[0]
    [(earlier, later)] = block.split(X)
    X = X[:, ~np.isnan(X[earlier]).all(axis=0)]
    losses = {}
    for number in numbers:
        candidate = clone(model).set_params(n_states=number)
        try:
            candidate.fit(X[earlier], y[earlier])
        except ValueError:  # says so again on all rows, if it is about them
            continue
        # A filter has memory: it may have all history, of which only the later rows count.
        proba = candidate.predict_proba(X)[later]
        losses[number] = row_losses(proba, candidate.classes_, y[later])
    return fewest_of_the_best(losses) if losses else numbers[0]


def row_losses(proba: FloatArray, classes: npt.NDArray[Any], y: npt.NDArray[Any]) -> FloatArray:
    """Log loss of each row, in nats; NaN for a class that no candidate could have known of."""
    known = np.isin(y, classes)
    column = np.searchsorted(classes, np.where(known, y, classes[0]))
    said: FloatArray = np.where(known, -np.log(proba[np.arange(len(y)), column]), np.nan)
    return said


def fewest_of_the_best(losses: dict[int, FloatArray]) -> int:
    """The smallest number within one standard error of the one that loses least.

    The error is that of the mean difference between the two, from the means of blocks of
    `GAP` rows: neighbours share most of a label. With one block nothing can be told apart.
    """
    known = {number: loss[~np.isnan(loss)] for number, loss in losses.items()}
    fewest = min(known)
    if not len(known[fewest]):
        return fewest
    best = min(sorted(known), key=lambda number: float(known[number].mean()))
    for number in sorted(known):
        if number == best:
            break
        behind = known[number] - known[best]
        n_blocks = len(behind) // GAP
        if n_blocks < 2:
            return number
        means = [part.mean() for part in np.array_split(behind, n_blocks)]
        if behind.mean() <= np.std(means, ddof=1) / np.sqrt(n_blocks):
            return number
    return best

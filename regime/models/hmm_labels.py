"""Where hidden states start if each stands for a regime, or for a part or a union of some.

Looks ahead by design: labels are hindsight, and are known of training rows alone.
"""

import numpy as np
import numpy.typing as npt

from regime.models.em import Parameters
from regime.models.hmm_problem import Problem
from regime.models.hmm_starts import lasting

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

UNKNOWN = -1  # the state of a row whose own label is not among the targets
SEGMENT = 20  # rows that stay together when a regime is split: no state lasts a day


def own_labels(codes: IntArray, horizon: int) -> IntArray:
    """The label of each row itself, from those `horizon` rows later; `UNKNOWN` for the first.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,), regimes as numbers from 0
    horizon : int
        Rows from a row to the label it came with.
    """
    own = np.full(len(codes), UNKNOWN)
    own[horizon:] = codes[: max(len(codes) - horizon, 0)]
    return own


def labelled_start(problem: Problem, own: IntArray, n_states: int) -> Parameters:
    """One start whose states are the regimes, in their order.

    Parameters
    ----------
    problem : Problem
    own : ndarray of shape (n_rows,), each row's own regime as a number, `UNKNOWN` where it is
    n_states : int

    Raises
    ------
    ValueError
        If fewer rows have a label than there are states.

    Notes
    -----
    With more states than regimes, each further state goes to the regime of most rows per
    state. Such a regime is cut into segments of `SEGMENT` rows, these are put in order along
    the direction in which they differ most (in level, and in size: calm or turbulent), and
    split into parts of as many rows. With fewer, the two groups of regimes that lie nearest
    are merged until as many are left. A state is held by as many rows of the whole sample as
    in each step of the fit, so that a regime of one row is a start too.
    """
    states = split_or_merge(problem, own, n_states)
    means, covars = [], []
    for state in range(n_states):
        mean, covar = _moments(problem, problem.rows[states == state])
        means.append(mean)
        covars.append(covar)
    moves = _moves(problem, states, n_states)
    return Parameters(
        startprob=np.full((1, n_states), 1 / n_states),
        transmat=(moves / moves.sum(axis=1, keepdims=True))[None],
        means=np.array([means]),
        covars=np.array([covars]),
    )


def split_or_merge(problem: Problem, own: IntArray, n_states: int) -> IntArray:
    """The state each row is put in at first; `UNKNOWN` where its own label is."""
    if (n_labelled := int((own >= 0).sum())) < n_states:
        raise ValueError(
            f'start = "labels" needs a row with a label of its own for each of {n_states} states; '
            f"of n_samples = {len(own)} rows, {n_labelled} have one. Give more rows, a shorter "
            'horizon, or start = "random".'
        )
    filled = np.where(np.isnan(problem.rows), 0.0, problem.rows)
    groups = [np.flatnonzero(own == regime) for regime in np.unique(own[own >= 0])]
    while len(groups) > n_states:
        groups = _merged(filled, groups)
    parts = np.ones(len(groups), dtype=int)
    sizes = np.array([len(group) for group in groups])
    while parts.sum() < n_states:
        parts[(sizes / parts).argmax()] += 1
    states = np.full(len(own), UNKNOWN)
    pieces = [
        piece
        for group, n in zip(groups, parts, strict=True)
        for piece in _split(filled, group, int(n))
    ]
    for state, piece in enumerate(pieces):
        states[piece] = state
    return states


def _merged(rows: FloatArray, groups: list[IntArray]) -> list[IntArray]:
    """One group fewer: the two whose union adds least to the squares within (Ward's rule)."""
    means = [rows[group].mean(axis=0) for group in groups]
    costs = {}
    for j in range(len(groups)):
        for i in range(j):
            n, m = len(groups[i]), len(groups[j])
            costs[i, j] = n * m / (n + m) * float(((means[i] - means[j]) ** 2).sum())
    i, j = min(costs, key=lambda pair: costs[pair])
    union = np.sort(np.concatenate([groups[i], groups[j]]))
    return [union if k == i else group for k, group in enumerate(groups) if k != j]


def _split(rows: FloatArray, group: IntArray, n_parts: int) -> list[IntArray]:
    """A regime's rows in parts of as many rows, segments that are alike together."""
    if n_parts == 1:
        return [group]
    episodes = np.split(group, np.flatnonzero(np.diff(group) > 1) + 1)
    segments = [
        segment
        for episode in episodes
        for segment in np.array_split(episode, -(-len(episode) // SEGMENT))
    ]
    middle = rows[group].mean(axis=0)
    said = np.array(
        [
            [*rows[segment].mean(axis=0), *np.abs(rows[segment] - middle).mean(axis=0)]
            for segment in segments
        ]
    )
    said -= said.mean(axis=0)
    direction = np.linalg.svd(said, full_matrices=False)[2][0]
    direction *= np.sign(direction[np.abs(direction).argmax()])
    order = np.argsort(said @ direction, kind="stable")
    return np.array_split(np.concatenate([segments[number] for number in order]), n_parts)


def _moments(problem: Problem, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of a state's rows, drawn to the sample as in a step of the fit."""
    gaps = np.isnan(rows)
    seen = np.maximum((~gaps).sum(axis=0), 1)
    mean = np.where(gaps, 0.0, rows).sum(axis=0) / seen
    away = np.where(gaps, 0.0, rows - mean)
    scatter = away.T @ away + np.diag(gaps.sum(axis=0) * np.diag(problem.pooled))
    covar = (scatter + problem.few * problem.pooled) / (len(rows) + problem.few)
    covar += problem.min_covar * np.eye(len(mean))
    return mean, covar if problem.full else np.diag(np.diag(covar))


def _moves(problem: Problem, states: IntArray, n_states: int) -> FloatArray:
    """How often each state followed each, on top of a row's worth of what random starts say."""
    moves = lasting(n_states)
    first = np.zeros(len(states), dtype=bool)
    first[np.cumsum(problem.lengths)[:-1]] = True
    both = (states[:-1] >= 0) & (states[1:] >= 0) & ~first[1:]
    np.add.at(moves, (states[:-1][both], states[1:][both]), 1.0)
    return moves

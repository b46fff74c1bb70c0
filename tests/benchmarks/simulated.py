"""Series whose states are known, who reads them, and how well. Looks ahead, but for `filtered`."""

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
from hmmlearn.hmm import GaussianHMM
from jumpmodels import jump
from scipy.stats import norm
from scipy.stats import t as student_t
from sklearn.preprocessing import StandardScaler
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression
from threadpoolctl import threadpool_limits

from regime.models.compiled import compiled
from regime.models.filtering import forward_filter, smooth
from regime.models.hmm import GaussianHMMClassifier

FloatArray = IntArray = np.ndarray

# Calm and turbulent days of the setting that Nystrup, Lindstrom and Madsen (2020), Expert
# Systems with Applications 150, take from equities: mean and deviation of a daily return.
MEANS, DEVIATIONS = np.array([0.000615, -0.000785]), np.array([0.007759, 0.02140])
MOVES = np.array([[0.9979, 0.0021], [0.0120, 0.9880]])
START = np.array([0.0120, 0.0021]) / 0.0141  # where the chain settles
LENGTHS = (250, 500, 1000, 2000)  # days
SETTINGS = ("gaussian", "student_t")
DEGREES = 5.0  # of freedom of the second; its variances are those of the first
TAIL = DEVIATIONS**2 * (DEGREES - 2) / DEGREES  # squared scales to that end

STICKINESS = 20.0  # what `--tune` of the study chose, on seeds that are not reported
STARTS = 10  # of every contestant that takes several
PENALTIES = (0, 10, 50, 100)
WINDOWS = (6, 14)  # days, of the features a jump model reads
SLOW = "statsmodels"
SCORES = ("smoothed", "path", "filtered")


# The series -----------------------------------------------------------------------------


def path(n_days: int, seed: int) -> IntArray:
    """States of a chain that begins where it settles; the same in every setting."""
    uniform = np.random.default_rng([n_days, seed]).random(n_days)
    states = np.empty(n_days, dtype=np.intp)
    threshold = START[1]
    for day in range(n_days):
        states[day] = uniform[day] < threshold
        threshold = MOVES[states[day], 1]
    return states


def series(setting: str, n_days: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Daily returns, and the states they were drawn from."""
    states = path(n_days, seed)
    random = np.random.default_rng([n_days, seed, 1 + SETTINGS.index(setting)])
    if setting == "gaussian":
        return MEANS[states] + DEVIATIONS[states] * random.standard_normal(n_days), states
    return MEANS[states] + np.sqrt(TAIL)[states] * random.standard_t(DEGREES, n_days), states


def kept(n_days: int, n_seeds: int, first: int = 0) -> tuple[list[int], int]:
    """So many seeds whose path sees both states, and how many others were passed over."""
    seeds: list[int] = []
    seed = first
    while len(seeds) < n_seeds:
        if np.ptp(path(n_days, seed)):
            seeds.append(seed)
        seed += 1
    return seeds, seed - first - n_seeds


# The contestants ------------------------------------------------------------------------


class Called(NamedTuple):
    """State of each day, however numbered.

    `smoothed` the likeliest of each day given all days, `path` the likeliest sequence (of
    Viterbi), `filtered` the likeliest given the days so far, None if it cannot be had.
    """

    smoothed: IntArray
    path: IntArray
    filtered: IntArray | None


def likeliest_path(startprob: FloatArray, moves: FloatArray, log_density: FloatArray) -> IntArray:
    """Viterbi's: the states that are likeliest together."""
    with np.errstate(divide="ignore"):
        score, log_moves = np.log(startprob) + log_density[0], np.log(moves)
    before = np.zeros(log_density.shape, dtype=np.intp)
    for day in range(1, len(log_density)):
        through = score[:, None] + log_moves
        before[day] = through.argmax(axis=0)
        score = through.max(axis=0) + log_density[day]
    states = np.empty(len(log_density), dtype=np.intp)
    states[-1] = score.argmax()
    for day in range(len(states) - 1, 0, -1):
        states[day - 1] = before[day, states[day]]
    return states


def by_chain(startprob: FloatArray, moves: FloatArray, log_density: FloatArray) -> Called:
    """What a chain with these parameters calls."""
    filtered = forward_filter(startprob, moves, log_density).proba
    smoothed = smooth(filtered, moves)
    return Called(
        smoothed.argmax(axis=1),
        likeliest_path(startprob, moves, log_density),
        filtered.argmax(axis=1),
    )


def log_densities(
    x: FloatArray, means: FloatArray, scales: FloatArray, degrees: FloatArray | None = None
) -> FloatArray:
    """Of each day in each state; `scales` are squared, variances where there are no degrees."""
    law = norm if degrees is None else student_t(degrees)
    away = (x[:, None] - means) / np.sqrt(scales)
    return np.asarray(law.logpdf(away)) - np.log(scales) / 2


def by_truth(x: FloatArray, setting: str) -> Called:
    if setting == "gaussian":
        return by_chain(START, MOVES, log_densities(x, MEANS, DEVIATIONS**2))
    return by_chain(START, MOVES, log_densities(x, MEANS, TAIL, np.full(2, DEGREES)))


def by_ours(x: FloatArray, seed: int, stickiness: float, emission: str = "gaussian") -> Called:
    hmm = GaussianHMMClassifier(
        2, emission=emission, stickiness=stickiness, n_init=STARTS, random_state=seed
    )
    hmm.fit(x[:, None], np.zeros(len(x)))  # its states are learned without labels
    scales = hmm.covars_[:, 0, 0]
    density = log_densities(x, hmm.means_[:, 0], scales, getattr(hmm, "degrees_", None))
    return by_chain(hmm.startprob_, hmm.transmat_, density)


def by_hmmlearn(x: FloatArray, seed: int) -> Called:
    """The likeliest of its starts. Its `predict_proba` is smoothed, and it has no filter."""
    X = StandardScaler().fit_transform(x[:, None])  # its priors are for such units
    tried = [
        GaussianHMM(
            2, "diag", n_iter=200, tol=1e-3, implementation="scaling",
            random_state=STARTS * seed + start,
        ).fit(X)
        for start in range(STARTS)
    ]  # fmt: skip
    best = max(tried, key=lambda hmm: hmm.score(X))
    return Called(best.predict_proba(X).argmax(axis=1), best.predict(X), None)


def by_statsmodels(x: FloatArray) -> Called:
    """From its own start. It has no path of Viterbi; its parameters get ours."""
    units = StandardScaler().fit_transform(x[:, None])[:, 0]
    found = MarkovRegression(units, 2, switching_variance=True).fit(disp=False)
    law = dict(zip(found.model.param_names, found.params, strict=True))
    means, variances = (np.array([law[f"{name}[{k}]"] for k in (0, 1)])
                        for name in ("const", "sigma2"))  # fmt: skip
    moves = np.ascontiguousarray(found.regime_transition[:, :, 0].T)
    density = log_densities(units, means, variances)
    return Called(
        np.asarray(found.smoothed_marginal_probabilities).argmax(axis=1),
        likeliest_path(np.asarray(found.initial_probabilities), moves, density),
        np.asarray(found.filtered_marginal_probabilities).argmax(axis=1),
    )


def jump_features(x: FloatArray, *, ahead: bool) -> FloatArray:
    """What jump models are given in the literature, or as much of it as a day has seen.

    Return and absolute change; per window mean and deviation of the days up to this one.
    Looking ahead also the next change, and both of the days from this one on and of those
    around it. At the ends, of the days there are, two at least.
    """
    returns = pd.Series(x)
    change = returns.diff().abs().bfill()
    columns = [returns, change, *([change.shift(-1).ffill()] if ahead else [])]
    for window in WINDOWS:
        views = [returns.rolling(window, min_periods=2)]
        if ahead:
            views.append(returns[::-1].rolling(window, min_periods=2))
            views.append(returns.rolling(2 * window, min_periods=2, center=True))
        for view in views:
            columns += [view.mean().sort_index(), view.std().sort_index()]
    return pd.concat(columns, axis=1).bfill().ffill().to_numpy()


def by_jumpmodels(x: FloatArray, seed: int, penalty: float) -> Called:
    """Fitted twice: in hindsight with features that look ahead, online without them."""

    def fitted(X: FloatArray) -> Any:
        model = jump.JumpModel(2, jump_penalty=penalty, n_init=STARTS, random_state=seed)
        return model.fit(X, sort_by="freq")

    whole, past = (
        StandardScaler().fit_transform(jump_features(x, ahead=ahead)) for ahead in (True, False)
    )
    with mock.patch.object(jump, "dp", quick_dp):  # theirs is a loop in Python
        labels = np.asarray(fitted(whole).labels_)
        return Called(labels, labels, np.asarray(fitted(past).predict_online(past)))


def quick_dp(loss: FloatArray, penalty: FloatArray, return_value_mx: bool = False) -> Any:
    """The dynamic program of jumpmodels, to the bit, in machine code."""
    loss = np.where(np.isnan(loss), np.inf, loss)
    values, states = np.empty(loss.shape), np.empty(len(loss), dtype=np.intp)
    _cheapest(loss, np.ascontiguousarray(penalty), values, states)
    return values if return_value_mx else (states, values[-1, states[-1]])


@compiled
def _cheapest(loss: FloatArray, penalty: FloatArray, values: FloatArray, states: IntArray) -> None:
    n, k = loss.shape
    values[0] = loss[0]
    for day in range(1, n):
        for state in range(k):
            least = values[day - 1, 0] + penalty[0, state]
            for before in range(1, k):
                least = min(least, values[day - 1, before] + penalty[before, state])
            values[day, state] = loss[day, state] + least
    for day in range(n - 1, -1, -1):
        states[day], least = 0, np.inf
        for state in range(k):
            cost = values[day, state]
            if day < n - 1:
                cost += penalty[state, states[day + 1]]
            if cost < least:
                states[day], least = state, cost


def contestants(setting: str, seed: int) -> dict[str, Callable[[FloatArray], Called]]:
    """By name; all see the returns alone, but for the truth."""
    jumps = {
        f"jumpmodels {penalty}": lambda x, penalty=penalty: by_jumpmodels(x, seed, float(penalty))
        for penalty in PENALTIES
    }
    return {
        "ours": lambda x: by_ours(x, seed, STICKINESS),
        "ours, Student-t": lambda x: by_ours(x, seed, STICKINESS, "student_t"),
        "ours, not sticky": lambda x: by_ours(x, seed, 0.0),
        "hmmlearn": lambda x: by_hmmlearn(x, seed),
        SLOW: by_statsmodels,
        **jumps,
        "true parameters": lambda x: by_truth(x, setting),
    }


# How well they called -------------------------------------------------------------------


def balanced_accuracy(states: IntArray, called: IntArray) -> tuple[float, IntArray]:
    """Mean recall of the two states under the better numbering, and the calls in it."""
    share = float(np.mean([(called[states == state] == state).mean() for state in (0, 1)]))
    return (share, called) if share >= 0.5 else (1 - share, 1 - called)


def delays(states: IntArray, called: IntArray) -> tuple[int, int, int]:
    """True switches, days until each was called, and calls that changed to the wrong state.

    A switch that is never called counts as late as its episode is long.
    """
    switches = np.flatnonzero(np.diff(states)) + 1
    ends = np.append(switches[1:], len(states))
    late = 0
    for first, end in zip(switches, ends, strict=True):
        right = called[first:end] == states[first]
        late += int(right.argmax()) if right.any() else int(end - first)
    alarms = (np.diff(called) != 0) & (called[1:] != states[1:])
    return len(switches), late, int(alarms.sum())


def judged(states: IntArray, called: Called) -> dict[str, float | int | None]:
    row: dict[str, float | int | None] = {}
    for name in SCORES:
        calls = getattr(called, name)
        row[name] = None if calls is None else round(balanced_accuracy(states, calls)[0], 6)
    if called.filtered is not None:
        _, calls = balanced_accuracy(states, called.filtered)
        _, row["late"], row["alarms"] = delays(states, calls)
    return row


def judge(setting: str, n_days: int, seed: int, names: list[str]) -> dict[str, Any]:
    """One series, read by each of those contestants."""
    x, states = series(setting, n_days, seed)
    every = contestants(setting, seed)
    found = {}
    logging.getLogger("hmmlearn").setLevel(logging.ERROR)  # says when a step lost a little
    for name in names:
        began = time.perf_counter()
        with warnings.catch_warnings(), threadpool_limits(limits=1):
            warnings.simplefilter("ignore")
            try:
                called, failed = every[name](x), False
            except (np.linalg.LinAlgError, ValueError):
                nothing = np.zeros(n_days, dtype=np.intp)
                called, failed = Called(nothing, nothing, nothing), True
        found[name] = judged(states, called) | {
            "failed": failed, "seconds": round(time.perf_counter() - began, 3),
        }  # fmt: skip
    n_switches = int((np.diff(states) != 0).sum())
    return {"setting": setting, "n_days": n_days, "seed": seed, "switches": n_switches,
            "found": found}  # fmt: skip

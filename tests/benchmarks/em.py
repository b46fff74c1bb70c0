"""Batched expectation maximisation beside other libraries and its own floor, one thread.

    python tests/benchmarks/em.py [--repeats 9] [--skip NAME ...]

All contestants of a table take turns, so that a neighbour's load falls on each alike; times
are medians over the turns, in milliseconds, with the least beside them. Not a test: the
machine decides the milliseconds; the goals stand beside them. Prints JSON. A step of ours
is a difference of two runs, so that its least may flatter: read the median.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import statsmodels.api as sm
from hmmlearn.hmm import GaussianHMM
from jumpmodels.jump import JumpModel
from threadpoolctl import threadpool_limits

from regime.models.em import Parameters, Prior, fit_batch
from regime.models.em_recursions import Layout, backward, forward

RESTARTS, STATES, FEATURES = 10, 3, 8
STEPS = 4  # per timing, beyond the first, whose share of preparation is taken off
ENGINES = ("scaling", "log")
PER_STEP = {1_500: 10.0, 16_000: 12.0, 50_000: 10.0}  # times faster per restart
TO_CONVERGENCE, OVER_FLOOR, EXPONENT, OVER_STATSMODELS, OVER_JUMPMODELS = 5.0, 1.5, 1.1, 5.0, 5.0
JUMP_PENALTIES = (5.0, 50.0)  # as many jumps as were simulated, and far fewer: done soonest


def simulated(n_rows: int, separation: float = 0.6, seed: int = 0) -> np.ndarray:
    """Rows from sticky Gaussian states."""
    rng = np.random.default_rng(seed)
    leaves = rng.random(n_rows) > 0.97
    states = rng.integers(STATES, size=n_rows)[np.maximum.accumulate(
        np.where(leaves, np.arange(n_rows), 0))]  # fmt: skip
    means = rng.normal(scale=separation, size=(STATES, FEATURES))
    spread = 1 + 0.4 * np.arange(STATES)
    return means[states] + rng.normal(size=(n_rows, FEATURES)) * spread[states, None]


def starts(X: np.ndarray, n: int, seed: int = 1) -> Parameters:
    """Means of random segments, the sample's covariance, states that last."""
    rng = np.random.default_rng(seed)
    at = rng.integers(len(X) - 20, size=(n, STATES))
    means = np.stack([[X[i : i + 20].mean(axis=0) for i in row] for row in at])
    move = np.full((STATES, STATES), 0.05 / (STATES - 1)) + np.eye(STATES) * (
        0.95 - 0.05 / (STATES - 1)
    )
    return Parameters(
        np.full((n, STATES), 1 / STATES),
        np.tile(move, (n, 1, 1)),
        means,
        np.tile(np.cov(X.T), (n, STATES, 1, 1)),
    )


def hmmlearn_fit(
    X: np.ndarray, one: Parameters, b: int, engine: str, n_iter: int, tol: float
) -> Any:
    """One restart by hmmlearn, without priors."""
    hmm = GaussianHMM(
        STATES, "full", n_iter=n_iter, tol=tol, implementation=engine, init_params="",
        means_weight=0, covars_prior=0, covars_weight=0,
    )  # fmt: skip
    hmm.startprob_, hmm.transmat_ = one.startprob[b], one.transmat[b]
    hmm.means_, hmm.covars_ = one.means[b], one.covars[b]
    return hmm.fit(X)


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def quietest(call: Callable[[], Any]) -> float:
    """The least of three: an interruption in one of two runs would spoil their difference."""
    return min(seconds(call) for _ in range(3))


def in_turns(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Every call once per turn; a first turn, which compiles, is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            value = call()
            if turn:
                taken[name].append(value)
    return taken


def table(taken: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {
        name: {"median": round(float(np.median(v)) * 1e3, 3), "least": round(min(v) * 1e3, 3)}
        for name, v in taken.items()
    }


def steps_of_ours(X: np.ndarray, one: Parameters) -> float:
    """Seconds per step of all restarts: from the second step to the last, evaluation apart."""

    def run(n_iter: int) -> float:
        return quietest(lambda: fit_batch(X, [len(X)], one, n_iter=n_iter, tol=0, revivals=0))

    return (run(1 + STEPS) - run(1)) / STEPS


def floor(X: np.ndarray) -> dict[str, float]:
    """The bare work of a step: two products, the exponential, the recursions. Seconds."""
    layout = Layout(RESTARTS, STATES)
    sizes = layout.sizes
    rng = np.random.default_rng(2)
    n_pairs = FEATURES * (FEATURES + 1) // 2
    features = rng.normal(size=(len(X), n_pairs + FEATURES + 1))
    coefficients = rng.normal(size=(features.shape[1], layout.columns)) / 20
    log_density, density, proba = np.empty((3, len(X), layout.columns))
    first, last = np.zeros((2, len(X)), dtype=bool)
    first[0] = last[-1] = True
    one = starts(X, RESTARTS)
    startprob, transmat = layout.pack(one.startprob), layout.pack(one.transmat)
    logs, moves, carried = np.zeros_like(startprob[:, 0]), np.zeros_like(transmat), startprob.copy()
    sums = np.empty_like(coefficients)
    return {
        "density product": quietest(lambda: np.matmul(features, coefficients, out=log_density)),
        "exp": quietest(lambda: np.exp(log_density, out=density)),
        "forward": quietest(
            lambda: forward(
                *sizes, log_density, density, first, startprob, transmat, proba, carried, logs
            )
        ),
        "backward": quietest(
            lambda: backward(*sizes, proba, last, transmat, density, carried, moves)
        ),
        "statistics product": quietest(lambda: np.matmul(features.T, proba, out=sums)),
    }  # fmt: skip


def times(slow: list[float], fast: list[float], by: int = 1) -> dict[str, float]:
    """How often the fast goes into the slow, by medians and by the least."""
    return {
        "median": round(float(by * np.median(slow) / np.median(fast)), 2),
        "least": round(by * min(slow) / min(fast), 2),
    }


def one_size(n_rows: int, repeats: int) -> dict[str, Any]:
    """Ten restarts, one step, against one restart of hmmlearn; and against the floor."""
    X = simulated(n_rows)
    one = starts(X, RESTARTS)
    parts: list[dict[str, float]] = []

    def theirs(engine: str) -> float:
        return quietest(lambda: hmmlearn_fit(X, one, 0, engine, 4, -np.inf)) / 4

    def bare() -> float:
        parts.append(floor(X))
        return sum(parts[-1].values())

    calls = {"batched, ten restarts": partial(steps_of_ours, X, one), "floor, ten restarts": bare}
    engines = {f"hmmlearn {engine}, one restart": partial(theirs, engine) for engine in ENGINES}
    taken = in_turns(calls | engines, repeats)
    ours = taken["batched, ten restarts"]
    return {
        "ms": table(taken),
        "floor ms": {
            name: round(float(np.median([part[name] for part in parts[1:]])) * 1e3, 3)
            for name in parts[0]
        },
        "times faster per restart": times(
            min((taken[name] for name in engines), key=np.median), ours, RESTARTS
        ),
        "goal": PER_STEP[n_rows],
        "over the floor": times(ours, taken["floor, ten restarts"]),
        "floor goal": OVER_FLOOR,
    }


def per_step(repeats: int) -> dict[str, Any]:
    """A step at every size."""
    return {str(n_rows): one_size(n_rows, repeats) for n_rows in PER_STEP}


def whole_fit(n_rows: int, separation: float, repeats: int) -> dict[str, Any]:
    """Ten restarts to convergence, tolerance 0.01 nats, and how far apart they end."""
    X = simulated(n_rows, separation)
    one = starts(X, RESTARTS)
    ends: dict[str, Any] = {}

    def ours() -> None:
        ends["ours"] = fit_batch(X, [len(X)], one, n_iter=300, tol=1e-2, revivals=0)

    def theirs() -> None:
        ends["theirs"] = [hmmlearn_fit(X, one, b, "scaling", 300, 1e-2) for b in range(RESTARTS)]

    calls = {"batched": partial(seconds, ours), "hmmlearn scaling": partial(seconds, theirs)}
    taken = in_turns(calls, max(2, repeats // 3))
    last = np.array([hmm.monitor_.history[-1] for hmm in ends["theirs"]])
    return {
        "ms": table(taken),
        "times faster": times(taken["hmmlearn scaling"], taken["batched"]),
        "goal": TO_CONVERGENCE,
        "steps": sorted(int(n) for n in ends["ours"].iterations),
        "greatest relative gap of likelihoods": float(
            np.max(np.abs(ends["ours"].log_likelihood / last - 1))
        ),
    }


def to_convergence(repeats: int) -> dict[str, Any]:
    """States far apart, and so close that some restarts take long."""
    return {
        f"{n_rows} rows, separation {separation}": whole_fit(n_rows, separation, repeats)
        for n_rows in (1_500, 16_000)
        for separation in (0.6, 0.3)
    }


def scaling(repeats: int) -> dict[str, Any]:
    """How time per step grows with rows and with restarts: slopes between logarithms."""
    longest = simulated(200_000)
    rows = [12_500, 25_000, 50_000, 100_000, 200_000]
    models = [10, 20, 40, 80]
    by_rows = in_turns(
        {str(n): lambda n=n: steps_of_ours(longest[:n], starts(longest[:n], 10)) for n in rows},
        max(2, repeats // 3),
    )
    X = longest[:5_000]
    by_models = in_turns(
        {str(n): lambda n=n: steps_of_ours(X, starts(X, n)) for n in models}, max(3, repeats // 2)
    )

    def slope(sizes: list[int], taken: dict[str, list[float]]) -> dict[str, float]:
        return {
            name: round(
                float(np.polyfit(np.log(sizes), np.log([of(taken[str(n)]) for n in sizes]), 1)[0]),
                3,
            )
            for name, of in (("median", np.median), ("least", np.min))
        }

    return {
        "rows": {"ms": table(by_rows), "exponent": slope(rows, by_rows)},
        "restarts": {"ms": table(by_models), "exponent": slope(models, by_models)},
        "goal": EXPONENT,
    }


def against_statsmodels(repeats: int) -> dict[str, Any]:
    """Two states of switching mean and variance, 1500 rows, at equal likelihood."""
    rng = np.random.default_rng(5)
    states = np.cumsum(rng.random(1_500) > 0.97) % 2
    y = np.array([0.05, -0.1])[states] + rng.normal(size=1_500) * np.array([0.7, 1.8])[states]
    ends: dict[str, float] = {}
    one = Parameters(
        np.full((1, 2), 0.5), np.array([[[0.95, 0.05], [0.05, 0.95]]]),
        np.array([[[y.mean()], [y.mean()]]]), np.array([[[[0.5]], [[2.0]]]]) * y.var(),
    )  # fmt: skip

    def ours() -> float:
        def run() -> None:
            found = fit_batch(y[:, None], [1_500], one, n_iter=1_000, tol=1e-7, prior=Prior())
            ends["ours"] = float(found.log_likelihood[0])

        return seconds(run)

    def theirs() -> float:
        def run() -> None:
            model = sm.tsa.MarkovRegression(y, k_regimes=2, trend="c", switching_variance=True)
            ends["theirs"] = float(model.fit(disp=False).llf)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return seconds(run)

    taken = in_turns({"batched, one restart": ours, "statsmodels": theirs}, repeats)
    return {
        "ms": table(taken),
        "times faster": round(
            float(np.median(taken["statsmodels"]) / np.median(taken["batched, one restart"])), 1
        ),
        "goal": OVER_STATSMODELS,
        "log likelihoods": ends,  # ours also fits the first state, at most log 2 more
    }


def one_jump_fit(n_rows: int, penalty: float, repeats: int) -> dict[str, Any]:
    """Ten restarts of each model, from its own starts, to its own end."""
    X = simulated(n_rows)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    one = starts(X, RESTARTS)
    ends: dict[str, Any] = {}

    def ours(tol: float) -> None:
        ends["ours", tol] = fit_batch(X, [len(X)], one, n_iter=1_000, tol=tol, revivals=0)

    def theirs() -> None:
        model = JumpModel(STATES, jump_penalty=penalty, cont=False, n_init=RESTARTS)
        ends["theirs"] = model.fit(X)

    calls = {
        "batched, tolerance 1e-2": partial(seconds, partial(ours, 1e-2)),
        "batched, tolerance 1e-6": partial(seconds, partial(ours, 1e-6)),
        "jumpmodels": partial(seconds, theirs),
    }
    taken = in_turns(calls, max(2, repeats // 3))
    return {
        "ms": table(taken),
        "times faster": times(taken["jumpmodels"], taken["batched, tolerance 1e-2"]),
        "times faster, tolerance 1e-6": times(
            taken["jumpmodels"], taken["batched, tolerance 1e-6"]
        ),
        "goal": OVER_JUMPMODELS,
        "steps": sorted(int(n) for n in ends["ours", 1e-2].iterations),
        "steps, tolerance 1e-6": sorted(int(n) for n in ends["ours", 1e-6].iterations),
        "jumps they find": int(np.count_nonzero(np.diff(ends["theirs"].labels_))),
    }


def against_jumpmodels(repeats: int) -> dict[str, Any]:
    """Ten restarts to convergence beside a statistical jump model of as many states.

    The two are different models (theirs has hard states and no covariances), so only time is
    compared, each from its own starts, theirs including its choice of them. Theirs stops when
    no label changes, or when its objective falls by no more than 1e-8: with hard labels it
    gets there in finitely many steps. Ours nears its optimum without reaching it, and stops
    when the log-likelihood of the sample changes by less than 0.01 nats, which moves no
    probability that matters; a tolerance of 1e-6 is reported as well.
    """
    return {
        f"{n_rows} rows, jump penalty {penalty}": one_jump_fit(n_rows, penalty, repeats)
        for n_rows in (1_500, 5_000, 16_000)
        for penalty in JUMP_PENALTIES
    }


def main() -> None:
    """Run every table and print it."""
    every = (per_step, to_convergence, scaling, against_statsmodels, against_jumpmodels)
    tables = {table.__name__: table for table in every}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--skip", nargs="*", default=[], choices=list(tables))
    arguments = parser.parse_args()
    out: dict[str, Any] = {"load before": os.getloadavg()}
    with threadpool_limits(limits=1):
        for name, run in tables.items():
            if name not in arguments.skip:
                out[name] = run(arguments.repeats)
    print(json.dumps(out | {"load after": os.getloadavg()}, indent=1))


if __name__ == "__main__":
    main()

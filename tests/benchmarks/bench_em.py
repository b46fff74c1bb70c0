"""Batched expectation maximisation beside other libraries and its own floor, one thread.

A step of ours is a difference of two runs, so that its least may flatter: read the median.
"""

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from benchmarks.em import (
    RESTARTS,
    STATES,
    floor,
    hmmlearn_fit,
    simulated,
    starts,
    steps_of_ours,
)
from benchmarks.turns import in_turns, median, milliseconds, quietest, seconds, times
from jumpmodels.jump import JumpModel
from numpy.testing import assert_allclose

from regime.models.em import Parameters, Prior, fit_batch

pytestmark = pytest.mark.usefixtures("single_thread")

ENGINES = ("scaling", "log")
PER_STEP = {1_500: 10.0, 16_000: 12.0, 50_000: 10.0}  # times faster per restart
TO_CONVERGENCE, OVER_FLOOR, OVER_STATSMODELS, OVER_JUMPMODELS = 5.0, 1.5, 5.0, 5.0
EQUAL = 1e-10  # relative difference of log-likelihoods
JUMP_PENALTIES = (5.0, 50.0)  # as many jumps as were simulated, and far fewer: done soonest


@pytest.mark.parametrize("n_rows", PER_STEP)
def test_a_step_of_ten_restarts(n_rows, report):
    """Ten restarts, one step, against one restart of hmmlearn; and against the floor."""
    X = simulated(n_rows)
    one = starts(X, RESTARTS)
    parts: list[dict[str, float]] = []

    def theirs(engine: str) -> float:
        return quietest(lambda: hmmlearn_fit(X, one, 0, engine, 4, -np.inf)) / 4

    def bare() -> float:
        parts.append(floor(X))
        return sum(parts[-1].values())

    calls = {"ours": partial(steps_of_ours, X, one), "floor": bare}
    taken = in_turns(calls | {engine: partial(theirs, engine) for engine in ENGINES}, 9)
    report.ours(lambda: fit_batch(X, [n_rows], one, n_iter=5, tol=0, revivals=0), rounds=5)
    for engine in ENGINES:
        report.at_least(
            f"EM step, {n_rows:,} rows, over hmmlearn {engine!r}",
            times(taken[engine], taken["ours"], RESTARTS), "times", PER_STEP[n_rows],
        )  # fmt: skip
    report.at_most(
        f"EM step, {n_rows:,} rows, over its floor",
        times(taken["ours"], taken["floor"]), "times", OVER_FLOOR,
    )  # fmt: skip
    report.detail(
        ms=milliseconds(taken),
        floor_ms={name: median([part[name] for part in parts[1:]]) * 1e3 for name in parts[0]},
    )


@pytest.mark.parametrize("separation", [0.6, 0.3])
@pytest.mark.parametrize("n_rows", [1_500, 16_000])
def test_ten_restarts_end_where_those_of_hmmlearn_do(n_rows, separation, report):
    """Tolerance 0.01 nats; states far apart, and so close that some restarts take long."""
    X = simulated(n_rows, separation)
    one = starts(X, RESTARTS)
    ends: dict[str, Any] = {}

    def ours() -> None:
        ends["ours"] = fit_batch(X, [n_rows], one, n_iter=300, tol=1e-2, revivals=0)

    def theirs() -> None:
        ends["theirs"] = [hmmlearn_fit(X, one, b, "scaling", 300, 1e-2) for b in range(RESTARTS)]

    taken = in_turns({"ours": partial(seconds, ours), "hmmlearn": partial(seconds, theirs)}, 3)
    report.ours(ours, rounds=3)
    last = np.array([hmm.monitor_.history[-1] for hmm in ends["theirs"]])
    gap = float(np.max(np.abs(ends["ours"].log_likelihood / last - 1)))
    apart = f"{n_rows:,} rows, separation {separation}"
    report.at_least(
        f"EM to convergence, {apart}, over hmmlearn",
        times(taken["hmmlearn"], taken["ours"]), "times", TO_CONVERGENCE,
    )  # fmt: skip
    report.at_most(f"EM likelihoods, {apart}, relative gap", gap, "", EQUAL)
    report.detail(ms=milliseconds(taken), steps=sorted(int(n) for n in ends["ours"].iterations))
    assert gap <= EQUAL, f"relative gap of log-likelihoods {gap:.1e}: not the same problem"


def test_statsmodels_reaches_no_more(report):
    """Two states of switching mean and variance, 1500 rows, at equal likelihood."""
    rng = np.random.default_rng(5)
    states = np.cumsum(rng.random(1_500) > 0.97) % 2
    y = np.array([0.05, -0.1])[states] + rng.normal(size=1_500) * np.array([0.7, 1.8])[states]
    ends: dict[str, float] = {}
    one = Parameters(
        np.full((1, 2), 0.5), np.array([[[0.95, 0.05], [0.05, 0.95]]]),
        np.array([[[y.mean()], [y.mean()]]]), np.array([[[[0.5]], [[2.0]]]]) * y.var(),
    )  # fmt: skip

    def ours() -> None:
        found = fit_batch(y[:, None], [1_500], one, n_iter=1_000, tol=1e-7, prior=Prior())
        ends["ours"] = float(found.log_likelihood[0])

    def theirs() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = sm.tsa.MarkovRegression(y, k_regimes=2, trend="c", switching_variance=True)
            ends["theirs"] = float(model.fit(disp=False).llf)

    taken = in_turns({"ours": partial(seconds, ours), "statsmodels": partial(seconds, theirs)}, 9)
    report.ours(ours, rounds=9)
    report.at_least(
        "Markov regression, 1,500 rows, over statsmodels",
        times(taken["statsmodels"], taken["ours"]), "times", OVER_STATSMODELS,
    )  # fmt: skip
    report.detail(ms=milliseconds(taken), log_likelihoods=ends)
    # Ours also fits the first state, which may gain log 2 at most; less would be another problem.
    assert -1e-3 <= ends["ours"] - ends["theirs"] <= np.log(2) + 1e-3, ends


@pytest.mark.parametrize("penalty", JUMP_PENALTIES)
@pytest.mark.parametrize("n_rows", [1_500, 5_000, 16_000])
def test_ten_restarts_beside_a_jump_model(n_rows, penalty, report):
    """Ten restarts to convergence beside a statistical jump model of as many states.

    The two are different models (theirs has hard states and no covariances), so only time is
    compared, each from its own starts, theirs including its choice of them. Theirs stops when
    no label changes, or when its objective falls by no more than 1e-8: with hard labels it
    gets there in finitely many steps. Ours nears its optimum without reaching it, and stops
    when the log-likelihood of the sample changes by less than 0.01 nats, which moves no
    probability that matters; a tolerance of 1e-6 is reported as well, without a goal.
    """
    X = simulated(n_rows)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    one = starts(X, RESTARTS)
    ends: dict[Any, Any] = {}

    def ours(tol: float) -> None:
        ends[tol] = fit_batch(X, [n_rows], one, n_iter=1_000, tol=tol, revivals=0)

    def theirs() -> None:
        model = JumpModel(STATES, jump_penalty=penalty, cont=False, n_init=RESTARTS)
        ends["theirs"] = model.fit(X)

    calls = {
        "ours": partial(seconds, partial(ours, 1e-2)),
        "ours, tolerance 1e-6": partial(seconds, partial(ours, 1e-6)),
        "jumpmodels": partial(seconds, theirs),
    }
    taken = in_turns(calls, 3)
    report.ours(partial(ours, 1e-2), rounds=3)
    apart = f"{n_rows:,} rows, penalty {penalty:g}"
    report.at_least(
        f"Ten restarts, {apart}, over jumpmodels",
        times(taken["jumpmodels"], taken["ours"]), "times", OVER_JUMPMODELS,
    )  # fmt: skip
    report.without_goal(
        f"The same at tolerance 1e-6, {apart}",
        times(taken["jumpmodels"], taken["ours, tolerance 1e-6"]), "times",
    )  # fmt: skip
    report.detail(
        ms=milliseconds(taken),
        steps=sorted(int(n) for n in ends[1e-2].iterations),
        steps_at_tolerance_1e_6=sorted(int(n) for n in ends[1e-6].iterations),
        jumps_they_find=int(np.count_nonzero(np.diff(ends["theirs"].labels_))),
    )
    # A looser tolerance must not have bought its speed with a lesser optimum.
    assert_allclose(ends[1e-2].log_likelihood.max(), ends[1e-6].log_likelihood.max(), rtol=1e-5)

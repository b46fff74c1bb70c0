"""How time grows with rows, restarts, states and features, and shrinks with workers."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from benchmarks.em import RESTARTS, simulated, starts, steps_of_ours
from benchmarks.turns import exponent, in_turns, milliseconds, seconds, times
from pandas.testing import assert_frame_equal

from regime.config import EvaluationConfig, load_experiment
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.data.sources import demo
from regime.experiment import Comparison
from regime.models.em import fit_batch
from training.workers import workers

EXPONENT = 1.1  # of time over rows, and over restarts
ROWS = [12_500, 25_000, 50_000, 100_000, 200_000]
MODELS = [10, 20, 40, 80]
SHAPES = {"states": [2, 4, 8], "features": [4, 8, 16, 32]}
SOME = 5_000  # rows, where something else grows
EXPERIMENT = Path(__file__).parents[2] / "experiments" / "boosting.toml"


@pytest.mark.usefixtures("single_thread")
def test_time_over_rows(report):
    longest = simulated(ROWS[-1])
    calls = {str(n): partial(steps_of_ours, longest[:n], starts(longest[:n], 10)) for n in ROWS}
    taken = in_turns(calls, 3)
    X, one = longest[: ROWS[0]], starts(longest[: ROWS[0]], 10)
    report.ours(lambda: fit_batch(X, [len(X)], one, n_iter=5, tol=0, revivals=0), rounds=3)
    report.at_most(
        f"EM step against rows, to {ROWS[-1]:,}", exponent(ROWS, taken), "exponent", EXPONENT
    )
    report.detail(ms=milliseconds(taken))


@pytest.mark.usefixtures("single_thread")
def test_time_over_restarts(report):
    X = simulated(SOME)
    taken = in_turns({str(n): partial(steps_of_ours, X, starts(X, n)) for n in MODELS}, 5)
    report.ours(lambda: fit_batch(X, [SOME], starts(X, 10), n_iter=5, tol=0, revivals=0), rounds=3)
    report.at_most(
        f"EM step against restarts, to {MODELS[-1]}", exponent(MODELS, taken), "exponent", EXPONENT
    )
    report.detail(ms=milliseconds(taken))


@pytest.mark.usefixtures("single_thread")
@pytest.mark.parametrize("grown", SHAPES)
def test_time_over_the_size_of_a_model(grown, report):
    calls, sizes = {}, SHAPES[grown]
    for n in sizes:
        X = simulated(SOME, **{grown: n})
        states = n if grown == "states" else 3
        calls[str(n)] = partial(steps_of_ours, X, starts(X, RESTARTS, states=states))
    taken = in_turns(calls, 5)
    report.ours(calls[str(sizes[0])], rounds=3)
    report.without_goal(
        f"EM step against {grown}, {sizes[0]} to {sizes[-1]}", exponent(sizes, taken), "exponent"
    )
    report.detail(ms=milliseconds(taken))


def test_two_workers_find_what_one_does(report):
    """A boosting experiment walked forward on the simulated market; two cores have no more."""
    days = trading_days(pd.Timestamp("1988-01-04"), pd.Timestamp("2016-12-30"))
    panel = point_in_time(demo.simulate(days).observations, days)
    config = load_experiment(EXPERIMENT).model_copy(
        update={"baskets": ("funds",), "evaluation": EvaluationConfig(refit_every=126)}
    )
    found = {}

    def run(jobs: int) -> float:
        with workers(jobs=jobs):
            comparison = Comparison(panel)

            def call() -> None:
                found[jobs] = comparison.run(config)

            return seconds(call)

    taken = in_turns({str(jobs): partial(run, jobs) for jobs in (1, 2)}, 3)
    report.ours(partial(run, 2), rounds=1)
    report.without_goal(
        "Walk-forward of boosting, two workers over one", times(taken["1"], taken["2"]), "times"
    )
    report.detail(ms=milliseconds(taken), fits=len(found[1].fits))
    assert_frame_equal(found[1].predictions, found[2].predictions)

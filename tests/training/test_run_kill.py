"""The daily run, killed at any moment: the next one makes good whatever was left."""

import random

import pandas as pd
import pytest

from regime.data.calendar import trading_days
from regime.data.store import ObservationStore
from regime.settings import Settings
from regime.tracking.anchors import anchors
from regime.tracking.ledger import Ledger
from regime.tracking.mlflow_client import client, find_runs
from regime.tracking.names import CHAMPION, MODEL
from regime.tracking.published import load_published
from regime.tracking.registry import promote

SMALL = """
# Does anything get lost?
baskets = ["funds"]
labels = { horizons = [0, 21] }
training = { every = 3 }
evaluation = { first_test = { funds = 2012-01-03 }, refit_every = 42 }
model = { kind = "filter" }
"""
ALONE = ("--jobs", "1")  # workers would import for longer than such a small model takes
RUN = ["run", "--source", "demo", *ALONE]
BEGIN = pd.Timestamp("2015-12-31")


@pytest.mark.parametrize(
    ("kills", "seed", "turn"),  # of few, none is near the end of a run, which may be the faster
    [
        pytest.param(2, 186, 2, id="2x"),
        pytest.param(50, 6, 3, id="50x", marks=pytest.mark.long),
    ],
)
def test_whatever_a_killed_run_left_the_next_makes_good(kills, seed, turn, commands, tmp_path):
    home = tmp_path / "home"
    (tmp_path / "small.toml").write_text(SMALL)

    def regime(day, *words, **more):
        done = commands.run(
            *words, REGIME_HOME=str(home), REGIME_NOW=f"{day:%Y-%m-%d}T23:30:00-05:00", **more
        )
        assert "Traceback" not in done.stderr
        return done

    regime(BEGIN, "fetch", "--source", "demo")
    settings, store = Settings(home=home), ObservationStore(home / "observations.db")
    done = regime(BEGIN, "retrain", tmp_path / "small.toml", *ALONE)
    assert done.returncode == 0, done.stderr
    promote(settings)
    done = regime(BEGIN, *RUN)
    assert done.returncode == 0, done.stderr
    quick = done.seconds

    chance = random.Random(seed)
    day, was_killed, slow = BEGIN, 0, 0.0
    for kill in range(kills):
        # Every so often so late that the model is stale: it retrains and the gate judges.
        stale = kill % turn == turn - 1
        day = trading_days(day, day + pd.Timedelta(days=99))[43 if stale else 1]
        longest = max(slow, 3 * quick) if stale else quick
        done = regime(day, *RUN, kill_after=chance.uniform(0.05, longest))
        was_killed += done.returncode == -9
        done = regime(day, *RUN)
        assert done.returncode == 0, done.stderr
        slow = max(slow, done.seconds) if stale else slow

        ledger = Ledger(store).read()
        assert list(ledger["date"].unique()) == list(trading_days(BEGIN, day))
        assert not ledger.duplicated(["date", "horizon"]).any()
        assert Ledger(store).faults(anchors(settings)) == []
        assert anchors(settings)[-1] == Ledger(store).head()
        tracker = client(settings)
        assert tracker.get_model_version_by_alias(MODEL, CHAMPION) is not None
        states = {run.info.status for run in find_runs(tracker, settings)}
        assert "RUNNING" not in states, states
        assert load_published(settings)["scores"]["date"].max() == day
    assert was_killed >= kills * 0.6, "most of them were killed before they were done"

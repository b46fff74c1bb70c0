"""Serving as a user meets it: fresh processes, a home with a model in service, one new day."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd

PATIENCE = 120.0  # seconds an app may take to answer
TRAINED_UNTIL, NEWEST = pd.Timestamp("2023-12-29"), pd.Timestamp("2024-12-31")

# Run in a fresh process: everything is imported first, then each phase is timed once.
PHASES = """
import json, time
import mlflow, mlflow.store.tracking.sqlalchemy_store, mlflow.store.model_registry.sqlalchemy_store
import pandas as pd
from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day
from regime.data.store import ObservationStore
from regime.service.publishing import commit, prepare
from regime.settings import Settings
from regime.tracking.registry import load_version

took = {}
def phase(name, function, *args, **more):
    begin = time.perf_counter()
    result = function(*args, **more)
    took[name] = time.perf_counter() - begin
    return result

settings = Settings()
moment = end_of_day(pd.Timestamp("%s"))
store = ObservationStore(settings.store)
begin = time.perf_counter()
publication = phase("prepare", prepare, settings, store, moment)
done = phase("commit: ledger, app, MLflow", commit, publication, settings, store)
took["total after imports"] = time.perf_counter() - begin
assert len(done.added), "the day was published before"
phase("of it: panel", panel_as_of, store, moment)
version = phase("of it: load the version", load_version, settings)
phase("of it: features", version.bundle.features_of, publication.panel)
print(json.dumps(took))
"""


def process(*arguments: str, home: Path | None = None) -> str:
    """Output of a fresh interpreter."""
    environment = os.environ | ({} if home is None else {"REGIME_HOME": str(home)})
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


@cache
def panel() -> pd.DataFrame:
    """A simulated market as the store gives it back."""
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.store import ObservationStore

    return panel_as_of(ObservationStore(home() / "observations.db"), end_of_day(NEWEST))


@contextlib.contextmanager
def unpublished() -> Iterator[Path]:
    """A copy of the home in which the newest day is still to be published."""
    with tempfile.TemporaryDirectory(prefix="regime-latency-") as folder:
        copy = Path(folder) / "home"
        shutil.copytree(home(), copy, ignore=shutil.ignore_patterns("artifacts"))
        yield copy


@cache
def home() -> Path:
    """A home with a simulated market and the default model in service."""
    from regime.bundle import fit_bundle
    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.sources import demo
    from regime.data.store import ObservationStore
    from regime.experiment import Comparison, reference_filter
    from regime.settings import Settings
    from regime.tracking.registry import promote, register
    from regime.tracking.runs import log_result

    folder = Path(tempfile.mkdtemp(prefix="regime-latency-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = Settings(home=folder)
    store = ObservationStore(settings.store)
    store.append(demo.fetch(NEWEST), fetched_at=end_of_day(NEWEST))
    known = panel_as_of(store, end_of_day(TRAINED_UNTIL))
    found = load_experiment(Path(__file__).parents[2] / "experiments" / "resampled_leadership.toml")
    config = found.model_copy(update={"baskets": ("funds",)})
    result = Comparison(known).run(config)
    bundle = fit_bundle(config, "funds", known)
    fallback = fit_bundle(reference_filter(config), "funds", known)
    run = log_result(result, settings, simulated=True)
    promote(settings, register(bundle, fallback, result, run, settings, simulated=True))
    return folder


def until_the_app_answers() -> None:
    """From the command to the first answer of its health page, and its end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "training.cli", "app", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"REGIME_HOME": str(home())},
    ) as server:  # fmt: skip
        try:
            while time.perf_counter() - begin < PATIENCE:
                assert server.poll() is None, f"the app ended: {server.stderr.read()}"
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(
                        f"http://127.0.0.1:{port}/_stcore/health", timeout=1
                    ) as answer,
                ):
                    if answer.status == 200:
                        return
                time.sleep(0.02)
            raise AssertionError(f"the app did not answer within {PATIENCE:.0f} seconds")
        finally:
            server.send_signal(signal.SIGTERM)

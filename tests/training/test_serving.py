"""The champion answers over HTTP, served by MLflow's own command, with the numbers of `score`."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from regime.data.as_of import panel_as_of
from regime.data.store import ObservationStore
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.names import CHAMPION, MODEL
from regime.tracking.registry import promote

KEYS = ["date", "horizon"]
RATES = """
# Does what is served say what is scored?
baskets = ["french"]
features = { sets = ["path", "rates"] }
labels = { horizons = [0, 21] }
training = { since = 1963-01-01, every = 3 }
evaluation = { first_test = { french = 2018-01-02 }, refit_every = 504 }
model = { kind = "logistic", params = { C = 0.001 } }
"""


@pytest.fixture(scope="module")
def home(regime, tmp_path_factory):
    """A home with a champion that reads interest rates, of which the early years have none."""
    folder = tmp_path_factory.mktemp("serving")
    (folder / "rates.toml").write_text(RATES)
    home = folder / "home"
    for words in (
        ("fetch", "--source", "demo"),
        ("retrain", folder / "rates.toml", "--until", "2019-12-31", "--jobs", 1),
    ):
        done = regime(*words, home=home)
        assert done.returncode == 0, done.stderr
    promote(Settings(home=home))
    return home


@pytest.fixture(scope="module")
def served(home, tmp_path_factory):
    """The address that MLflow serves the champion on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "serve.log"
    # MLflow starts uvicorn by its name, as in an activated environment.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with log.open("wb") as out, subprocess.Popen(
        [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{MODEL}@{CHAMPION}",
         "--env-manager", "local", "-p", str(port), "--workers", "1"],
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db",
             "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path},
        stdout=out, stderr=out, start_new_session=True,
    ) as server:  # fmt: skip
        try:
            end = time.monotonic() + 120
            while True:
                try:
                    assert httpx.get(f"http://127.0.0.1:{port}/ping").status_code == 200
                    break
                except httpx.TransportError:
                    assert server.poll() is None, log.read_text()[-2000:]
                    assert time.monotonic() < end, log.read_text()[-2000:]
                    time.sleep(0.3)
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def panel(home):
    """All that is known, as a table with its days in a column."""
    known = panel_as_of(ObservationStore(Settings(home=home).store))
    return known.rename_axis("date").reset_index()


def body(table, since=""):
    """JSON as any program would write it: days as text, every digit, null where nothing is known.

    As one list of columns and rows; `json` writes the shortest digits that give the number back.
    """
    plain = table.assign(date=table["date"].dt.strftime("%Y-%m-%d")).astype(object)
    split = plain.where(plain.notna(), None).to_dict("split", index=False)
    return json.dumps({"dataframe_split": split, "params": {"since": since}})


def ask(address, text):
    headers = {"Content-Type": "application/json"}
    return httpx.post(address, content=text, headers=headers, timeout=60)


def test_what_is_served_is_what_is_scored(regime, home, served, panel, tmp_path):
    assert len(panel) > 15_000
    assert panel["DGS10"].isna().any()
    first = panel["date"].iloc[-260]
    scored = tmp_path / "scored.csv"
    done = regime("score", "--since", f"{first:%Y-%m-%d}", "--csv", scored, home=home)
    assert done.returncode in (0, 4), done.stderr  # 4 where today's session is not simulated
    expected = pd.read_csv(scored)
    answer = ask(served, body(panel, since=f"{first:%Y-%m-%d}"))
    assert answer.status_code == 200, answer.text[:2000]
    said = pd.DataFrame(answer.json()["predictions"])
    assert len(said) == len(expected) >= 2 * 250
    for table in (said, expected):
        table["date"] = pd.to_datetime(table["date"])
    said, expected = (table.set_index(KEYS).sort_index() for table in (said, expected))
    assert said.index.equals(expected.index)
    off = np.abs(said[list(REGIMES)] - expected[list(REGIMES)]).to_numpy()
    assert off.max() <= 1e-12


def test_an_optional_series_may_be_missing_or_without_a_value(served, panel):
    fewer, panel = panel.drop(columns="SPY"), panel.assign(SPY=np.nan)
    since = f"{panel['date'].iloc[-10]:%Y-%m-%d}"
    whole, part = (ask(served, body(table, since)).json() for table in (panel, fewer))
    assert part == whole
    assert len(whole["predictions"]) >= 2


def test_a_request_that_cannot_be_answered_says_why(served, panel):
    leg = ask(served, body(panel.drop(columns="hi_10")[-5:]))
    assert leg.status_code == 400
    assert "hi_10" in leg.text
    for table, since, said in (
        (panel[-5:], "", "A lead needs more than 60 days"),
        (panel[-5:], "yesterday", "a day as YYYY-MM-DD"),
        (panel[-5:][::-1], "", "each once and in order"),
    ):
        answer = ask(served, body(table, since))
        assert answer.status_code >= 400
        assert said in answer.text

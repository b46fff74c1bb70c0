"""An MLflow server for a team: who is let in, what a refusal says, and a version's whole life."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import warnings

import httpx
import pandas as pd
import pytest
from postgres_server import PostgresServer, programs
from registered import experiment, register_one, trained
from tracked import tracked

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.mlflow_client import client
from regime.tracking.registry import list_versions, load_version, promote
from regime.tracking.runs import log_result
from regime.tracking.trials import count_configurations

ADMIN = "keeper"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def mlflow_server(folder, backend):
    """A server as docs/shared-server.md starts one; yields its address and the password."""
    password, port = secrets.token_urlsafe(16), free_port()
    (folder / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder}/users.db\nadmin_username = {ADMIN}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"  # else every request hashes the right password again
    )
    environment = {
        **os.environ,
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(16),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [
        sys.executable, "-m", "mlflow", "server", "--app-name", "regime-team", "--workers", "1",
        "--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", backend,
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    log = folder / "server.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True, cwd=folder
        ) as server,
    ):
        try:
            address, end = f"http://127.0.0.1:{port}", time.monotonic() + 180
            while True:
                assert server.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < end, log.read_text()[-3000:]
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{address}/health", timeout=60).status_code == 200:
                        break
                time.sleep(0.3)
            yield address, password
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A server with users, on SQLite."""
    folder = tracked(tmp_path_factory.mktemp("team"), tmp_path_factory).home
    with mlflow_server(folder, f"sqlite:///{folder}/mlflow.db") as (address, password):
        yield address, password


@pytest.fixture(scope="module")
def found(market):
    config = experiment(
        features={}, labels={"horizons": (0,)}, model={"kind": "filter"},
        evaluation={"first_test": {"funds": pd.Timestamp("2006-01-03").date()}},
    )  # fmt: skip
    return trained(market, config)


@pytest.fixture
def as_user(monkeypatch):
    """Credentials as our client finds them; nothing for no user."""

    def become(address, user=None, password=None):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        for name, value in (("USERNAME", user), ("PASSWORD", password)):
            if value is None:
                monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
            else:
                monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)

    return become


def live(found, market, home):
    """Registered, promoted and loaded through the server."""
    settings = Settings(home=home)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        number = register_one(*found, market, home)
        assert promote(settings, number) == number
    version = load_version(settings)
    assert version.number == number == list_versions(settings)[0]
    pd.testing.assert_frame_equal(
        version.bundle.predict_proba(market), found[1].predict_proba(market), check_exact=True
    )
    assert count_configurations(settings, simulated=True) == 1
    # What it is made of went through the server, and not into this home.
    assert not (home / "artifacts").exists()
    uri = client(settings).get_run(client(settings).get_model_version(
        "equity-leadership-regime", number).run_id).info.artifact_uri  # fmt: skip
    assert uri.startswith("mlflow-artifacts:")


@pytest.mark.parametrize("user", [None, ADMIN, "nobody"])
def test_without_the_right_password_one_line_says_which_variables_to_set(
    team, as_user, user, tmp_path
):
    as_user(team[0], user, user and "wrong password here")
    began = time.monotonic()
    with pytest.raises(StoreError, match="MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASS") as e:
        client(Settings(home=tmp_path))
    assert "\n" not in str(e.value)
    assert time.monotonic() - began < 10


def test_the_command_ends_with_that_line_and_no_traceback(commands, team, tmp_path):
    done = commands.run(
        "compare", "--runs", "one", "other", within=100,
        REGIME_HOME=str(tmp_path), MLFLOW_TRACKING_URI=team[0],
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: MLflow at http://127.0.0.1")
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_a_version_lives_on_the_server_and_a_reader_may_not_write(
    team, as_user, found, market, tmp_path
):
    address, password = team
    as_user(address, ADMIN, password)
    live(found, market, tmp_path / "home")
    name, word = "reader", secrets.token_urlsafe(16)
    made = httpx.post(
        f"{address}/api/2.0/mlflow/users/create", auth=(ADMIN, password), timeout=60,
        json={"username": name, "password": word},
    )  # fmt: skip
    assert made.status_code == 200, made.text
    as_user(address, name, word)
    settings = Settings(home=tmp_path / "home")
    assert load_version(settings).number == "1"
    with pytest.raises(StoreError, match="does not allow this to the user") as fault:
        log_result(found[0], settings, simulated=True)
    assert "\n" not in str(fault.value)


def test_behind_its_door_is_no_more_than_our_client_needs_with_the_right_password_too(team):
    address, password = team
    make = ("POST", "/api/2.0/mlflow/experiments/create")
    search = ("POST", "/api/2.0/mlflow/experiments/search")
    with httpx.Client(base_url=address, auth=(ADMIN, password), timeout=60) as keeper:
        assert keeper.request(*search, json={"max_results": 1}).status_code == 200
        for asked, told, headers in [
            (("GET", "/ajax-api/3.0/mlflow/assistant/config"), None, {}),
            (("PATCH", "/api/3.0/mlflow/traces/tr-1/tags"), {"key": "mlflow.artifactLocation"}, {}),
            (("GET", "/ajax-api/2.0/mlflow/get-trace-artifact?request_id=tr-1"), None, {}),
            (make, {"name": "elsewhere", "artifact_location": "/etc"}, {}),
            (search, {"max_results": 1}, {"Origin": "http://localhost:3000"}),
            (search, {"max_results": 1}, {"Host": "10.evil.example"}),
        ]:
            answer = keeper.request(*asked, json=told, headers=headers)
            assert answer.status_code == 403, asked
            assert "access-control-allow-origin" not in answer.headers
        assert "elsewhere" not in keeper.request(*search, json={"max_results": 100}).text


def test_a_password_in_an_address_is_not_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:geheim@127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(StoreError, match="nothing answers at") as fault:
        client(Settings(home=tmp_path))
    assert "geheim" not in str(fault.value)
    assert "me:***@" in str(fault.value)
    assert time.monotonic() - began < 10


@pytest.mark.long
def test_the_same_on_postgresql(as_user, found, market, tmp_path):
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed")
    with (
        PostgresServer() as postgres,
        mlflow_server(tmp_path, postgres.address) as (
            address,
            password,
        ),
    ):
        as_user(address)
        with pytest.raises(StoreError, match="MLFLOW_TRACKING_PASSWORD"):
            client(Settings(home=tmp_path / "home"))
        as_user(address, ADMIN, password)
        live(found, market, tmp_path / "home")

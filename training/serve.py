"""Serve the app or the MLflow UI on this machine only: regime app, regime ui"""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from regime.same_code import same_code
from training.console import note, say

if TYPE_CHECKING:
    from httpx import Client, Response

    from regime.settings import Settings

HOST = "127.0.0.1"
APP_PORT, UI_PORT = 8501, 5000
PATIENCE = 120.0  # seconds until a server answers

# Light or dark as the browser asks, in colours that are told apart on both.
_THEME = (
    "light.primaryColor=#00588A", "light.linkColor=#00588A", "light.backgroundColor=#FFFFFF",
    "dark.primaryColor=#56B4E9", "dark.linkColor=#8CCBF2",
)  # fmt: skip

# Whatever a config.toml says. An error's text may hold a password: the log has it, a page has not.
_SHUT = (
    "server.enableCORS=true", "server.enableXsrfProtection=true", "server.enableAgentApi=false",
    "server.enableStaticServing=false", "server.maxWidgetStateSize=2",
    "global.developmentMode=false", "client.showErrorDetails=type",
)  # fmt: skip

# A server's threads each keep what they freed, and Arrow a pool beside: 60 MB on sixty years.
_THRIFTY = {
    "MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}  # fmt: skip

# By name: what builds its command, and its port.
Servers = dict[str, tuple[Callable[[int, "Settings"], list[str]], int]]
Port = Annotated[int, typer.Option(min=1, max=65535, help=f"Port on {HOST}.")]


def app(port: Port = APP_PORT) -> None:
    """Serve the app, on what `regime score` and `regime compare` kept last.

    Example: regime app --port 8600
    """
    from regime.settings import Settings

    _serve({"The app": (_app_command, port)}, Settings())


def ui(
    port: Port = UI_PORT,
    check: Annotated[
        bool, typer.Option("--check", help="Start it on a free port, ask it, report, end it.")
    ] = False,
) -> None:
    """Serve the MLflow UI: one worker, no jobs, telemetry off.

    With --check no browser is needed: it asks what the UI would ask, and ends with exit code 1
    and one line where the database or the files of the model in service are not as they should be.
    Example: regime ui --port 5600
    """
    from regime.settings import Settings

    settings = Settings()
    if check:
        _check_ui(settings)
    else:
        _serve({"MLflow": (_ui_command, port)}, settings)


def serve_both(settings: "Settings") -> None:
    """Serve app and MLflow UI, each on its usual port or the next free one."""
    wanted = {
        "The app": (_app_command, _free_port(APP_PORT)),
        "MLflow": (_ui_command, _free_port(UI_PORT)),
    }
    _serve(wanted, settings)


def _app_command(port: int, settings: "Settings") -> list[str]:
    del settings  # the app finds it in the environment
    page = Path(__file__).parents[1] / "app" / "served.py"
    return [
        "streamlit", "run", str(page), f"--server.address={HOST}", f"--server.port={port}",
        "--server.headless=true", "--browser.gatherUsageStats=false",
        "--client.toolbarMode=viewer", "--server.fileWatcherType=none",
        # Who has gone keeps what was published then, 7 MB, for as long as they may come back.
        "--server.maxUploadSize=1", "--server.disconnectedSessionTTL=30",
        *(f"--{option}" for option in _SHUT),
        *(f"--theme.{option}" for option in _THEME),
    ]  # fmt: skip


def _ui_command(port: int, settings: "Settings") -> list[str]:
    return [
        "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1",
        "--app-name", "regime", "--no-serve-artifacts",
        # Where this module is. By itself the server looks in the working directory first.
        "--uvicorn-opts", shlex.join(["--app-dir", str(Path(__file__).parents[1])]),
        # MLflow's own list has 10.*, as addresses begin, and as anybody's name may.
        "--allowed-hosts", f"{HOST}:{port},localhost:{port}",
        "--default-artifact-root", (settings.home / "artifacts").absolute().as_uri(),
    ]  # fmt: skip


def _serve(wanted: Servers, settings: "Settings") -> None:
    """Start servers, say where they are once they answer, and end them together."""
    from regime.exceptions import ConfigError
    from regime.tracking.mlflow_client import client

    for name, (_, port) in wanted.items():
        if not _is_free(port):
            raise ConfigError(
                f"{name} cannot start: port {port} is in use. Choose another with --port."
            )
    settings.make_home()
    if any(command is _ui_command for command, _ in wanted.values()):
        client(settings)  # creates or upgrades the database before a server needs it
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C
    environment = _environment(settings)
    if "MLflow" in wanted:  # the app links to it
        environment.setdefault("REGIME_MLFLOW_UI", f"http://{HOST}:{wanted['MLflow'][1]}")
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, (command, port) in wanted.items():
            words = [sys.executable, "-m", *command(port, settings)]
            log = stack.enter_context(_log_of(name, settings))
            servers[name] = stack.enter_context(_server(words, environment, log))
        for name, (_, port) in wanted.items():
            _wait_for(name, servers[name], port, settings)
            say(f"{name + ':':9} http://{HOST}:{port}")
        note("Ctrl-C ends it.")
        with contextlib.suppress(KeyboardInterrupt):
            while all(server.poll() is None for server in servers.values()):
                time.sleep(0.5)
            raise typer.Exit(1)


def _environment(settings: "Settings") -> dict[str, str]:
    return {
        **_THRIFTY,
        **os.environ,
        **same_code(),
        "REGIME_HOME": str(settings.home.absolute()),
        # Not as an argument: those of a process are for everybody on the machine to read.
        "MLFLOW_BACKEND_STORE_URI": settings.tracking_uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "false",  # it says that nobody may frame it
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _check_ui(settings: "Settings") -> None:
    """Whether the UI would answer, with what, and how soon; raises RegimeError if not."""
    import httpx

    from regime.exceptions import ConfigError, StoreError
    from regime.tracking.mlflow_client import client, local_database

    path = local_database(settings)
    if path is None:
        raise ConfigError(
            "`regime ui --check` looks at a database of this machine, but MLFLOW_TRACKING_URI "
            "names a server. Unset it, or ask the server's own page /health."
        )
    if not path.exists():
        raise StoreError(
            f"There is nothing to show yet: no {path}. `regime compare` logs the first runs."
        )
    client(settings)  # upgrades the database, or says what is wrong with it
    name, port = "MLflow", _free_port(UI_PORT)
    words = [sys.executable, "-m", *_ui_command(port, settings)]
    began = time.monotonic()
    with (
        _log_of(name, settings) as log,
        _server(words, _environment(settings), log) as server,
        httpx.Client(base_url=f"http://{HOST}:{port}", timeout=PATIENCE) as asked,
    ):
        _wait_for(name, server, port, settings)
        ready, began = time.monotonic() - began, time.monotonic()
        try:
            _answer(asked.get("/health"))
            experiments = _listed(asked, "experiments", {"max_results": 1000})
            ids = [one["experiment_id"] for one in experiments]
            newest = {"experiment_ids": ids, "order_by": ["attributes.start_time DESC"]}
            runs = _listed(asked, "runs", {**newest, "max_results": 100})
        except (httpx.HTTPError, ValueError) as error:
            raise StoreError(
                f"The MLflow UI does not answer as it should: {str(error).splitlines()[0]}. "
                f"{_log_path(name, settings)} says more."
            ) from error
    listing = time.monotonic() - began
    say(f"The MLflow UI was ready after {ready:.1f} seconds.")
    say(
        f"{len(experiments)} experiments and the newest {len(runs)} runs, in {listing:.2f} seconds."
    )
    say(_champion_words(settings))


def _answer(answer: "Response") -> "Response":
    if answer.is_error:
        raise ValueError(f"{answer.url.path} says {answer.status_code}, {answer.text[:200]}")
    return answer


def _listed(asked: "Client", what: str, wanted: dict[str, object]) -> list[dict[str, str]]:
    answer = _answer(asked.post(f"/api/2.0/mlflow/{what}/search", json=wanted))
    return list(answer.json().get(what, []))


def _champion_words(settings: "Settings") -> str:
    """That the model in service loads and is what was registered, or StoreError."""
    from regime.tracking.registry import load_version
    from regime.tracking.versions import champion_number

    if champion_number(settings) is None:
        return "No model is in service yet."
    version = load_version(settings)
    return f"Version {version.number} is in service; its files are there and what was registered."


@contextlib.contextmanager
def _server(
    command: list[str], environment: dict[str, str], log: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    # A session of its own, so that its workers end with it.
    with subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, start_new_session=True
    ) as server:
        try:
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, 15)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, 9)


def _log_path(name: str, settings: "Settings") -> Path:
    return settings.home / "logs" / f"{name.lower().replace(' ', '-')}.log"


def _log_of(name: str, settings: "Settings") -> IO[bytes]:
    """Where a server talks to; begun anew with each start."""
    path = _log_path(name, settings)
    path.parent.mkdir(exist_ok=True)
    return path.open("wb")


def _wait_for(
    name: str, server: "subprocess.Popen[bytes]", port: int, settings: "Settings"
) -> None:
    from regime.exceptions import ConfigError

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            raise ConfigError(
                f"{name} ended at once, exit code {server.returncode}; "
                f"{_log_path(name, settings)} says why."
            )
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.2)
    raise ConfigError(f"{name} did not answer on port {port} within {PATIENCE:.0f} seconds.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port(first: int) -> int:
    return next(port for port in range(first, first + 200) if _is_free(port))

"""The real app and the real MLflow UI, each started once, and ways to ask them rudely."""

import http.client
import importlib.util
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import Servers, chromium
from once import once

from regime.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def published(market, tmp_path_factory) -> Settings:
    """A home with published scores, the one that tests/app reads; not to be changed."""
    spec = importlib.util.spec_from_file_location("of_app", ROOT / "tests/app/conftest.py")
    of_app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(of_app)

    def make(folder):
        of_app.publish_a_filter(market, Settings(home=folder))

    return Settings(home=once(tmp_path_factory, "served", make))


@pytest.fixture(scope="session")
def servers():
    running = Servers()
    yield running
    running.close()


@pytest.fixture(scope="session")
def ui(servers, tmp_path_factory) -> str:
    """The address of `regime ui` on an empty home."""
    return servers.start("ui", tmp_path_factory.mktemp("ui") / "home")


@pytest.fixture(scope="session")
def browser():
    with chromium() as one:
        yield one


def ask(address, path="/", method="GET", body=None, **headers) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer; path and headers go out as they are written."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        named = {"Host": place.netloc, **{key.replace("_", "-"): headers[key] for key in headers}}
        if body is not None:
            named["Content-Length"] = str(len(body))
        for name, value in named.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, answer.read().decode("utf-8", "replace"), told
    finally:
        connection.close()


@pytest.fixture(scope="session", name="ask")
def _ask():
    return ask


def other_addresses() -> list[str]:
    """Addresses of this machine that no server of ours may listen on."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout
    return ["127.0.0.2", *(one for one in found.split() if ":" not in one)]


@pytest.fixture(scope="session", name="other_addresses")
def _other_addresses():
    return other_addresses()


@pytest.fixture(scope="session")
def secret_file() -> str:
    """Words of a file that nobody may read through a server."""
    return next(iter(Path("/etc/passwd").read_text().splitlines()))


@pytest.fixture
def clean_environment(monkeypatch):
    """Nothing of ours, of MLflow or of Streamlit from outside."""
    for name in list(os.environ):
        if name.startswith(("REGIME_", "MLFLOW_", "STREAMLIT_")):
            monkeypatch.delenv(name)

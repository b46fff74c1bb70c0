"""A publisher on this machine, an archive and a client that asks through both."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from data.network.http.asking import DOCUMENTS, client
from replay.server import ReplayServer

from regime.data.network.archive import Archive
from regime.data.network.http import HttpClient


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    with ReplayServer(DOCUMENTS) as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def http(server: ReplayServer, archive: Archive) -> Iterator[HttpClient]:
    with client(archive, server) as running:
        yield running

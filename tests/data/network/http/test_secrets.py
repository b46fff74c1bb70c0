"""No secret stands in an error, an archive or a log."""

import json
import logging

import httpx
import pytest
from data.network.http.asking import GRAPH, SECRET, client, everything_told, refusing
from hypothesis import given
from hypothesis import strategies as st
from replay.faults import Fault
from replay.server import ReplayServer, no_tls, refused

from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience, without_secrets
from regime.data.network.http import HttpClient
from regime.exceptions import RegimeError, SourceError

FAULTS = [
    Fault.status(403),
    refusing(400, json.dumps({"message": f"not {SECRET}"}).encode()),
    Fault.status(503),
    Fault.too_many(after=999),
    Fault.html(),
    Fault.reset(),
    Fault.wrong_length(),
    Fault.silent(),
    Fault.redirect_loop(),
    Fault.redirect(f"ftp://x/?token={SECRET}"),
    Fault.redirect(f"https://gone.example/?api_key={SECRET}"),
    Fault.gzip_bomb(2**22),
]


@pytest.mark.parametrize("name", ["api_key", "Token"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_no_secret_stands_in_an_error(name: str, fault: Fault, server: ReplayServer) -> None:
    server.misbehave("fred.example", fault)
    quick = Patience(total=0.3, connect=1.0, read=0.1, largest=2**20, first_wait=0.01)
    with client(None, server, quick) as http, pytest.raises(SourceError) as caught:
        http.get(GRAPH, kind="csv", params={"id": "DGS10", name: SECRET})
    assert SECRET not in everything_told(caught.value)
    assert "id=DGS10" in str(caught.value)
    assert SECRET in str(server.requests[0].query)


def test_no_secret_stands_in_an_error_without_a_connection() -> None:
    with refused() as url, no_tls() as plain, client() as http:
        for place in (url, plain, "https://fred.invalid/", "https://me:" + SECRET + "@a.invalid/"):
            with pytest.raises(RegimeError) as caught:
                http.get(place, kind="csv", params={"token": SECRET})
            assert SECRET not in everything_told(caught.value)


def test_no_secret_is_archived_or_logged(
    http: HttpClient, server: ReplayServer, archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    server.misbehave("fred.example", Fault.status(503), times=1)
    with caplog.at_level(logging.DEBUG):
        http.get(GRAPH, kind="csv", params={"api_key": SECRET, "token": SECRET})
    assert "HTTP Request" in caplog.text
    assert SECRET not in caplog.text + "".join(str(vars(record)) for record in caplog.records)
    files = [path for path in archive.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert archive.newest(GRAPH) is not None


@pytest.mark.parametrize("key", ["schlüssel", "a\r\nb: c"])
def test_a_key_that_cannot_be_sent_is_told_without_it(key: str, http: HttpClient) -> None:
    with pytest.raises(SourceError, match="Mend the key") as caught:
        http.get(GRAPH, kind="csv", headers={"Authorization": key})
    assert key not in everything_told(caught.value)


@given(st.text(min_size=8), st.dictionaries(st.text(), st.text(), max_size=3))
def test_an_address_without_its_secrets_keeps_the_rest(secret: str, rest: dict[str, str]) -> None:
    rest = {name: value for name, value in rest.items() if name.lower() not in {"api_key", "token"}}
    plain = httpx.URL("https://a.example/x", params=rest)
    url = plain.copy_merge_params({"api_key": secret, "token": secret})
    assert httpx.URL(without_secrets(url)).params == plain.params

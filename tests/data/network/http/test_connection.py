"""On the way: redirects, no connection, pace, clocks and proxies."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from data.network.http.asking import GRAPH, SECRET, TABLE, client, everything_told, problem, table
from replay.faults import Fault
from replay.server import ReplayServer, no_tls, refused

from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.exceptions import ConfigError, SourceError

# Redirects


def test_a_redirect_is_followed_through_the_mirror(http: HttpClient, server: ReplayServer) -> None:
    server.misbehave("old.example", Fault.redirect(GRAPH + "?id=DGS10"))
    server.misbehave("older.example", Fault.redirect("/old.example/x"))
    assert http.get("https://older.example/x", kind="csv") == TABLE
    assert server.count() == 3


def test_a_key_is_not_sent_on_to_another_host(http: HttpClient, server: ReplayServer) -> None:
    server.misbehave("old.example", Fault.redirect(GRAPH))
    http.get("https://old.example/x", kind="csv", headers={"Authorization": SECRET})
    assert "authorization" in server.requests[0].headers
    assert "authorization" not in server.requests[1].headers


def test_a_redirect_away_from_encryption_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = {"a/x": TABLE}
    with ReplayServer(documents, tls=True) as secure, ReplayServer(documents) as plain:
        (tmp_path / "ca.pem").write_bytes(secure.authority)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with client() as http:
            assert http.get(f"{secure.url}a/x", kind="csv") == TABLE
            secure.misbehave("a/x", Fault.redirect(f"{plain.url}a/x"))
            assert "address without encryption" in problem(http, f"{secure.url}a/x")
            plain.misbehave("a/x", Fault.redirect(f"{secure.url}a/y"), times=1)
            secure.documents["a/y"] = TABLE
            assert http.get(f"{plain.url}a/x", kind="csv") == TABLE


# No connection


def test_a_name_that_nobody_knows_is_told_with_what_works_without_a_network() -> None:
    with client(patience=Patience()) as http:
        begun = time.monotonic()
        words = problem(http, "https://fred.invalid/graph.csv")
        assert time.monotonic() - begun < 8.5
    assert words == (
        "https://fred.invalid/graph.csv cannot be reached: name not found. Check the network; "
        "without one use `regime fetch --source files --path DIR` or `regime demo`."
    )


def test_a_refused_connection_is_tried_twice_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = _count_connections(monkeypatch)
    with refused() as url, client() as http:
        assert "cannot be reached: connection refused" in problem(http, f"{url}x")
    assert len(tries) == 2


def test_a_port_without_tls_is_told() -> None:
    with no_tls() as url, client() as http:
        assert "cannot be reached: no trusted TLS" in problem(http, f"{url}x")


def test_a_certificate_that_nobody_trusts_is_told() -> None:
    with ReplayServer({"a/x": TABLE}, tls=True) as server, client() as http:
        words = problem(http, f"{server.url}a/x")
        assert "its certificate is not trusted" in words
        assert "SSL_CERT_FILE" in words
        assert server.count() == 0


def test_a_look_up_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        ended.wait(30)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    with client() as http:
        assert "cannot be reached: no connection within" in problem(http, "https://a.example/x")
    assert time.monotonic() - begun < 4
    ended.set()


def test_a_host_out_of_reach_is_asked_for_two_documents_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = _count_connections(monkeypatch)
    with refused() as url, client() as http:
        words = [problem(http, f"{url}{number}") for number in range(10)]
    assert len(tries) == 4
    assert {text.partition(" cannot")[2] for text in words} == {words[0].partition(" cannot")[2]}


def test_a_host_that_answers_is_not_given_up(server: ReplayServer) -> None:
    with client() as http:
        url = f"{server.url}fred.example/graph.csv"
        for _ in range(3):
            http._unreached[f"127.0.0.1:{server.port}"] = 1
            assert http.get(url, kind="csv")
            assert not http._unreached


def test_sixty_documents_on_six_hosts_without_a_network_end_soon() -> None:
    begun = time.monotonic()
    with client(patience=Patience(first_wait=0.1)) as http:
        for number in range(60):
            problem(http, f"https://host{number % 6}.invalid/{number}")
    assert time.monotonic() - begun < 30


# Pace, clocks, proxies


def test_a_host_is_asked_no_faster_than_it_allows_by_all_threads_together(
    server: ReplayServer,
) -> None:
    limits = {"fred.example": 20.0, "sec.example": 1e9}
    with HttpClient(None, limits=limits, user_agent="x", mirror=server.url) as http:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: http.get(GRAPH, kind="csv"), range(12)))
        at = sorted(seen.at for seen in server.requests)
        assert at[-1] - at[0] >= 11 / 20 - 0.05
        begun = time.monotonic()
        for _ in range(5):
            http.get("https://sec.example/facts.json", kind="json")
        assert time.monotonic() - begun < 0.5


def test_a_host_without_a_limit_is_asked_once_a_second(server: ReplayServer) -> None:
    with HttpClient(None, limits={}, user_agent="x", mirror=server.url) as http:
        http.get(GRAPH, kind="csv")
        http.get(GRAPH, kind="csv")
    assert 0.95 < server.requests[1].at - server.requests[0].at < 1.5


def test_waiting_for_a_turn_does_not_use_up_the_patience(server: ReplayServer) -> None:
    patience = Patience(total=0.6, first_wait=0.02)
    with HttpClient(
        None, limits={}, user_agent="x", mirror=server.url, default_limit=2.0, patience=patience
    ) as http:
        server.misbehave("fred.example", Fault.status(503), times=3)
        assert http.get(GRAPH, kind="csv")


@pytest.mark.parametrize(("ahead", "noted"), [(3600, True), (-3600, True), (200, False)])
def test_a_clock_that_is_wrong_by_more_than_five_minutes_is_noted(
    ahead: float, noted: bool, http: HttpClient, server: ReplayServer
) -> None:
    table(http)
    assert http.clock_skew is None
    server.misbehave("fred.example", Fault.clock_skew(ahead))
    table(http)
    assert (http.clock_skew == pytest.approx(ahead, abs=2)) if noted else http.clock_skew is None


def test_an_old_copy_from_a_cache_is_no_wrong_clock(http: HttpClient, server: ReplayServer) -> None:
    server.misbehave("fred.example", Fault.clock_skew(-3600))
    server.misbehave("fred.example", Fault.header("Age", "3600"))
    table(http)
    assert http.clock_skew is None


def test_a_proxy_of_the_environment_is_used_but_not_for_a_mirror_on_this_machine(
    server: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refused() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with client(None, server) as http:
            assert table(http) == TABLE
        with client() as http:
            assert "connection refused" in problem(http, f"{server.url}fred.example/graph.csv")


def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"gopher://me:{SECRET}@127.0.0.1:1/")
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        client()
    assert SECRET not in everything_told(caught.value)


@pytest.mark.parametrize("agent", ["", " ", "José", "a\nb"])
def test_a_user_agent_that_cannot_be_sent_is_refused(agent: str) -> None:
    with pytest.raises(ConfigError, match="user agent"):
        HttpClient(None, limits={}, user_agent=agent)


@pytest.mark.parametrize("mirror", ["", "mirror", "ftp://a/", "http://", "http://a/?x=1"])
def test_a_mirror_that_is_no_address_is_refused(mirror: str) -> None:
    with pytest.raises(ConfigError, match="mirror"):
        HttpClient(None, limits={}, user_agent="x", mirror=mirror)


@pytest.mark.parametrize(
    "url", ["ftp://a/x", "fred.example/x", "https://", "file:///etc/passwd", "https://a:b/x"]
)
def test_an_address_that_is_none_is_told(url: str, http: HttpClient) -> None:
    with pytest.raises(SourceError, match="is no address"):
        http.get(f"{url}?api_key={SECRET}", kind="csv")


def test_a_kind_that_nobody_knows_is_told(http: HttpClient) -> None:
    assert "'pdf'. Use one of" in problem(http, kind="pdf")


def _count_connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    tries: list[object] = []
    connect = socket.create_connection

    def counted(*args: object, **options: object) -> socket.socket:
        tries.append(args)
        return connect(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", counted)
    return tries

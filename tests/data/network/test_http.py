"""A document comes whole, or an error says in one line what happened and what to do."""

import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay.server import Fault, ReplayServer, Reply, gzip_of_zeros, no_tls, refused, zip_bomb

from regime.data.network.archive import Archive
from regime.data.network.exchange import Gunzip, Patience, retry_after, without_secrets
from regime.data.network.http import HttpClient
from regime.exceptions import ConfigError, RegimeError, SourceError, StoreError

TABLE = b"observation_date,DGS10\n" + b"".join(
    b"2024-01-%02d,4.%d\n" % (d, d) for d in range(1, 31)
)
DOCUMENTS: dict[str, bytes] = {
    "fred.example/graph.csv?id=DGS10": TABLE,
    "fred.example/graph.csv": b"observation_date,OTHER\n2024-01-02,1\n",
    "french.example/ftp/F.zip": zip_bomb(10_000),
    "sec.example/facts.json": b'{"cik": 1}',
    "shiller.example/ie_data.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "page.example/": b"<html>news</html>",
}
GRAPH = "https://fred.example/graph.csv"
SECRET = "s3cr3t0123456789"
QUICK = Patience(
    total=3.0, connect=1.0, read=0.4, longest=2.0, slowest=1000.0, largest=2**20, first_wait=0.02
)
KINDS = ["csv", "json", "zip", "workbook"]


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


def client(
    archive: Archive | None = None,
    server: ReplayServer | None = None,
    patience: Patience = QUICK,
    offline: bool = False,
) -> HttpClient:
    return HttpClient(
        archive,
        limits={},
        default_limit=1e9,
        user_agent="Jane Doe jane@example.com",
        mirror=server and server.url,
        patience=patience,
        offline=offline,
    )


def table(http: HttpClient) -> bytes:
    return http.get(GRAPH, kind="csv", params={"id": "DGS10"})


def problem(http: HttpClient, url: str = GRAPH + "?id=DGS10", kind: str = "csv") -> str:
    """What the error says; that it is one line that names the address, and no more."""
    with pytest.raises(SourceError) as caught:
        http.get(url, kind=kind)
    words = str(caught.value)
    assert words.startswith(url)
    assert words.endswith(".")
    assert "\n" not in words
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return words


# What comes whole


def test_documents_of_every_kind_come_to_the_byte(http: HttpClient) -> None:
    assert table(http) == TABLE
    for url, kind in {
        "https://french.example/ftp/F.zip": "zip",
        "https://sec.example/facts.json": "json",
        "https://shiller.example/ie_data.xls": "workbook",
        "https://page.example/": "page",
    }.items():
        assert http.get(url, kind=kind) == DOCUMENTS[url.removeprefix("https://")]


def test_a_query_of_its_own_and_params_are_both_sent(
    http: HttpClient, server: ReplayServer
) -> None:
    assert http.get(GRAPH + "?id=DGS10", kind="csv", params={"token": SECRET}) == TABLE
    assert server.requests[-1].query == {"id": "DGS10", "token": SECRET}


def test_the_user_agent_and_the_headers_of_the_source_are_sent(
    http: HttpClient, server: ReplayServer
) -> None:
    http.get(GRAPH, kind="csv", headers={"Authorization": "Token abc"})
    assert server.requests[-1].headers["user-agent"] == "Jane Doe jane@example.com"
    assert server.requests[-1].headers["authorization"] == "Token abc"


def test_a_gzip_transfer_is_unpacked(http: HttpClient, server: ReplayServer) -> None:
    server.misbehave("fred.example", Fault.gzipped())
    assert table(http) == TABLE


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3), st.integers(1, 50))
def test_gzip_members_are_unpacked_however_they_are_cut(parts: list[bytes], step: int) -> None:
    import gzip

    unpack = Gunzip()
    packed = b"".join(gzip.compress(part) for part in parts)
    out = [unpack(packed[i : i + step], 10_000) for i in range(0, len(packed), step)]
    assert b"".join(out) == b"".join(parts)
    assert unpack.whole
    unpack = Gunzip()
    unpack(packed[:-1], 10_000)
    assert not unpack.whole


def test_a_gzip_bomb_is_unpacked_one_byte_beyond_what_is_allowed() -> None:
    assert len(Gunzip()(gzip_of_zeros(2**22), 1000)) == 1001


# What is archived


def test_an_unchanged_document_is_not_sent_again(http: HttpClient, server: ReplayServer) -> None:
    assert table(http) == table(http) == TABLE
    assert [seen.status for seen in server.requests] == [200, 304]


def test_a_publisher_without_tags_is_asked_by_date(archive: Archive) -> None:
    with ReplayServer(DOCUMENTS, tags=False) as server, client(archive, server) as http:
        assert table(http) == table(http) == TABLE
        server.misbehave("fred.example", Fault.revised(lambda body: body.upper()))
        assert table(http) == TABLE.upper()
        assert [seen.status for seen in server.requests] == [200, 304, 200]
        assert "if-modified-since" in server.requests[-1].headers


def test_a_revision_replaces_the_newest_and_the_history_keeps_both(
    http: HttpClient, server: ReplayServer, archive: Archive
) -> None:
    table(http)
    server.misbehave("fred.example", Fault.renamed_column(b"DGS10", b"DGS_10"))
    assert table(http).startswith(b"observation_date,DGS_10")
    kept = archive.newest(GRAPH + "?id=DGS10")
    assert kept is not None
    assert len(kept.history) == 2


def test_damaged_bytes_of_the_archive_are_fetched_anew(
    http: HttpClient, server: ReplayServer, archive: Archive
) -> None:
    table(http)
    [blob] = archive.folder.glob("??/*.gz")
    blob.write_bytes(blob.read_bytes()[:-9])
    assert table(http) == TABLE
    assert [seen.status for seen in server.requests] == [200, 304, 200]
    assert table(http) == TABLE
    assert [seen.status for seen in server.requests][3:] == [304]
    assert len(archive.damaged) == 1


def test_a_bad_answer_is_not_archived(
    http: HttpClient, server: ReplayServer, archive: Archive
) -> None:
    table(http)
    server.misbehave("fred.example", Fault.html())
    problem(http)
    kept = archive.newest(GRAPH + "?id=DGS10")
    assert kept is not None
    assert kept.read() == TABLE


def test_offline_answers_what_was_fetched_and_nothing_else(
    http: HttpClient, server: ReplayServer, archive: Archive
) -> None:
    table(http)
    with client(archive, server, offline=True) as offline:
        assert table(offline) == TABLE
        assert "not in the archive" in problem(offline, "https://sec.example/facts.json", "json")
    assert server.count() == 1
    [blob] = archive.folder.glob("??/*.gz")
    blob.unlink()
    with client(archive, offline=True) as offline:
        assert "not in the archive" in problem(offline)


CUT = Fault("cut", lambda reply: replace(reply, body=reply.body[: len(reply.body) // 2]))


def test_a_document_that_could_not_be_read_is_asked_for_whole(
    http: HttpClient, server: ReplayServer, archive: Archive
) -> None:
    server.misbehave("fred.example", CUT, times=1)  # with the tag of the whole
    assert table(http) == table(http) == TABLE[: len(TABLE) // 2]
    http.distrust()
    kept = archive.newest(GRAPH + "?id=DGS10")
    assert kept is not None
    assert kept.read() == TABLE[: len(TABLE) // 2]
    assert table(http) == TABLE
    assert [seen.status for seen in server.requests] == [200, 304, 200]


def test_only_documents_since_the_last_settlement_are_distrusted(
    http: HttpClient, server: ReplayServer
) -> None:
    for _ in range(2):
        table(http)
        http.settle()
        http.get("https://sec.example/facts.json", kind="json")
        http.distrust()
    http.distrust()
    table(http)
    assert [seen.status for seen in server.requests] == [200, 200, 304, 200, 304]


def test_offline_and_without_an_archive_nothing_is_distrusted(
    http: HttpClient, server: ReplayServer, archive: Archive
) -> None:
    table(http)
    with client(archive, server, offline=True) as offline, client(None, server) as bare:
        for one in (offline, bare):
            table(one)
            one.distrust()
    kept = archive.newest(GRAPH + "?id=DGS10")
    assert kept is not None
    assert kept.etag is not None


def test_an_archive_that_cannot_be_written_is_told(server: ReplayServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        client(Archive(tmp_path / "file"), server) as http,
        pytest.raises(StoreError, match="cannot be written"),
    ):
        table(http)


# Faults that pass


@pytest.mark.parametrize(
    "fault",
    [
        Fault.too_many(after=1),
        Fault.unavailable(after=1),
        Fault.status(500),
        Fault.status(502),
        Fault.status(504),
        Fault.reset(),
        Fault.reset(0.0),
        Fault.wrong_length(),
        Fault.gzipped(0.7),
        Fault.silent(),
    ],
    ids=lambda fault: fault.name,
)
def test_a_fault_that_passes_costs_one_more_request(
    fault: Fault, http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("fred.example", fault, times=1)
    assert table(http) == TABLE
    assert server.count() == 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.status(503), "503 Service Unavailable"),
        (Fault.status(500), "500 Internal Server Error"),
        (Fault.reset(), "ended before the whole of it had come"),
        (Fault.wrong_length(), "ended before the whole of it had come"),
        (Fault.gzipped(0.7), "ended before the whole of it had come"),
    ],
    ids=lambda part: part.name if isinstance(part, Fault) else "",
)
def test_a_fault_that_stays_ends_after_four_tries(
    fault: Fault, said: str, http: HttpClient, server: ReplayServer, archive: Archive
) -> None:
    server.misbehave("fred.example", fault)
    words = problem(http)
    assert said in words
    assert "Run it again" in words
    assert server.count() == 4
    assert archive.newest(GRAPH + "?id=DGS10") is None


@pytest.mark.parametrize("fault", [Fault.too_many(after=1), Fault.unavailable(after=2)])
def test_the_wait_that_the_host_asks_for_is_kept(
    fault: Fault, http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("fred.example", fault, times=1)
    table(http)
    first, second = server.requests
    assert 0.9 < second.at - first.at < 2.6


@pytest.mark.parametrize("fault", [Fault.too_many(after=3600), Fault.unavailable(after=3600)])
def test_a_wait_beyond_our_patience_is_told_at_once(
    fault: Fault, http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("fred.example", fault)
    begun = time.monotonic()
    assert "Run it again after 20" in problem(http)
    assert time.monotonic() - begun < 0.5
    assert server.count() == 1


@pytest.mark.parametrize(
    "said", ["soon", "-5", "9" * 400, "Thu, 31 Dec 9999 23:59:59 GMT", "", "²"]
)
def test_a_senseless_wait_is_no_new_fault(
    said: str, http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("fred.example", Fault.status(503))
    server.misbehave("fred.example", Fault.header("Retry-After", said))
    assert "503" in problem(http)


def test_a_date_to_come_back_counts_from_the_clock_of_the_host() -> None:
    behind = time.time() - 7200
    headers = {"Date": formatdate(behind, usegmt=True)}
    headers["Retry-After"] = formatdate(behind + 60, usegmt=True)
    assert retry_after(httpx.Headers(headers)) == pytest.approx(60, abs=1)


# Faults that stay


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.not_found(), "404 Not Found. Look for its new address"),
        (Fault.status(403), "403 Forbidden. Check the key"),
        (Fault.status(400), "400 Bad Request"),
        (Fault.status(206), "206 Partial Content"),
        (Fault.status(304), "304 Not Modified"),
        (Fault.status(799), "799"),
        (Fault.redirect_loop(), "5 redirects were followed by another"),
        (Fault.redirect("ftp://fred.example/x"), "redirects to no address of the web"),
        (Fault.redirect("http://a:b/"), "redirects to no address of the web"),
        (Fault.status(302), "redirects to no address of the web"),
        (Fault.gzip_bomb(2**22), "larger than 1,048,576 bytes"),
        (Fault.content(lambda _: bytes(2**21)), "larger than 1,048,576 bytes"),
        (Fault.header("Content-Encoding", "gzip"), "arrived damaged"),
        (Fault.header("Content-Encoding", "gzip, gzip"), "compressed in a way nobody asked for"),
        (Fault.header("Content-Encoding", "br"), "compressed in a way nobody asked for"),
        (Fault.html(), "a web page came instead of a table"),
        (Fault.truncated(0.0), "is empty"),
    ],
    ids=lambda part: part.name if isinstance(part, Fault) else "",
)
def test_a_fault_that_stays_is_told(
    fault: Fault, said: str, http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("fred.example", fault)
    assert said in problem(http)
    passing = {"arrived damaged": 4, "5 redirects were followed by another": 6}
    assert server.count() == passing.get(said, 1)


def refusing(code: int, body: bytes) -> Fault:
    return Fault(f"refusing {code}", lambda _: Reply(code, body))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (refusing(400, b'{"error_code": 400, "error_message": "Bad Request.  No such id."}'),
         "400 Bad Request, because: Bad Request. No such id. Open it in a browser"),
        (refusing(403, b'{"detail": "Invalid token."}'),
         "403 Forbidden, because: Invalid token. Check the key"),
        (refusing(404, b'{"message": "a\\nb\\u001b[31mc", "detail": " "}'),
         "404 Not Found, because: a b [31mc. Look"),
        (refusing(400, b'{"message": "' + b"x" * 999 + b'"}'), "because: " + "x" * 200 + ". Open"),
        (refusing(400, b'{"message": 7}'), "400 Bad Request. Open"),
        (refusing(400, b'["message"]'), "400 Bad Request. Open"),
        (refusing(400, b"[" * 60_000), "400 Bad Request. Open"),
        (refusing(400, b'{"message": "' + b"x" * 70_000 + b'"}'), "400 Bad Request. Open"),
        (refusing(400, b"\xff<html>"), "400 Bad Request. Open"),
    ],
)  # fmt: skip
def test_what_a_publisher_says_of_a_refusal_is_told(
    fault: Fault, said: str, http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("fred.example", fault)
    assert said in problem(http)
    assert server.count() == 1


def test_a_secret_that_a_refusal_repeats_is_not_told(
    http: HttpClient, server: ReplayServer
) -> None:
    words = f"no {SECRET}, {SECRET.upper()}, Token {SECRET}x, k3y9"
    server.misbehave("fred.example", refusing(403, json.dumps({"detail": words}).encode()))
    server.misbehave("old.example", Fault.redirect(GRAPH))
    for url in (GRAPH, "https://old.example/x"):
        with pytest.raises(SourceError) as caught:
            http.get(
                url, kind="csv", params={"api_key": SECRET},
                headers={"Authorization": "Token k3y9"},
            )  # fmt: skip
        assert "because: no ***, ***, Token ***x, ***. Check" in str(caught.value)
        assert SECRET not in _everything(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_web_page_is_no_document_of_any_kind(
    kind: str, http: HttpClient, server: ReplayServer
) -> None:
    for before in (b"", b"\xef\xbb\xbf", b"\n \t", b"\xff\xfe"):
        server.behave()
        server.misbehave("fred.example", Fault.html(before + b"<!doctype html>"))
        assert "a web page came instead of" in problem(http, kind=kind)


@pytest.mark.parametrize("kind", ["zip", "workbook"])
def test_a_table_is_no_archive_and_no_workbook(kind: str, http: HttpClient) -> None:
    assert f"is not a {kind}" in problem(http, kind=kind).replace("zip archive", "zip")


def test_content_cut_by_the_publisher_is_for_the_parser(
    http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("fred.example", Fault.truncated())
    assert table(http) == TABLE[: len(TABLE) // 2]


def test_a_zip_bomb_is_for_the_parser_as_its_transfer_is_small(
    http: HttpClient, server: ReplayServer
) -> None:
    server.misbehave("french.example", Fault.zip_bomb(2**22))
    assert len(http.get("https://french.example/ftp/F.zip", kind="zip")) < 2**14


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.slow_drip(0.05), "comes too slowly"),
        (Fault.slow_header(0.05), "did not begin"),
        (Fault.silent(), ""),
    ],
    ids=["body", "header", "nothing"],
)
def test_what_comes_too_slowly_ends(fault: Fault, said: str, server: ReplayServer) -> None:
    patience = Patience(total=1.5, connect=1.0, read=0.4, first_wait=0.02, tries=2)
    server.misbehave("fred.example", fault)
    begun = time.monotonic()
    with client(None, server, patience) as http:
        assert said in problem(http)
    assert time.monotonic() - begun < 3.5


def test_a_body_ends_after_the_longest_time_however_steady(server: ReplayServer) -> None:
    patience = Patience(read=0.4, longest=0.5, slowest=0.0, first_wait=0.02)
    server.misbehave("fred.example", Fault.slow_drip(0.01))
    with client(None, server, patience) as http:
        assert "did not end within 0.5 s" in problem(http)
    assert server.count() == 1


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
    assert SECRET not in _everything(caught.value)


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


# Secrets

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


def _everything(error: BaseException | None) -> str:
    """Text of an error and of all that hang on it."""
    words = ""
    while error is not None:
        words += f"{error!r} {error} {vars(error)} {getattr(error, '__notes__', '')}"
        words += repr(getattr(error, "request", None) and error.request.url)  # type: ignore[attr-defined]
        error = error.__cause__ or error.__context__
    return words


@pytest.mark.parametrize("name", ["api_key", "Token"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_no_secret_stands_in_an_error(name: str, fault: Fault, server: ReplayServer) -> None:
    server.misbehave("fred.example", fault)
    quick = Patience(total=0.3, connect=1.0, read=0.1, largest=2**20, first_wait=0.01)
    with client(None, server, quick) as http, pytest.raises(SourceError) as caught:
        http.get(GRAPH, kind="csv", params={"id": "DGS10", name: SECRET})
    assert SECRET not in _everything(caught.value)
    assert "id=DGS10" in str(caught.value)
    assert SECRET in str(server.requests[0].query)


def test_no_secret_stands_in_an_error_without_a_connection() -> None:
    with refused() as url, no_tls() as plain, client() as http:
        for place in (url, plain, "https://fred.invalid/", "https://me:" + SECRET + "@a.invalid/"):
            with pytest.raises(RegimeError) as caught:
                http.get(place, kind="csv", params={"token": SECRET})
            assert SECRET not in _everything(caught.value)


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
    assert key not in _everything(caught.value)


@given(st.text(min_size=8), st.dictionaries(st.text(), st.text(), max_size=3))
def test_an_address_without_its_secrets_keeps_the_rest(secret: str, rest: dict[str, str]) -> None:
    rest = {name: value for name, value in rest.items() if name.lower() not in {"api_key", "token"}}
    plain = httpx.URL("https://a.example/x", params=rest)
    url = plain.copy_merge_params({"api_key": secret, "token": secret})
    assert httpx.URL(without_secrets(url)).params == plain.params


# The server itself


def test_client_and_server_of_two_processes_are_quiet(
    server: ReplayServer, capfd: pytest.CaptureFixture[str]
) -> None:
    import subprocess

    server.misbehave("fred.example", Fault.reset(), times=1)
    code = (
        "import sys; from regime.data.network.http import HttpClient\n"
        "with HttpClient(None, limits={}, user_agent='x', mirror=sys.argv[1]) as http:\n"
        "    print(len(http.get('https://fred.example/graph.csv?id=DGS10', kind='csv')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, server.url], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(len(TABLE))
    assert done.stderr == ""
    assert capfd.readouterr().err == ""


def test_a_function_answers_for_all_paths_of_its_host() -> None:
    def respond(path: str, query: dict[str, str]) -> tuple[int, bytes]:
        return (200, f"{path} {query}".encode()) if path != "/gone" else (404, b"")

    with ReplayServer({"tiingo.example": respond}) as server, client(None, server) as http:
        content = http.get("https://tiingo.example/daily/spy", kind="csv", params={"a": "1"})
        assert content == b"/daily/spy {'a': '1'}"
        assert "404" in problem(http, "https://tiingo.example/gone")


def _count_connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    tries: list[object] = []
    connect = socket.create_connection

    def counted(*args: object, **options: object) -> socket.socket:
        tries.append(args)
        return connect(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", counted)
    return tries

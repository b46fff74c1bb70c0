"""A fault that passes is asked again; one that stays is told in one line."""

import json
import time
from email.utils import formatdate

import httpx
import pytest
from data.network.http.asking import (
    GRAPH,
    SECRET,
    TABLE,
    client,
    everything_told,
    problem,
    refusing,
    table,
)
from replay.faults import Fault
from replay.server import ReplayServer

from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience, retry_after
from regime.data.network.http import HttpClient
from regime.exceptions import SourceError

KINDS = ["csv", "json", "zip", "workbook"]


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
        assert SECRET not in everything_told(caught.value)


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

"""A document comes whole and is archived, and an unchanged one is not sent again."""

from dataclasses import replace
from pathlib import Path

import pytest
from data.network.http.asking import DOCUMENTS, GRAPH, SECRET, TABLE, client, problem, table
from hypothesis import given
from hypothesis import strategies as st
from replay.faults import Fault, gzip_of_zeros
from replay.server import ReplayServer

from regime.data.network.archive import Archive
from regime.data.network.exchange import Gunzip
from regime.data.network.http import HttpClient
from regime.exceptions import StoreError

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

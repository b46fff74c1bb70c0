"""What the publisher has, and clients that ask it: for a document, or for what goes wrong."""

import pytest
from replay.faults import Fault, Reply, zip_bomb
from replay.server import ReplayServer

from regime.data.network.archive import Archive
from regime.data.network.exchange import Patience
from regime.data.network.http import HttpClient
from regime.exceptions import SourceError

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


def refusing(code: int, body: bytes) -> Fault:
    return Fault(f"refusing {code}", lambda _: Reply(code, body))


def everything_told(error: BaseException | None) -> str:
    """Text of an error and of all that hang on it."""
    words = ""
    while error is not None:
        words += f"{error!r} {error} {vars(error)} {getattr(error, '__notes__', '')}"
        words += repr(getattr(error, "request", None) and error.request.url)  # type: ignore[attr-defined]
        error = error.__cause__ or error.__context__
    return words

"""A publisher on this machine that serves stored documents, and misbehaves on demand.

Used as a mirror: `https://host/path?query` is asked as `server.url + "host/path?query"`.
"""

import gzip
import hashlib
import io
import socket
import ssl
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate, parsedate_to_datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

SECRETS = frozenset({"api_key", "token"})  # no document is keyed by them
ITSELF = "itself"  # as the target of a redirect

Responder = Callable[[str, dict[str, str]], tuple[int, bytes]]


@dataclass(frozen=True)
class Seen:
    """A request as it came. `key` is "host/path" with the query, secrets left out."""

    key: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    at: float  # monotonic
    status: int


@dataclass(frozen=True)
class Reply:
    """What is about to be sent, and how badly."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    promised: int = 0  # bytes that Content-Length says beyond those sent
    reset_at: float | None = None  # share of the body after which the connection is reset
    body_pause: float = 0.0  # seconds before each byte
    header_pause: float = 0.0
    silence: float = 0.0  # seconds before anything


@dataclass(frozen=True)
class Fault:
    """One way to misbehave: `Fault.too_many(after=1)`, `Fault.reset()`, ..."""

    name: str
    change: Callable[[Reply], Reply]
    of_content: bool = False  # an honest answer about other content: tagged anew

    @staticmethod
    def status(code: int, **headers: str) -> "Fault":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Fault(f"status {code}", lambda _: Reply(code, b"no", named))

    @staticmethod
    def too_many(after: int | str = 1) -> "Fault":
        return replace(Fault.status(429, Retry_After=str(after)), name="too many")

    @staticmethod
    def unavailable(after: float = 1.0) -> "Fault":
        """503 with a date to come back."""

        def change(_: Reply) -> Reply:
            return Reply(503, b"no", {"Retry-After": formatdate(time.time() + after, usegmt=True)})

        return Fault("unavailable", change)

    @staticmethod
    def not_found() -> "Fault":
        return replace(Fault.status(404), name="not found")

    @staticmethod
    def reset(at: float = 0.5) -> "Fault":
        return Fault("reset", lambda reply: replace(reply, reset_at=at))

    @staticmethod
    def wrong_length(more: int = 100) -> "Fault":
        return Fault("wrong length", lambda reply: replace(reply, promised=more))

    @staticmethod
    def truncated(share: float = 0.5) -> "Fault":
        """Cut, and honest about the length of what is left."""
        return Fault.content(lambda body: body[: int(len(body) * share)], "truncated")

    @staticmethod
    def zip_bomb(size: int = 300 * 1024**2) -> "Fault":
        """A small archive with one member of `size` zero bytes."""
        return Fault.content(lambda _: zip_bomb(size), "zip bomb")

    @staticmethod
    def gzip_bomb(size: int = 300 * 1024**2) -> "Fault":
        """A small transfer that unpacks to `size` zero bytes."""
        return Fault("gzip bomb", lambda reply: _encoded(reply, gzip_of_zeros(size)))

    @staticmethod
    def gzipped(share: float = 1.0) -> "Fault":
        """The content in gzip transfer encoding, all of it or the beginning: no fault, or one."""

        def change(reply: Reply) -> Reply:
            packed = gzip.compress(reply.body)
            return _encoded(reply, packed[: int(len(packed) * share)])

        return Fault("gzipped", change)

    @staticmethod
    def html(page: bytes = b"\n<!DOCTYPE html><html>Please accept our terms</html>") -> "Fault":
        return Fault("html", lambda _: Reply(200, page, {"Content-Type": "text/html"}))

    @staticmethod
    def slow_drip(pause: float = 0.5) -> "Fault":
        return Fault("slow drip", lambda reply: replace(reply, body_pause=pause))

    @staticmethod
    def slow_header(pause: float = 0.5) -> "Fault":
        return Fault("slow header", lambda reply: replace(reply, header_pause=pause))

    @staticmethod
    def silent(seconds: float = 3600.0) -> "Fault":
        return Fault("silent", lambda reply: replace(reply, silence=seconds))

    @staticmethod
    def content(change: Callable[[bytes], bytes], name: str = "content") -> "Fault":
        """Other content, properly served: revised, shrunk, with a column renamed."""
        return Fault(name, lambda reply: replace(reply, body=change(reply.body)), of_content=True)

    @staticmethod
    def renamed_column(old: bytes, new: bytes) -> "Fault":
        return Fault.content(lambda body: body.replace(old, new, 1), "renamed column")

    @staticmethod
    def shrinking(change: Callable[[bytes], bytes]) -> "Fault":
        return Fault.content(change, "shrinking")

    @staticmethod
    def revised(change: Callable[[bytes], bytes]) -> "Fault":
        return Fault.content(change, "revised")

    @staticmethod
    def clock_skew(seconds: float) -> "Fault":
        """A Date header that is ahead by so much."""

        def change(reply: Reply) -> Reply:
            date = formatdate(time.time() + seconds, usegmt=True)
            return replace(reply, headers={**reply.headers, "Date": date})

        return Fault("clock skew", change)

    @staticmethod
    def header(name: str, value: str) -> "Fault":
        return Fault(
            f"header {name}",
            lambda reply: replace(reply, headers={**reply.headers, name: value}),
        )

    @staticmethod
    def redirect(to: str, code: int = 302) -> "Fault":
        return Fault("redirect", lambda _: Reply(code, b"", {"Location": to}))

    @staticmethod
    def redirect_loop() -> "Fault":
        return replace(Fault.redirect(ITSELF), name="redirect loop")


class ReplayServer:
    """Serves until the `with` ends; 404 for what it does not have.

    Parameters
    ----------
    documents : "host/path?query" or "host/path" -> bytes, or a prefix of keys -> a function
        of the path (without the host) and the query that returns status and content.
        The order of the query, and secrets in it, do not matter.
    tags : whether to send ETag
    tls : whether to speak TLS, with a certificate that nobody trusts: see `authority`

    Attributes
    ----------
    url : address, ends with a slash
    requests : every request so far, in order of arrival
    authority : PEM of who signed the certificate, for SSL_CERT_FILE; empty without TLS
    """

    def __init__(
        self,
        documents: Mapping[str, bytes | Responder],
        *,
        tags: bool = True,
        tls: bool = False,
    ) -> None:
        self.documents = {_key(key): content for key, content in documents.items()}
        self.tags = tags
        self.requests: list[Seen] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.authority = b""
        self._faults: list[tuple[str, Fault, list[float]]] = []
        self._since: dict[str, dict[str, float]] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.replay = self
        scheme = "http"
        if tls:
            scheme = "https"
            self.authority, context = untrusted_certificate()
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def misbehave(self, prefix: str, fault: Fault, times: int | None = None) -> None:
        """Apply a fault to the next requests whose key begins so, or to all further ones.

        Faults add up, in the order given: a revised document can come with a skewed clock.
        """
        with self.lock:
            self._faults.append((prefix, fault, [float("inf") if times is None else times]))

    def behave(self, prefix: str = "") -> None:
        """Forget the faults of keys that begin so."""
        with self.lock:
            self._faults = [one for one in self._faults if not one[0].startswith(prefix)]

    def count(self, prefix: str = "") -> int:
        """Requests so far whose key begins so."""
        with self.lock:
            return sum(seen.key.startswith(prefix) for seen in self.requests)

    def reply(self, key: str, path: str, query: dict[str, str], asked: Mapping[str, str]) -> Reply:
        """What to answer, faults included, and note the request."""
        reply = self._found(key, path, query)
        with self.lock:
            due = [one for one in self._faults if key.startswith(one[0]) and one[2][0] > 0]
            for _, _, left in due:
                left[0] -= 1
        for fault in (fault for _, fault, _ in due if fault.of_content and reply.status == 200):
            reply = fault.change(reply)
        if reply.status == 200:
            reply = self._tagged(key, reply, asked)
        for fault in (fault for _, fault, _ in due if not fault.of_content):
            reply = fault.change(reply)
        with self.lock:
            headers = {name.lower(): value for name, value in asked.items()}
            self.requests.append(Seen(key, path, query, headers, time.monotonic(), reply.status))
        return reply

    def _found(self, key: str, path: str, query: dict[str, str]) -> Reply:
        bare = key.partition("?")[0]
        for name in (key, bare):
            if isinstance(content := self.documents.get(name), bytes):
                return Reply(200, content)
        prefixes = [name for name, one in self.documents.items() if callable(one)]
        for name in sorted((one for one in prefixes if bare.startswith(one)), key=len)[::-1]:
            respond = self.documents[name]
            assert callable(respond)
            return Reply(*respond(path, query))
        return Reply(404, b"not here")

    def _tagged(self, key: str, reply: Reply, asked: Mapping[str, str]) -> Reply:
        tag = f'"{hashlib.sha256(reply.body).hexdigest()[:16]}"'
        with self.lock:
            since = self._since.setdefault(key, {})
            # Dates have whole seconds: content that changes within one is still later.
            newest = max(since.values(), default=time.time() - 86400)
            changed = since.setdefault(tag, newest + 1)
        headers = {**reply.headers, "Last-Modified": formatdate(changed, usegmt=True)}
        if self.tags:
            headers["ETag"] = tag
        if (wanted := asked.get("If-None-Match")) is not None:
            same = wanted == tag
        else:
            after = asked.get("If-Modified-Since")
            same = after is not None and parsedate_to_datetime(after).timestamp() >= int(changed)
        return Reply(304, b"", headers) if same else replace(reply, headers=headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    replay: ReplayServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Be quiet: clients that hang up are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def do_GET(self) -> None:
        replay = self.server.replay
        parts = urlsplit(self.path.lstrip("/"))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        key = _key(self.path.lstrip("/"))
        path = "/" + parts.path.partition("/")[2]
        reply = replay.reply(key, path, query, self.headers)
        if reply.silence and replay.stopping.wait(reply.silence):
            return
        headers = {"Date": formatdate(usegmt=True), "Content-Type": "text/plain", **reply.headers}
        if reply.status != 304:
            headers["Content-Length"] = str(len(reply.body) + reply.promised)
        if headers.get("Location") == ITSELF:
            headers["Location"] = self.path
        if reply.promised:
            self.close_connection = True
        lines = [f"HTTP/1.1 {reply.status} Said", *(f"{n}: {v}" for n, v in headers.items())]
        self._send("\r\n".join([*lines, "", ""]).encode("latin-1"), reply.header_pause)
        if reply.reset_at is not None:
            self._send(reply.body[: int(len(reply.body) * reply.reset_at)], 0.0)
            linger = struct.pack("ii", 1, 0)  # no goodbye: the kernel sends RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            socket.close(self.connection.detach())
            self.close_connection = True
            return
        self._send(reply.body, reply.body_pause)

    def _send(self, data: bytes, pause: float) -> None:
        if not pause:
            self.wfile.write(data)
            return
        for byte in data:
            if self.server.replay.stopping.wait(pause):
                self.close_connection = True
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing on stderr."""


@contextmanager
def no_tls() -> Iterator[str]:
    """Address https://... of a port that speaks no TLS."""
    with ReplayServer({}) as server:
        yield f"https://127.0.0.1:{server.port}/"


@contextmanager
def refused() -> Iterator[str]:
    """Address http://... of a port at which nobody listens."""
    with socket.socket() as bound:  # held, so that nobody else gets the port
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


def untrusted_certificate() -> tuple[bytes, ssl.SSLContext]:
    """PEM of an authority made up just now, and a server's side of TLS signed by it."""
    import trustme

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return authority.cert_pem.bytes(), context


@cache
def zip_bomb(size: int) -> bytes:
    """A zip archive of about a thousandth of the `size` it unpacks to."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb,
        bomb.open("zeros.csv", "w", force_zip64=True) as member,
    ):
        for start in range(0, size, 2**20):
            member.write(bytes(min(2**20, size - start)))
    return file.getvalue()


@cache
def gzip_of_zeros(size: int) -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        for start in range(0, size, 2**20):
            packed.write(bytes(min(2**20, size - start)))
    return file.getvalue()


def _encoded(reply: Reply, packed: bytes) -> Reply:
    return replace(reply, body=packed, headers={**reply.headers, "Content-Encoding": "gzip"})


def _key(text: str) -> str:
    """Host, path and query, the query sorted and without secrets."""
    bare, _, query = text.partition("?")
    items = sorted(item for item in parse_qsl(query, keep_blank_values=True))
    shown = [(name, value) for name, value in items if name.lower() not in SECRETS]
    return f"{bare}?{urlencode(shown)}" if shown else bare

"""A publisher on this machine that serves stored documents, and misbehaves on demand.

Used as a mirror: `https://host/path?query` is asked as `server.url + "host/path?query"`.
"""

import hashlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from replay.faults import ITSELF, Fault, Reply

SECRETS = frozenset({"api_key", "token"})  # no document is keyed by them

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


def _key(text: str) -> str:
    """Host, path and query, the query sorted and without secrets."""
    bare, _, query = text.partition("?")
    items = sorted(item for item in parse_qsl(query, keep_blank_values=True))
    shown = [(name, value) for name, value in items if name.lower() not in SECRETS]
    return f"{bare}?{urlencode(shown)}" if shown else bare

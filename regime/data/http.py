"""Documents from the network: each one whole, or an error that says why not and what to do.

A document is asked for only if it changed since it was archived, at the pace its host
allows, and again if the fault may pass. Values of `api_key` and `token` are sent, but stand
in no message, no log line and no record of the archive.
"""

import logging
import math
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpx
import pandas as pd
import stamina

from regime.data.archive import Archive, Kept
from regime.exceptions import ConfigError, SourceError

KINDS = {
    "csv": "a table",
    "json": "JSON",
    "zip": "a zip archive",
    "workbook": "a workbook",
    "page": "a page",
}
MOST_REDIRECTS = 5
MOST_UNREACHED = 2  # tries of a document, and documents of a host
_MAGIC = {"zip": (b"PK",), "workbook": (b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")}
_SECRET = frozenset({"api_key", "token"})
_CONDITIONS = ("If-None-Match", "If-Modified-Since")
_PASSING = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SKEWED = 300.0  # seconds
_A_YEAR = 366 * 86400.0
_NO_NETWORK = (
    "Check the network; without one use `regime fetch --source files --path DIR` or `regime demo`"
)
_NOWHERE = "redirects to no address of the web. Open it in a browser and mend the address"
_UNENCRYPTED = "redirects to an address without encryption. Ask the publisher for another one"
_LATER = "Run it again in some minutes"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, how much and how often; seconds and bytes.

    Attributes
    ----------
    total : for an answer to begin, all tries and the waits between them together
    connect, read : for a connection; for a further byte
    longest : for the body of a document, once it comes
    slowest : bytes a second below which a body is given up, after `read` seconds of it
    largest : bytes of a document after decompression
    tries : requests for a document at most
    first_wait : before the second try; doubles with each further one, up to eight times
    """

    total: float = 25.0
    connect: float = 5.0
    read: float = 10.0
    longest: float = 300.0
    slowest: float = 1000.0
    largest: int = 200 * 1024**2
    tries: int = 4
    first_wait: float = 0.5


class HttpClient:
    """The `Http` of `regime.data.sources.live`, for use in a `with` and by several threads.

    Attributes
    ----------
    clock_skew : seconds that a server's clock was ahead of this one, the largest beyond
        five minutes either way; None if there was none

    Parameters
    ----------
    archive : what came before, and where it is kept; None keeps nothing
    limits : host -> requests a second; of other hosts `default_limit`
    user_agent : who asks, as publishers want to know it
    mirror : address under which `https://host/path` is asked as `mirror/host/path`
    offline : answer from the archive alone
    patience : seconds, or all of `Patience`

    Raises
    ------
    ConfigError
        If the user agent, the mirror, or a proxy of the environment cannot be used.
    """

    def __init__(
        self,
        archive: Archive | None,
        *,
        limits: Mapping[str, float],
        user_agent: str,
        mirror: str | None = None,
        offline: bool = False,
        patience: float | Patience = 25.0,
        default_limit: float = 1.0,
    ) -> None:
        self.archive, self.limits, self.offline = archive, dict(limits), offline
        self.default_limit = default_limit
        self.patience = patience if isinstance(patience, Patience) else Patience(total=patience)
        self.clock_skew: float | None = None
        self._mirror = None if mirror is None else _checked_mirror(mirror)
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}  # by host, the moment from which it may be asked
        self._unreached: dict[str, int] = {}  # by host, documents in a row
        self._last_words: dict[str, str] = {}
        self._client = _opened(user_agent, direct=offline or _is_loopback(self._mirror))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self,
        url: str,
        *,
        kind: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The whole document, decompressed from its transfer encoding.

        Parameters
        ----------
        kind : {"csv", "json", "zip", "workbook", "page"}
            What it must be; a web page in place of another kind is a fault.
        params : query, added to that of `url`
        headers : sent to this host only

        Raises
        ------
        SourceError
            If it cannot be had whole, in words that name the address.
        StoreError
            If it cannot be archived.
        """
        asked = _parsed(url, params)
        name = without_secrets(asked)
        if kind not in KINDS:
            raise SourceError(f"{name} was asked for as {kind!r}. Use one of {', '.join(KINDS)}.")
        if not all(text.isascii() and text.isprintable() for text in (headers or {}).values()):
            raise SourceError(f"{name} needs a key of plain letters and digits. Mend the key.")
        kept = self.archive.newest(name) if self.archive else None
        try:
            if self.offline:
                return _judged(kind, _at_hand(kept))
            return self._fetched(asked, name, kind, dict(headers or {}), kept)
        except _Fault as fault:
            problem = f"{name} {fault}."
        # Outside the handler, so that no error with an address in it comes along.
        raise SourceError(problem)

    def _fetched(
        self, asked: httpx.URL, name: str, kind: str, headers: dict[str, str], kept: Kept | None
    ) -> bytes:
        conditions = {
            header: value
            for header, value in zip(
                _CONDITIONS, (kept.etag, kept.last_modified) if kept else (), strict=False
            )
            if value
        }
        answer = self._persist(asked, headers, conditions)
        content = kept.read() if kept and answer.status == HTTPStatus.NOT_MODIFIED else None
        if answer.status == HTTPStatus.NOT_MODIFIED and content is None:
            answer = self._persist(asked, headers, {})
        content = _judged(kind, answer.content if content is None else content)
        if self.archive is not None:
            unchanged = kept if answer.status == HTTPStatus.NOT_MODIFIED else None
            self.archive.keep(
                name,
                content,
                fetched_at=pd.Timestamp.now("UTC"),
                etag=answer.headers.get("ETag") or (unchanged.etag if unchanged else None),
                last_modified=answer.headers.get("Last-Modified")
                or (unchanged.last_modified if unchanged else None),
            )
        return content

    def _persist(
        self, asked: httpx.URL, headers: dict[str, str], conditions: dict[str, str]
    ) -> "_Answer":
        """The answer of the first try that has one."""
        begun = _Clock(self.patience.total)

        def again(error: Exception) -> bool | float:
            if not isinstance(error, _Fault) or not error.passing:
                return False
            if error.unreached:
                begun.unreached += 1
                return begun.unreached < MOST_UNREACHED and begun.left() > 0
            wait = max(error.wait or 0.0, self.patience.first_wait)
            if error.wait is None:
                return begun.left() > wait
            return wait if wait < begun.left() else False

        first = self.patience.first_wait
        try:
            for attempt in stamina.retry_context(
                on=again, attempts=self.patience.tries, timeout=None,
                wait_initial=first, wait_max=8 * first, wait_jitter=first,
            ):  # fmt: skip
                with attempt:
                    return self._follow(asked, headers, conditions, begun)
        except _Fault as fault:
            if fault.unreached and fault.passing:
                with self._lock:
                    self._unreached[fault.unreached] = self._unreached.get(fault.unreached, 0) + 1
                    self._last_words[fault.unreached] = str(fault)
            raise
        raise AssertionError("a try either has an answer or raises")

    def _follow(
        self, asked: httpx.URL, headers: dict[str, str], conditions: dict[str, str], begun: "_Clock"
    ) -> "_Answer":
        """The answer at the end of the redirects."""
        address, host = self._mirrored(asked), asked.host
        for _ in range(MOST_REDIRECTS + 1):
            place = address.netloc.decode()
            with self._lock:
                if self._unreached.get(place, 0) >= MOST_UNREACHED:
                    raise _Fault(self._last_words[place], unreached=place, passing=False)
            begun.ends += self._pace(host)
            exchange = _Exchange(
                self._client, address, {**headers, **conditions}, self.patience,
                connect=self.patience.connect / (1 + begun.unreached), left=begun.left(),
            )  # fmt: skip
            answer = exchange.answer()
            with self._lock:
                self._unreached.pop(place, None)
            self._compare_clocks(answer.headers)
            if answer.status not in _REDIRECTS:
                return answer
            target = _redirected(address, answer.headers, mirrored=self._mirror is not None)
            if self._mirror is None or not str(target).startswith(self._mirror):
                if target.host != host:
                    headers = {}  # a key is for the host that gave it
                host = target.host
                target = self._mirrored(target)
            address = target
        raise _Fault(
            f"leads nowhere: {MOST_REDIRECTS} redirects were followed by another. Open it in a "
            f"browser and mend the address"
        )

    def _mirrored(self, url: httpx.URL) -> httpx.URL:
        if self._mirror is None:
            return url
        return httpx.URL(f"{self._mirror}{url.netloc.decode()}{url.raw_path.decode()}")

    def _pace(self, host: str) -> float:
        """Wait until the host may be asked; the seconds that took."""
        rate = self.limits.get(host, self.default_limit)
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next.get(host, now))
            self._next[host] = turn + (0.0 if math.isinf(rate) else 1.0 / rate)
        time.sleep(turn - now)
        return turn - now

    def _compare_clocks(self, headers: httpx.Headers) -> None:
        said = _moment(headers.get("Date"))
        if said is None:
            return
        # A cache on the way hands on the publisher's date, and says how old it is.
        skew = said + (_whole_seconds(headers.get("Age")) or 0.0) - time.time()
        with self._lock:
            if abs(skew) > max(_SKEWED, abs(self.clock_skew or 0.0)):
                self.clock_skew = skew


class _Fault(Exception):  # noqa: N818 - none leaves this module
    """What happened to a document and what to do, to stand after its address.

    Attributes
    ----------
    passing : whether to ask again
    wait : seconds after which the host wants to be asked again
    unreached : host and port, if there was no connection to it
    """

    def __init__(
        self,
        words: str,
        *,
        passing: bool = False,
        wait: float | None = None,
        unreached: str | None = None,
    ) -> None:
        super().__init__(words)
        self.passing, self.wait, self.unreached = passing, wait, unreached


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came, judged whole: 200 with its content, 304, or a redirect."""

    status: int
    headers: httpx.Headers
    content: bytes = b""


class _Clock:
    """What is left of the patience with one document; waiting for a turn does not count."""

    def __init__(self, seconds: float) -> None:
        self.ends, self.unreached = time.monotonic() + seconds, 0

    def left(self) -> float:
        return self.ends - time.monotonic()


class _Exchange(threading.Thread):
    """One request, in a thread of its own: no timeout of a socket covers the look-up of a
    name or a header that comes byte by byte, so the caller waits on a clock instead.
    """

    def __init__(
        self, client: httpx.Client, address: httpx.URL, headers: dict[str, str],
        patience: Patience, *, connect: float, left: float,
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self._client, self._address, self._headers = client, address, headers
        self._patience, self._connect = patience, connect
        self._left = max(left, 1.0)
        self._reached, self._answered, self._ended = (threading.Event() for _ in range(3))
        self._abandoned = False
        self._result: _Answer | Exception | None = None

    def answer(self) -> _Answer:
        """What came; a fault once a stage takes too long."""
        self.start()
        unreached = self._address.netloc.decode()
        connect, read = min(self._connect, self._left), min(self._patience.read, self._left)
        try:
            if not self._reached.wait(connect + 0.2):  # the socket's own words come first
                words = f"cannot be reached: no connection within {connect:.3g} s. {_NO_NETWORK}"
                raise _Fault(words, passing=True, unreached=unreached)
            if not self._answered.wait(read + 0.2):
                raise _Fault(f"did not begin within {read:.3g} s. {_LATER}", passing=True)
            if not self._ended.wait(self._patience.longest + read + 0.2):
                raise _Fault(f"did not end within {self._patience.longest:g} s. {_LATER}")
        finally:
            self._abandoned = True
        if not isinstance(self._result, _Answer):
            raise self._result or AssertionError("a request ended without a result")
        return self._result

    def run(self) -> None:
        """Ask, and leave the result to `answer`."""
        try:
            self._result = self._ask()
        except httpx.HTTPError as error:
            self._result = _explained(error, self._address.netloc.decode())
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
            self._result = error
        finally:
            for event in (self._reached, self._answered, self._ended):
                event.set()

    def _ask(self) -> _Answer:
        timeout = httpx.Timeout(
            min(self._patience.read, self._left), connect=min(self._connect, self._left)
        )
        request = self._client.build_request("GET", self._address, headers=self._headers)
        request.extensions = {"timeout": timeout.as_dict(), "trace": self._notice}
        response = self._client.send(request, stream=True)
        try:
            self._answered.set()
            conditional = any(header in self._headers for header in _CONDITIONS)
            if response.status_code == HTTPStatus.OK:
                return _Answer(200, response.headers, self._body(response))
            if response.status_code in _REDIRECTS or (response.status_code == 304 and conditional):
                return _Answer(response.status_code, response.headers)
            raise _refusal(response)
        finally:
            response.close()

    def _notice(self, event: str, _: object) -> None:
        """Called by httpx at each step."""
        if event.endswith("send_request_headers.started"):
            if self._abandoned:
                raise httpx.ReadTimeout("nobody waits for this any more")
            self._reached.set()

    def _body(self, response: httpx.Response) -> bytes:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in {"", "identity", "gzip", "x-gzip"}:
            raise _Fault("comes compressed in a way nobody asked for. Mend the source")
        unpack = _Gunzip() if "gzip" in coding else None
        parts: list[bytes] = []
        size, received, begun = 0, 0, time.monotonic()
        for chunk in response.iter_raw():
            received += len(chunk)
            parts.append(chunk if unpack is None else unpack(chunk, self._patience.largest - size))
            size += len(parts[-1])
            spent = time.monotonic() - begun
            if size > self._patience.largest:
                raise _Fault(
                    f"is larger than {self._patience.largest:,} bytes, or unpacks to more. Look "
                    f"at it by hand: no table of a source is that large"
                )
            if self._abandoned or spent > self._patience.longest:
                raise _Fault(f"did not end within {self._patience.longest:g} s. {_LATER}")
            if spent > self._patience.read and received < self._patience.slowest * spent:
                raise _Fault(f"comes too slowly, {received} bytes in {spent:.3g} s. {_LATER}",
                            passing=True)  # fmt: skip
        if unpack is not None and not unpack.whole:
            raise _Fault(f"ended before the whole of it had come. {_LATER}", passing=True)
        return b"".join(parts)


class _Gunzip:
    """Decompresses no more than asked, and knows whether the end was there; httpx does neither."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)
        self.whole = False

    def __call__(self, data: bytes, room: int) -> bytes:
        parts: list[bytes] = []
        while data and room >= 0:
            if self._stream.eof:
                self._stream = zlib.decompressobj(31)
            try:
                parts.append(self._stream.decompress(data, room + 1))
            except zlib.error:
                raise _Fault(f"arrived damaged. {_LATER}", passing=True) from None
            room -= len(parts[-1])
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        self.whole = self._stream.eof
        return b"".join(parts)


def without_secrets(url: httpx.URL) -> str:
    """An address as it may be shown and kept."""
    items = url.params.multi_items()
    shown = [(name, value) for name, value in items if name.lower() not in _SECRET]
    if len(shown) < len(items):
        url = url.copy_with(params=httpx.QueryParams(tuple(shown)))
    return str(url.copy_with(userinfo=b"", fragment=None))


def _explained(error: httpx.HTTPError, place: str) -> _Fault:
    """A fault of httpx in words of our own: its text and its request may hold a secret."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        words, advice = "no connection", _NO_NETWORK
        if isinstance(error, httpx.ProxyError):
            words, advice = "the proxy refused", "Check HTTPS_PROXY and NO_PROXY"
        elif isinstance(error, httpx.ConnectTimeout):
            words = "no connection in time"
        elif isinstance(cause, socket.gaierror):
            words = "name not found"
        elif isinstance(cause, ssl.SSLError):
            words = "no trusted TLS"
            if isinstance(cause, ssl.SSLCertVerificationError):
                words = f"its certificate is not trusted ({cause.verify_message})"
            advice = "Check the clock and the network; SSL_CERT_FILE names a certificate to trust"
        elif isinstance(cause, ConnectionRefusedError):
            words = "connection refused"
        elif cause is not None and cause.strerror:
            words = cause.strerror.lower()
        return _Fault(f"cannot be reached: {words}. {advice}", passing=True, unreached=place)
    if isinstance(error, httpx.TimeoutException):
        return _Fault(f"stopped coming. {_LATER}", passing=True)
    if isinstance(error, httpx.RemoteProtocolError) and error.__cause__ is None:
        return _Fault(_NOWHERE)  # httpx looks at the redirect itself, and could not read it
    if isinstance(error, httpx.RemoteProtocolError | httpx.NetworkError):
        return _Fault(f"ended before the whole of it had come. {_LATER}", passing=True)
    return _Fault(f"cannot be asked for ({type(error).__name__}). Mend the address or the key")


def _refusal(response: httpx.Response) -> _Fault:
    """What a status other than success means."""
    status = response.status_code
    known = status in HTTPStatus._value2member_map_
    words = f"was answered with {status}{f' {HTTPStatus(status).phrase}' if known else ''}"
    if status in _PASSING:
        wait = _retry_after(response.headers)
        if wait is None:
            return _Fault(f"{words}. {_LATER}", passing=True)
        ready = (pd.Timestamp.now("UTC") + pd.Timedelta(seconds=wait)).ceil("min")
        return _Fault(f"{words}. Run it again after {ready:%Y-%m-%d %H:%M} UTC",
                     passing=True, wait=wait)  # fmt: skip
    if status in {401, 403, 407}:
        return _Fault(f"{words}. Check the key, and the name and address you give as user agent")
    if status in {404, 410}:
        return _Fault(f"{words}. Look for its new address at the publisher, and mend the source")
    return _Fault(f"{words}. Open it in a browser, and mend the address or the request")


def _redirected(address: httpx.URL, headers: httpx.Headers, *, mirrored: bool) -> httpx.URL:
    try:
        target = address.join(headers["Location"])
    except (httpx.InvalidURL, KeyError, ValueError):
        target = httpx.URL("")
    plain = target.scheme == "http" and address.scheme == "https" and not mirrored
    if plain or target.scheme not in {"http", "https"} or not target.host:
        raise _Fault(_UNENCRYPTED if plain else _NOWHERE)
    return target


def _judged(kind: str, content: bytes) -> bytes:
    """The content, if it begins like what was asked for."""
    start = content[:65536].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")
    if not start:
        raise _Fault(f"is empty, where {KINDS[kind]} was asked for. {_LATER}")
    if kind != "page" and start.startswith(b"<"):
        raise _Fault(
            f"cannot be used: a web page came instead of {KINDS[kind]}. Open the address in a "
            f"browser: the publisher or your network may ask for something first"
        )
    if kind in _MAGIC and not content.startswith(_MAGIC[kind]):
        raise _Fault(f"is not {KINDS[kind]}. Open the address in a browser and see what changed")
    return content


def _at_hand(kept: Kept | None) -> bytes:
    content = kept.read() if kept else None
    if content is None:
        raise _Fault("is not in the archive, or damaged there. Fetch it once with the network")
    return content


def _parsed(url: str, params: Mapping[str, str] | None) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        if parsed.scheme in {"http", "https"} and parsed.host:
            return parsed.copy_merge_params(params) if params else parsed
    except httpx.InvalidURL:
        pass
    raise SourceError(
        f"{url.partition('?')[0]!r} is no address https://HOST/PATH. Mend it in the source."
    )


def _checked_mirror(mirror: str) -> str:
    try:
        parsed = httpx.URL(mirror)
        if parsed.scheme in {"http", "https"} and parsed.host and not parsed.query:
            return str(parsed).rstrip("/") + "/"
    except httpx.InvalidURL:
        pass
    raise ConfigError(
        f"The mirror {mirror!r} is no address http://HOST/ or https://HOST/. Mend it."
    )


def _is_loopback(mirror: str | None) -> bool:
    host = httpx.URL(mirror or "").host
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _opened(user_agent: str, *, direct: bool) -> httpx.Client:
    if not (user_agent.strip() and user_agent.isascii() and user_agent.isprintable()):
        raise ConfigError(
            f"The user agent {user_agent!r} cannot be sent. Give a name and an address in plain "
            f"letters, for example `Jane Doe jane@example.com`."
        )
    for name, change in (("httpx", _clean_record), ("stamina", None)):
        logger = logging.getLogger(name)
        if change is not None:
            logger.addFilter(change)
        else:  # else Python prints "stamina.retry_scheduled" where nobody set up logging
            logger.addHandler(logging.NullHandler())
    headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip"}
    try:
        return httpx.Client(headers=headers, trust_env=not direct)
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        words = type(error).__name__  # its text may hold the password of the proxy
    raise ConfigError(
        f"The proxy or the certificates that the environment names cannot be used ({words}). "
        f"Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE."
    )


def _clean_record(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(
            without_secrets(one) if isinstance(one, httpx.URL) else one for one in record.args
        )
    return True


def _whole_seconds(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _moment(text: str | None) -> float | None:
    """Seconds since 1970 of an HTTP date."""
    try:
        said = parsedate_to_datetime(text or "")
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds from now; a date counts from the server's own clock."""
    text = headers.get("Retry-After")
    until = _moment(text)
    if until is None:
        seconds = _whole_seconds(text)
        return None if seconds is None else min(seconds, _A_YEAR)
    return min(max(0.0, until - (_moment(headers.get("Date")) or time.time())), _A_YEAR)

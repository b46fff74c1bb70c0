"""One request: the answer whole and in time, or a fault in words that hold no secret."""

import json
import logging
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
import pandas as pd

from regime.exceptions import ConfigError

CONDITIONS = ("If-None-Match", "If-Modified-Since")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
NO_NETWORK = (
    "Check the network; without one use `regime fetch --source files --path DIR` or `regime demo`"
)
NOWHERE = "redirects to no address of the web. Open it in a browser and mend the address"
LATER = "Run it again in some minutes"
_SECRET = frozenset({"api_key", "token"})
_PASSING = frozenset({429, 500, 502, 503, 504})
_A_YEAR = 366 * 86400.0
_REASONS = ("error_message", "detail", "message")  # of a refusal in JSON
_MOST_SAID, _LARGEST_REFUSAL = 200, 65536  # characters, bytes


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


class Fault(Exception):  # noqa: N818 - a SourceError once its address is known
    """What happened to a document and what to do, to stand after its address.

    Attributes
    ----------
    passing : whether to ask again
    wait : seconds after which the host wants to be asked again
    unreached : host and port, if there was no connection to it
    absent : whether there is no such document, by the publisher's own word or the archive's
    """

    def __init__(
        self,
        words: str,
        *,
        passing: bool = False,
        wait: float | None = None,
        unreached: str | None = None,
        absent: bool = False,
    ) -> None:
        super().__init__(words)
        self.passing, self.wait, self.unreached, self.absent = passing, wait, unreached, absent


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, judged whole: 200 with its content, 304, or a redirect."""

    status: int
    headers: httpx.Headers
    content: bytes = b""


class Exchange(threading.Thread):
    """One request, in a thread of its own: no timeout of a socket covers the look-up of a
    name or a header that comes byte by byte, so the caller waits on a clock instead.

    Parameters
    ----------
    connect, left : seconds for a connection, and for an answer to begin
    secrets : texts that no fault may repeat, though the publisher does
    """

    def __init__(
        self, client: httpx.Client, address: httpx.URL, headers: dict[str, str],
        patience: Patience, *, connect: float, left: float, secrets: Collection[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self._client, self._address, self._headers = client, address, headers
        self._patience, self._connect = patience, connect
        self._secrets = {*secrets, *secrets_in(address, headers)}
        self._left = max(left, 1.0)
        self._reached, self._answered, self._ended = (threading.Event() for _ in range(3))
        self._abandoned = False
        self._result: Answer | Exception | None = None

    def answer(self) -> Answer:
        """What came; a fault once a stage takes too long."""
        self.start()
        unreached = self._address.netloc.decode()
        connect, read = min(self._connect, self._left), min(self._patience.read, self._left)
        try:
            if not self._reached.wait(connect + 0.2):  # the socket's own words come first
                words = f"cannot be reached: no connection within {connect:.3g} s. {NO_NETWORK}"
                raise Fault(words, passing=True, unreached=unreached)
            if not self._answered.wait(read + 0.2):
                raise Fault(f"did not begin within {read:.3g} s. {LATER}", passing=True)
            if not self._ended.wait(self._patience.longest + read + 0.2):
                raise Fault(f"did not end within {self._patience.longest:g} s. {LATER}")
        finally:
            self._abandoned = True
        if not isinstance(self._result, Answer):
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

    def _ask(self) -> Answer:
        timeout = httpx.Timeout(
            min(self._patience.read, self._left), connect=min(self._connect, self._left)
        )
        request = self._client.build_request("GET", self._address, headers=self._headers)
        request.extensions = {"timeout": timeout.as_dict(), "trace": self._notice}
        response = self._client.send(request, stream=True)
        try:
            self._answered.set()
            conditional = any(header in self._headers for header in CONDITIONS)
            if response.status_code == HTTPStatus.OK:
                return Answer(200, response.headers, self._body(response, self._patience.largest))
            if response.status_code in REDIRECTS or (response.status_code == 304 and conditional):
                return Answer(response.status_code, response.headers)
            raise _refusal(response, self._reason(response))
        finally:
            response.close()

    def _notice(self, event: str, _: object) -> None:
        """Called by httpx at each step."""
        if event.endswith("send_request_headers.started"):
            if self._abandoned:
                raise httpx.ReadTimeout("nobody waits for this any more")
            self._reached.set()

    def _reason(self, response: httpx.Response) -> str:
        """What the publisher says of a refusal, if it says so in JSON; in one line."""
        if response.status_code in _PASSING:
            return ""  # soon asked again, so not worth the wait
        try:
            answer = json.loads(self._body(response, _LARGEST_REFUSAL))
        except (Fault, httpx.HTTPError, ValueError, RecursionError):
            return ""
        found = (answer.get(name) for name in _REASONS) if isinstance(answer, dict) else ()
        text = next((one for one in found if isinstance(one, str) and one.strip()), "")
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
        text = "".join(letter if letter.isprintable() else " " for letter in text)
        return " ".join(text.split())[:_MOST_SAID].rstrip(" .")

    def _body(self, response: httpx.Response, largest: int) -> bytes:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in {"", "identity", "gzip", "x-gzip"}:
            raise Fault("comes compressed in a way nobody asked for. Mend the source")
        unpack = Gunzip() if "gzip" in coding else None
        parts: list[bytes] = []
        size, received, begun = 0, 0, time.monotonic()
        for chunk in response.iter_raw():
            received += len(chunk)
            parts.append(chunk if unpack is None else unpack(chunk, largest - size))
            size += len(parts[-1])
            spent = time.monotonic() - begun
            if size > largest:
                raise Fault(
                    f"is larger than {largest:,} bytes, or unpacks to more. Look "
                    f"at it by hand: no table of a source is that large"
                )
            if self._abandoned or spent > self._patience.longest:
                raise Fault(f"did not end within {self._patience.longest:g} s. {LATER}")
            if spent > self._patience.read and received < self._patience.slowest * spent:
                raise Fault(f"comes too slowly, {received} bytes in {spent:.3g} s. {LATER}",
                            passing=True)  # fmt: skip
        if unpack is not None and not unpack.whole:
            raise Fault(f"ended before the whole of it had come. {LATER}", passing=True)
        return b"".join(parts)


class Gunzip:
    """Decompresses no more than asked, and knows whether the end was there; httpx does neither."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)
        self.whole = False

    def __call__(self, data: bytes, room: int) -> bytes:
        """The next bytes, at most one more than there is room for."""
        parts: list[bytes] = []
        while data and room >= 0:
            if self._stream.eof:
                self._stream = zlib.decompressobj(31)
            try:
                parts.append(self._stream.decompress(data, room + 1))
            except zlib.error:
                raise Fault(f"arrived damaged. {LATER}", passing=True) from None
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


def secrets_in(url: httpx.URL, headers: Mapping[str, str]) -> set[str]:
    """Texts of a request that nobody else may read."""
    hidden = {value for name, value in url.params.multi_items() if name.lower() in _SECRET}
    for name, value in headers.items():
        if name.lower() == "authorization":
            hidden |= {value, value.split()[-1] if value.split() else ""}
    return hidden - {""}


def _explained(error: httpx.HTTPError, place: str) -> Fault:
    """A fault of httpx in words of our own: its text and its request may hold a secret."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        words, advice = "no connection", NO_NETWORK
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
        return Fault(f"cannot be reached: {words}. {advice}", passing=True, unreached=place)
    if isinstance(error, httpx.TimeoutException):
        return Fault(f"stopped coming. {LATER}", passing=True)
    if isinstance(error, httpx.RemoteProtocolError) and error.__cause__ is None:
        return Fault(NOWHERE)  # httpx looks at the redirect itself, and could not read it
    if isinstance(error, httpx.RemoteProtocolError | httpx.NetworkError):
        return Fault(f"ended before the whole of it had come. {LATER}", passing=True)
    return Fault(f"cannot be asked for ({type(error).__name__}). Mend the address or the key")


def _refusal(response: httpx.Response, reason: str) -> Fault:
    """What a status other than success means."""
    status = response.status_code
    known = status in HTTPStatus._value2member_map_
    words = f"was answered with {status}{f' {HTTPStatus(status).phrase}' if known else ''}"
    words += f", because: {reason}" if reason else ""
    if status in _PASSING:
        wait = retry_after(response.headers)
        if wait is None:
            return Fault(f"{words}. {LATER}", passing=True)
        ready = (pd.Timestamp.now("UTC") + pd.Timedelta(seconds=wait)).ceil("min")
        return Fault(f"{words}. Run it again after {ready:%Y-%m-%d %H:%M} UTC",
                     passing=True, wait=wait)  # fmt: skip
    if status in {401, 403, 407}:
        return Fault(f"{words}. Check the key, and the name and address you give as user agent")
    if status in {404, 410}:
        return Fault(f"{words}. Look for its new address at the publisher, and mend the source",
                     absent=status == HTTPStatus.NOT_FOUND)  # fmt: skip
    return Fault(f"{words}. Open it in a browser, and mend the address or the request")


def whole_seconds(text: str | None) -> float | None:
    """The number in a header; None if it is no number of seconds."""
    text = (text or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def moment(text: str | None) -> float | None:
    """Seconds since 1970 of an HTTP date."""
    try:
        said = parsedate_to_datetime(text or "")
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds from now; a date counts from the server's own clock."""
    text = headers.get("Retry-After")
    until = moment(text)
    if until is None:
        seconds = whole_seconds(text)
        return None if seconds is None else min(seconds, _A_YEAR)
    return min(max(0.0, until - (moment(headers.get("Date")) or time.time())), _A_YEAR)


def opened(user_agent: str, *, direct: bool) -> httpx.Client:
    """Connections of one who says who asks, past the proxies of the environment if `direct`.

    Raises
    ------
    ConfigError
        If the user agent, or a proxy or certificate of the environment, cannot be used.
    """
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

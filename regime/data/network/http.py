"""Documents from the network: each one whole, or an error that says why not and what to do.

A document is asked for only if it changed since it was archived, at the pace its host
allows, and again if the fault may pass. Values of `api_key` and `token` are sent, but stand
in no message, no log line and no record of the archive.
"""

import math
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpx
import pandas as pd
import stamina

from regime.data.network.archive import Archive, Kept
from regime.data.network.exchange import (
    CONDITIONS,
    LATER,
    NOWHERE,
    REDIRECTS,
    Answer,
    Exchange,
    Fault,
    Patience,
    moment,
    opened,
    secrets_in,
    whole_seconds,
    without_secrets,
)  # fmt: skip
from regime.exceptions import AbsentError, ConfigError, SourceError, UnreachedError

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
_SKEWED = 300.0  # seconds
_UNENCRYPTED = "redirects to an address without encryption. Ask the publisher for another one"


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
        self._got: set[str] = set()  # names of those asked for since the last settle()
        self._client = opened(user_agent, direct=offline or _is_loopback(self._mirror))

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

    def settle(self) -> None:
        """What was got so far could be read."""
        with self._lock:
            self._got.clear()

    def distrust(self) -> None:
        """Documents got since the last `settle` could not be read: ask for them whole next time.

        One that came cut short, but honest about its length, would else answer for ever that
        it did not change.

        Raises
        ------
        StoreError
            If the archive cannot be written.
        """
        with self._lock:
            names, self._got = self._got, set()
        if self.archive is not None:
            for name in sorted(names):
                self.archive.forget_conditions(name)

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
            content = self._fetched(asked, name, kind, dict(headers or {}), kept)
            with self._lock:
                self._got.add(name)
            return content
        except Fault as fault:
            problem = f"{name} {fault}."
            kind_of_error = (
                UnreachedError if fault.unreached else AbsentError if fault.absent else SourceError
            )
        # Outside the handler, so that no error with an address in it comes along.
        raise kind_of_error(problem)

    def _fetched(
        self, asked: httpx.URL, name: str, kind: str, headers: dict[str, str], kept: Kept | None
    ) -> bytes:
        conditions = {
            header: value
            for header, value in zip(
                CONDITIONS, (kept.etag, kept.last_modified) if kept else (), strict=False
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
    ) -> Answer:
        """The answer of the first try that has one."""
        begun = _Clock(self.patience.total)

        def again(error: Exception) -> bool | float:
            if not isinstance(error, Fault) or not error.passing:
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
        except Fault as fault:
            if fault.unreached and fault.passing:
                with self._lock:
                    self._unreached[fault.unreached] = self._unreached.get(fault.unreached, 0) + 1
                    self._last_words[fault.unreached] = str(fault)
            raise
        raise AssertionError("a try either has an answer or raises")

    def _follow(
        self, asked: httpx.URL, headers: dict[str, str], conditions: dict[str, str], begun: "_Clock"
    ) -> Answer:
        """The answer at the end of the redirects."""
        address, host = self._mirrored(asked), asked.host
        hidden = secrets_in(asked, headers)
        for _ in range(MOST_REDIRECTS + 1):
            place = address.netloc.decode()
            with self._lock:
                if self._unreached.get(place, 0) >= MOST_UNREACHED:
                    raise Fault(self._last_words[place], unreached=place, passing=False)
            begun.ends += self._pace(host)
            exchange = Exchange(
                self._client, address, {**headers, **conditions}, self.patience,
                connect=self.patience.connect / (1 + begun.unreached), left=begun.left(),
                secrets=hidden,
            )  # fmt: skip
            answer = exchange.answer()
            with self._lock:
                self._unreached.pop(place, None)
            self._compare_clocks(answer.headers)
            if answer.status not in REDIRECTS:
                return answer
            target = _redirected(address, answer.headers, mirrored=self._mirror is not None)
            if self._mirror is None or not str(target).startswith(self._mirror):
                if target.host != host:
                    headers = {}  # a key is for the host that gave it
                host = target.host
                target = self._mirrored(target)
            address = target
        raise Fault(
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
        said = moment(headers.get("Date"))
        if said is None:
            return
        # A cache on the way hands on the publisher's date, and says how old it is.
        skew = said + (whole_seconds(headers.get("Age")) or 0.0) - time.time()
        with self._lock:
            if abs(skew) > max(_SKEWED, abs(self.clock_skew or 0.0)):
                self.clock_skew = skew


class _Clock:
    """What is left of the patience with one document; waiting for a turn does not count."""

    def __init__(self, seconds: float) -> None:
        self.ends, self.unreached = time.monotonic() + seconds, 0

    def left(self) -> float:
        return self.ends - time.monotonic()


def _redirected(address: httpx.URL, headers: httpx.Headers, *, mirrored: bool) -> httpx.URL:
    try:
        target = address.join(headers["Location"])
    except (httpx.InvalidURL, KeyError, ValueError):
        target = httpx.URL("")
    plain = target.scheme == "http" and address.scheme == "https" and not mirrored
    if plain or target.scheme not in {"http", "https"} or not target.host:
        raise Fault(_UNENCRYPTED if plain else NOWHERE)
    return target


def _judged(kind: str, content: bytes) -> bytes:
    """The content, if it begins like what was asked for."""
    start = content[:65536].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")
    if not start:
        raise Fault(f"is empty, where {KINDS[kind]} was asked for. {LATER}")
    if kind != "page" and start.startswith(b"<"):
        raise Fault(
            f"cannot be used: a web page came instead of {KINDS[kind]}. Open the address in a "
            f"browser: the publisher or your network may ask for something first"
        )
    if kind in _MAGIC and not content.startswith(_MAGIC[kind]):
        raise Fault(f"is not {KINDS[kind]}. Open the address in a browser and see what changed")
    return content


def _at_hand(kept: Kept | None) -> bytes:
    content = kept.read() if kept else None
    if content is None:
        words = "is not in the archive, or damaged there. Fetch it once with the network"
        raise Fault(words, absent=True)
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

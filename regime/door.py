"""Who may speak to a server of ours: a browser that asks it by its own name, from its own pages.

Streamlit looks at the name of a host and at the origin of a page when a session is opened, and
nowhere else; where it knows neither it asks a server on the internet for this machine's address.
Here every request is looked at before Streamlit sees it. The app takes nothing but questions, so
requests with a body, and addresses that no page of it has, are refused too.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

LOCAL = ("127.0.0.1", "localhost")
LONGEST = 8192  # bytes of an address; the longest of a page has a hundred
METHODS = {"GET", "HEAD"}
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Door:
    """ASGI middleware that refuses what no page of the app would ask for.

    Parameters
    ----------
    hosts : names the app may be asked by, without a port; `*.example.com` for all below one,
        `*` for any
    origins : pages of other addresses that may ask too, as `https://example.com`
    page : the HTML that every page begins with; scripts written into it may run, and no others
    """

    def __init__(
        self,
        app: App,
        hosts: Collection[str] = LOCAL,
        origins: Collection[str] = (),
        page: str = "",
    ) -> None:
        self.app, self.hosts, self.origins = app, tuple(hosts), frozenset(origins)
        self.headers = {
            b"content-security-policy": policy(page).encode(),
            b"x-frame-options": b"SAMEORIGIN",
            b"x-content-type-options": b"nosniff",
            b"referrer-policy": b"same-origin",
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand on to the app."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refused = self.refusal(scope)
        if refused is None:
            await self.app(scope, receive, self._dressed(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            start = {"type": "http.response.start", "status": refused[0], "headers": headers}
            await self._dressed(send)(start)
            await send({"type": "http.response.body", "body": refused[1].encode()})

    def refusal(self, scope: Message) -> tuple[int, str] | None:
        """The status of a refusal and why, in words; None if there is nothing against it."""
        said: dict[bytes, list[str]] = {b"host": [], b"origin": []}
        for name, value in scope["headers"]:
            if name in said:
                said[name].append(value.decode("latin-1"))
        hosts, origins = said[b"host"], said[b"origin"]
        if len(hosts) != 1 or not is_named(hosts[0], self.hosts):
            return 403, "This app does not go by that host name. Its server.allowedHosts has those."
        if len(origins) > 1 or not all(
            one in self.origins or is_own(one, hosts[0]) for one in origins
        ):
            return 403, "Pages of another address may not ask this app."
        if len(scope.get("raw_path", b"")) + len(scope.get("query_string", b"")) > LONGEST:
            return 414, f"An address of this app has at most {LONGEST} bytes."
        if scope.get("method", "GET") not in METHODS:
            return 405, "This app takes questions only: GET and HEAD."
        return None

    def _dressed(self, send: Send) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message.get("headers", ())}
                added = [one for one in self.headers.items() if one[0] not in there]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        return answer


def policy(page: str) -> str:
    """Content-Security-Policy: nothing comes from elsewhere or goes there, whatever a text holds.

    Of scripts inside the HTML only those of `page` run, known by their digests.
    """
    digests = [hashlib.sha256(one.encode()).digest() for one in _INLINE.findall(page)]
    known = "".join(f" 'sha256-{b64encode(one).decode()}'" for one in digests)
    return "; ".join((
        "default-src 'self'", f"script-src 'self'{known}", "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:", "font-src 'self' data:", "worker-src 'self' blob:",
        "connect-src 'self'", "object-src 'none'", "base-uri 'self'", "form-action 'self'",
        "frame-ancestors 'self'",
    ))  # fmt: skip


def is_named(host: str, names: Collection[str]) -> bool:
    """Whether a Host header holds one of these names, with a port or without."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port  # the port raises where it is none
    except ValueError:
        return False
    if name is None or parts.netloc != host or "@" in host:
        return False
    return any(
        one == "*" or name == one or (one.startswith("*.") and name.endswith(one[1:]))
        for one in (given.strip().lower() for given in names)
    )


def is_own(origin: str, host: str) -> bool:
    """Whether a page's origin is the host that was asked; a file has none that could be."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()

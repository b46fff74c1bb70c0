"""MLflow's server as `regime ui` serves it: behind a door that asks who speaks, and what for.

MLflow itself looks at the origin of a page only where something is written, takes any port of this
machine for its own, and has parts that run programs, fetch addresses or write files wherever they
are told to. Runs and versions are made by our commands in the database itself, so none of that is
needed to look at them, compare, rename, tag and delete them. `training/team_door.py` puts the same
door in front of a server for a team, with rules of its own.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from regime.door import LOCAL, is_named, is_own

MOST_BYTES = 10 * 1024**2  # of a body; a thousand metrics are a hundredth of it
MOST_HELD = 10 * MOST_BYTES  # of all bodies at once: they are read before a password is asked for
MOST_SECONDS = 60.0  # that a body may take to come, or a few slow ones would keep all others out
# What runs programs, fetches addresses, keeps secrets, leaves files, or says where on the disk
# files are: a tag of a trace names the folder that `get-trace-artifact` reads from.
SHUT = (
    r"/(assistant|demo|gateway|gateway-proxy|genai|get-trace-artifact|invoke|jobs|mcp[^/]*"
    r"|presigned-upload-url|prompt-optimization|scorers?|upload-artifact|v1|webhooks)(/|$)"
    r"|/runs/create-promptlab-run(/|$)|/traces/[^/]+/tags(/|$)|/logged-models$"
)
# What only those need who are not on this machine: here our commands do it themselves.
_REMOTE = (
    r"/mlflow-artifacts(/|$)"
    r"|/(experiments|model-versions|logged-models|registered-models)/create(/|$)"
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Refusal = tuple[int, str]  # its status and why, in words

_ALONE = re.compile(f"{SHUT}|{_REMOTE}", re.IGNORECASE)


@dataclass(frozen=True)
class Rules:
    """What a door lets through.

    Parameters
    ----------
    hosts : names the server goes by, without a port
    origins : pages of other addresses that may ask too, as `https://example.com`
    is_shut : whether a path is refused to everybody
    is_elsewhere : whether a path and its query name a file by a way round
    is_file : whether a method on a path sends a file, which is handed on as it comes
    most_of_a_file : bytes
    against : what is against a path with this body, in words; None if nothing is
    """

    hosts: tuple[str, ...] = LOCAL
    origins: frozenset[str] = frozenset()
    is_shut: Callable[[str], object] = _ALONE.search
    is_elsewhere: Callable[[str, str], object] = lambda path, query: None
    is_file: Callable[[str, str], object] = lambda method, path: None
    most_of_a_file: int = 0
    against: Callable[[str, bytes], str | None] = lambda path, body: None


class TrackingDoor:
    """ASGI middleware in front of MLflow."""

    def __init__(self, inner: App, rules: Rules | None = None) -> None:
        self.inner, self.rules = inner, rules or Rules()
        self.held = 0  # bytes of bodies in memory

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand on."""
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif refused := self.refusal(scope):
            await _answer(send, *refused)
        elif self.rules.is_file(scope["method"], one_slash(scope["path"])):
            await self._streamed(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    def refusal(self, scope: Message) -> Refusal | None:
        """The status of a refusal and why, in words; None if there is nothing against it."""
        said: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            said.setdefault(name.lower(), []).append(value.decode("latin-1"))
        hosts, origins = said.get(b"host", []), said.get(b"origin", [])
        if len(hosts) != 1 or not is_named(hosts[0], self.rules.hosts):
            return 403, "This server does not go by that host name."
        named = len(origins) == 1 and origins[0] in self.rules.origins
        if not named and not all(is_own(origin, hosts[0]) for origin in origins):
            return 403, "Pages of another address may not ask this server."
        method, path = scope["method"], one_slash(scope["path"])
        elsewhere = said.get(b"sec-fetch-site", ["none"])[0] in {"cross-site", "same-site"}
        opened = said.get(b"sec-fetch-dest", [""])[0] == "document"  # a link that was clicked
        front = path == f"{prefix()}/" and method == "GET"
        if elsewhere and not named and not (opened and front):
            return 403, "Pages of another address may not ask this server."
        if self.rules.is_shut(path):
            return 403, "This part of MLflow is shut here: see SECURITY.md. Use our commands."
        if self.rules.is_elsewhere(path, scope.get("query_string", b"").decode("latin-1")):
            return 403, "A file is named by its experiment's number and its way from there."
        most = self._most(method, path)
        if int(next(iter(said.get(b"content-length", [])), "0") or 0) > most:
            return 413, _too_much(most)
        return None

    def _most(self, method: str, path: str) -> int:
        return self.rules.most_of_a_file if self.rules.is_file(method, path) else MOST_BYTES

    async def _counted(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on with the whole body, which MLflow would read without end."""
        chunks, size, more = [], 0, True
        try:
            async with asyncio.timeout(MOST_SECONDS):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return
                    chunks.append(message.get("body", b""))
                    more = message.get("more_body", False)
                    size, self.held = size + len(chunks[-1]), self.held + len(chunks[-1])
                    if size > MOST_BYTES:
                        await _answer(send, 413, _too_much(MOST_BYTES))
                        return
                    if self.held > MOST_HELD:
                        await _answer(send, 503, "Too much is asked at once; try again.")
                        return
        except TimeoutError:
            await _answer(send, 408, "The question did not come to its end; ask again.")
        else:
            await self._whole(scope, b"".join(chunks), receive, send)
        finally:
            self.held -= size

    async def _whole(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        if words := self.rules.against(one_slash(scope["path"]), body):
            await _answer(send, 403, words)
            return
        read = False

        async def once() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.inner(scope, once, send)

    async def _streamed(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on chunk by chunk; a file that is too large breaks off, as if its sender had."""
        most, size, answered = self.rules.most_of_a_file, 0, False

        async def counted() -> Message:
            nonlocal size
            message = await receive() if size <= most else {}
            size += len(message.get("body", b""))
            return message if size <= most else {"type": "http.disconnect"}

        async def answer(message: Message) -> None:
            nonlocal answered
            if size <= most or answered:
                answered = True
                await send(message)

        try:
            await self.inner(scope, counted, answer)
        except Exception:
            if size <= most:
                raise
        if size > most and not answered:
            await _answer(send, 413, _too_much(most))


def create_app() -> TrackingDoor:
    """MLflow's application behind the door of `regime ui`."""
    from mlflow.server.fastapi_app import app

    return TrackingDoor(app)


def one_slash(path: str) -> str:
    """A path as MLflow finds its parts by it: several slashes are one."""
    return re.sub(r"/+", "/", path)


def prefix() -> str:
    """What all paths begin with: `--static-prefix` as MLflow hands it on, mostly nothing."""
    return os.environ.get("_MLFLOW_STATIC_PREFIX", "").rstrip("/")


def _too_much(most: int) -> str:
    return f"A question has at most {most} bytes."


async def _answer(send: Send, status: int, words: str) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"),
        (b"x-frame-options", b"SAMEORIGIN"), (b"x-content-type-options", b"nosniff"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})

"""MLflow's server as `regime ui` serves it: behind a door that asks who speaks, and what for.

MLflow itself looks at the origin of a page only where something is written, takes any port of this
machine for its own, and has parts that run programs, fetch addresses or write files wherever they
are told to. Runs and versions are made by our commands in the database itself, so none of that is
needed to look at them, compare, rename, tag and delete them.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlflow.server.fastapi_app import app as mlflow_app

from regime.door import LOCAL, is_named, is_own

MOST_BYTES = 10 * 1024**2  # of a body; a thousand metrics are a hundredth of it
# What runs programs, fetches addresses, keeps secrets, leaves files, or says where on the disk
# files are: a tag of a trace names the folder that `get-trace-artifact` reads from.
REFUSED = re.compile(
    r"/(assistant|demo|gateway|gateway-proxy|genai|get-trace-artifact|invoke|jobs|mcp[^/]*"
    r"|mlflow-artifacts|presigned-upload-url|prompt-optimization|scorers?|upload-artifact|v1"
    r"|webhooks)(/|$)"
    r"|/(experiments|model-versions|logged-models|registered-models)/create(/|$)"
    r"|/runs/create-promptlab-run(/|$)|/traces/[^/]+/tags(/|$)"
    r"|/logged-models$",
    re.IGNORECASE,
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class TrackingDoor:
    """ASGI middleware in front of MLflow."""

    def __init__(self, inner: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self.inner = inner

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a refusal, or hand on."""
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif refused := refusal(scope):
            await _answer(send, *refused)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand on with the whole body, which MLflow would read without end."""
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            chunks.append(message.get("body", b""))
            size, more = size + len(chunks[-1]), message.get("more_body", False)
            if size > MOST_BYTES:
                await _answer(send, 413, f"A question has at most {MOST_BYTES} bytes.")
                return
        read = False

        async def once() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": b"".join(chunks), "more_body": False}

        await self.inner(scope, once, send)


def refusal(scope: Message) -> tuple[int, str] | None:
    """The status of a refusal and why, in words; None if there is nothing against it."""
    said: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        said.setdefault(name.lower(), []).append(value.decode("latin-1"))
    hosts = said.get(b"host", [])
    if len(hosts) != 1 or not is_named(hosts[0], LOCAL):
        return 403, "This server does not go by that host name."
    if not all(is_own(origin, hosts[0]) for origin in said.get(b"origin", [])):
        return 403, "Pages of another address may not ask this server."
    path = re.sub(r"/+", "/", scope["path"])
    elsewhere = said.get(b"sec-fetch-site", ["none"])[0] in {"cross-site", "same-site"}
    opened = said.get(b"sec-fetch-dest", [""])[0] == "document"  # a link that was clicked
    if elsewhere and not (opened and path == "/" and scope["method"] == "GET"):
        return 403, "Pages of another address may not ask this server."
    if REFUSED.search(path):
        return 403, "This part of MLflow is shut here: see SECURITY.md. Use our commands."
    if int(next(iter(said.get(b"content-length", [])), "0") or 0) > MOST_BYTES:
        return 413, f"A question has at most {MOST_BYTES} bytes."
    return None


async def _answer(send: Send, status: int, words: str) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"),
        (b"x-frame-options", b"SAMEORIGIN"), (b"x-content-type-options", b"nosniff"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})


app = TrackingDoor(mlflow_app)

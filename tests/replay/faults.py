"""What a publisher sends, and the ways in which it misbehaves."""

import gzip
import io
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import cache

ITSELF = "itself"  # as the target of a redirect


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

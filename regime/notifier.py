"""Send messages to the addresses of `REGIME_ALERT_URLS`, in a process that can be ended.

Apprise runs in `python -m regime.notifier`, because a notifier may hang. The addresses, which
hold secrets, reach it through a pipe, and of what a notifier says only its kind comes back:
what can be shown of an address is its position and its scheme.
"""

import hashlib
import json
import logging
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from regime.exceptions import ConfigError
from regime.same_code import same_code
from regime.settings import Settings

TIMEOUT = 60.0  # seconds for all addresses together, the start of apprise included
_CONNECT, _READ = 10.0, 15.0  # seconds for one step of one notifier, at most
_MISREAD = "apprise does not understand it"
_MISSING = "apprise is not installed: pip install 'equity-leadership-regime[alerts]'"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,19})://")


@dataclass(frozen=True, slots=True)
class Address:
    """Where alerts go: known by its position, from 1, and its scheme."""

    position: int
    scheme: str
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        """What may be shown of it."""
        return f"address {self.position} ({self.scheme})"

    @property
    def digest(self) -> str:
        """Tells it from others; slow to compute, as a password in it may be guessable."""
        return hashlib.pbkdf2_hmac("sha256", self.secret.encode(), b"alerts", 100_000, 8).hex()


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `urgency` is `info`, `warning` or `failure`."""

    title: str
    body: str
    urgency: str


def addresses_of(settings: Settings) -> list[Address]:
    """The addresses of `REGIME_ALERT_URLS`, each once, in their order; none if it is empty."""
    given = settings.alert_urls.get_secret_value() if settings.alert_urls else ""
    return [
        Address(position, found[1].lower() if (found := _SCHEME.match(one)) else "no scheme", one)
        for position, one in enumerate(dict.fromkeys(given.split()), start=1)
    ]


def check_addresses(settings: Settings, *, timeout: float = TIMEOUT) -> None:
    """Send nothing, but raise a ConfigError where apprise does not understand an address."""
    said = answers(addresses_of(settings), [], {}, timeout=timeout)
    if bad := [f"{address.name}: {words}" for address, _, words in said if words]:
        raise ConfigError(
            "REGIME_ALERT_URLS needs addresses as apprise writes them, SCHEME://... with spaces "
            f"between, but not all can be used. {'; '.join(bad)}. Mend them; docs/alerts.md has "
            "examples."
        )


def answers(
    addresses: Sequence[Address],
    messages: Sequence[Message],
    jobs: Mapping[Address, Sequence[int]],
    *,
    timeout: float,
) -> Generator[tuple[Address, int | None, str]]:
    """Send, and pass on what becomes of it as it becomes known; close it to stop.

    Parameters
    ----------
    jobs : positions in `messages` that an address is to be sent, in their order
    timeout : seconds for everything

    Yields
    ------
    Each address with None and why it cannot be used at all, and with each of its jobs and
    why that failed; "" where all is well. What is not known within the timeout has failed.
    Addresses do not wait for each other.
    """
    if not addresses:
        return
    left = {(at, job) for at, one in enumerate(addresses) for job in (None, *jobs.get(one, ()))}
    if find_spec("apprise") is None:
        yield from ((addresses[at], job, _MISSING) for at, job in sorted(left, key=str))
        return
    asked = {
        "addresses": [one.secret for one in addresses],
        "messages": [[one.title, one.body, one.urgency] for one in messages],
        "jobs": [list(jobs.get(one, ())) for one in addresses],
        "timeout": max(timeout, 1.0),
    }
    end, why = time.monotonic() + timeout, f"it did not answer within {timeout:.0f} seconds"
    said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    talk = None
    try:
        child = _started()
        talk = threading.Thread(
            target=_talk, args=(child, json.dumps(asked).encode(), said), daemon=True
        )
        talk.start()
        while left:
            line = said.get(timeout=max(end - time.monotonic(), 0))
            if not line:
                why = "the process that sends came to an early end"
                break
            at, job, words = json.loads(line)
            gone = [(at, job)]
            if job is None and words:  # nothing can be sent there
                gone += [one for one in left if one[0] == at and one[1] is not None]
            for at, job in gone:
                left.discard((at, job))
                yield addresses[at], job, words
    except queue.Empty:
        pass
    except OSError as error:
        why = f"the process that sends cannot be started, {error.strerror or error}"
    finally:
        if talk is not None:
            child.kill()
            child.wait()
            talk.join(timeout=1)
    for at, job in sorted(left, key=str):
        yield addresses[at], job, why


def _started() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "regime.notifier"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # where a notifier may say anything
        env=os.environ | same_code(),
    )


def _talk(child: "subprocess.Popen[bytes]", asked: bytes, said: "queue.SimpleQueue[bytes]") -> None:
    """Ask, and listen until the other side ends; an empty line is the last."""
    with suppress(OSError), child:
        if child.stdin is not None and child.stdout is not None:
            child.stdin.write(asked)
            child.stdin.close()
            for line in child.stdout:
                said.put(line)
    said.put(b"")


_address: ContextVar[int] = ContextVar("_address", default=-1)


class _Heard(logging.Handler):
    """The kind of the last complaint about each address; apprise only says that it failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a number or a word of our own, never the complaint."""
        text = record.getMessage()
        if code := re.search(r"\berror=(\d{3})\b", text):
            words = f"it answered with error {code[1]}"
        elif re.search(r"connection|socket|timed? ?out", text, re.IGNORECASE):
            words = "it could not be reached, or broke off, or did not answer in time"
        else:
            return
        self.words[_address.get()] = words


def _serve() -> None:
    """The other side of `answers`: a line for each thing that became of an address."""
    out = os.dup(1)
    os.dup2(2, 1)  # a notifier that prints does not speak for us
    asked = json.load(sys.stdin)
    signal.alarm(int(asked["timeout"]) + 5)  # should nobody be left to end this process
    import apprise

    heard = _Heard()
    apprise.logger.handlers[:] = [heard]
    apprise.logger.propagate = False
    patience = asked["timeout"] / 3
    apprise.URLBase.socket_connect_timeout = min(_CONNECT, patience)
    apprise.URLBase.socket_read_timeout = min(_READ, patience)
    asset = apprise.AppriseAsset(async_mode=False)
    asset.app_id, asset.app_desc, asset.app_url = "regime", "US equity leadership regimes", ""
    asset.image_url_mask = asset.image_url_logo = ""

    def say(at: int, job: int | None, words: str) -> None:
        os.write(out, json.dumps([at, job, words]).encode() + b"\n")

    def send_all(at: int, notifier: Any) -> None:
        _address.set(at)
        door = apprise.Apprise(asset=asset)
        door.add(notifier)
        for job in asked["jobs"][at]:
            title, body, urgency = asked["messages"][job]
            heard.words.pop(at, None)
            taken = False
            with suppress(Exception):  # whatever a notifier does, the next message goes on
                taken = bool(
                    door.notify(body=body, title=title, notify_type=urgency, body_format="text")
                )
            say(at, job, "" if taken else heard.words.get(at, "it did not take it"))

    threads = []
    for at, secret in enumerate(asked["addresses"]):
        notifier = apprise.Apprise.instantiate(secret, asset=asset)
        say(at, None, _MISREAD if notifier is None else "")
        if notifier is not None:
            threads.append(threading.Thread(target=send_all, args=(at, notifier), daemon=True))
            threads[-1].start()
    for thread in threads:
        thread.join()
    os._exit(0)  # apprise's own threads may still hang


if __name__ == "__main__":
    _serve()

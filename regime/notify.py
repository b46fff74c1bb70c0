"""Alerts on their way to people: an outbox on disk, sent, and sent again until it is taken.

`home/alerts` holds one file per alert, in `pending`, `sent` or `failed`. The file is also the
memory that its key was told.
"""

import hashlib
import json
import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from regime.alerts import Alert
from regime.exceptions import ConfigError, StoreError
from regime.notifier import TIMEOUT, Address, Message, addresses_of, answers
from regime.settings import Settings

PATIENCE = timedelta(days=5)  # then an alert is old news
MEMORY = timedelta(days=400)
_QUEUEING = 30.0  # seconds
_STAMP = "%Y%m%dT%H%M%SZ"


class Place(StrEnum):
    """Where an alert is on its way."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(slots=True)
class Entry:
    """One file of the outbox.

    Attributes
    ----------
    queued : UTC
    told : moments (ISO 8601) by digest of the address that took it
    words : why it was not told everywhere, after the last attempt; never an address
    """

    alert: Alert
    place: Place
    name: str
    queued: datetime
    attempts: int = 0
    told: dict[str, str] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the alerts that waited: each is in one of the three counts.

    Attributes
    ----------
    sent : every address has taken it
    failed : given up, after `PATIENCE`
    waiting : kept for the next attempt
    words : one sentence
    """

    sent: int
    failed: int
    waiting: int
    words: str


def tell(alert: Alert, settings: Settings, *, timeout: float = TIMEOUT) -> dict[str, str]:
    """Send an alert now, past the outbox.

    Returns
    -------
    dict from the name of each address to why it did not take the alert, "" where it did

    Raises
    ------
    ConfigError
        If there is no address.
    """
    addresses = addresses_of(settings)
    if not addresses:
        raise ConfigError(
            "An alert needs an address to go to, but REGIME_ALERT_URLS is empty. Set it, for "
            "instance to mailtos://USER:PASSWORD@example.org; docs/alerts.md has more."
        )
    jobs = {address: [0] for address in addresses}
    said = answers(addresses, [_message(alert)], jobs, timeout=timeout)
    became = {address: words for address, job, words in said if job is not None}
    return {address.name: became[address] for address in addresses}


def queue(alerts: Collection[Alert], settings: Settings, *, now: datetime) -> int:
    """Put alerts into the outbox; returns how many were not there yet.

    An alert whose key waits, was sent or was given up is left out, for `MEMORY`.

    Parameters
    ----------
    now : aware; the present moment, from which patience and memory count

    Raises
    ------
    StoreError
        If the outbox cannot be written; no file is there in part, and queueing the same
        alerts again adds what is missing.
    """
    if not alerts:
        return 0
    folder, moment = _outbox(settings), now.astimezone(UTC)
    with _alone(folder, "queueing", _QUEUEING):
        new: dict[str, Alert] = {}
        for alert in alerts:
            new.setdefault(hashlib.sha256(alert.key.encode()).hexdigest()[:32], alert)
        known = {  # in this order, so that one being moved is met at least once
            path.stem.rpartition("-")[2] for place in Place for path in _files(folder, place)
        }
        new = {digest: alert for digest, alert in new.items() if digest not in known}
        drafts = {}
        try:
            for number, (digest, alert) in enumerate(new.items()):
                name = f"{moment:{_STAMP}}-{number:04d}-{digest}.json"
                draft = folder / f".queueing-{number}"
                drafts[draft] = folder / Place.PENDING / name
                _write(draft, Entry(alert, Place.PENDING, name, moment))
            for draft, path in drafts.items():
                draft.replace(path)
        finally:
            for draft in drafts:
                draft.unlink(missing_ok=True)
    return len(new)


def outbox(settings: Settings, places: Collection[Place] = tuple(Place)) -> list[Entry]:
    """What the outbox holds, by place and time; files that cannot be read are left out."""
    folder = _outbox(settings)
    read = (_read(path, place) for place in places for path in _files(folder, place))
    return [entry for entry in read if entry is not None]


def deliver(settings: Settings, *, now: datetime, timeout: float = TIMEOUT) -> Delivery:
    """Send what waits to every address that has not taken it yet, the oldest first.

    A notifier's fault raises nothing and takes no longer than `timeout` seconds; the alert
    waits for the next call, `PATIENCE` long. What one address took is noted at once, so
    another's fault does not tell it twice. Killed between the two, it tells that address
    again: an alert may come twice, but is never lost.

    Raises
    ------
    StoreError
        If the outbox cannot be written. Then nothing is sent that could not be noted.
    """
    folder, end = _outbox(settings), time.monotonic() + timeout
    waiting = len(_files(folder, Place.PENDING))
    if not waiting:
        return Delivery(0, 0, 0, "No alert waits.")
    try:
        with _alone(folder, "delivering", timeout, shared=True):
            return _deliver(settings, folder, now.astimezone(UTC), end)
    except Timeout:
        words = f"{_alerts(waiting)} waiting: another process is delivering."
        return Delivery(0, 0, waiting, words)


def _deliver(settings: Settings, folder: Path, now: datetime, end: float) -> Delivery:
    entries, unread = _sorted_out(folder)
    addresses = {address: address.digest for address in addresses_of(settings)}
    jobs = {
        address: [at for at, entry in enumerate(entries) if digest not in entry.told]
        for address, digest in addresses.items()
    }
    tried = sorted({at for some in jobs.values() for at in some})
    for at in tried:
        entries[at].attempts += 1
        _mark(folder, entries[at])  # before anything is sent: what cannot be noted is not told
    faults: dict[int, dict[Address, str]] = {at: {} for at in tried}
    if tried:
        messages = [_message(entry.alert) for entry in entries]
        left = end - time.monotonic()
        with closing(answers([*addresses], messages, jobs, timeout=left)) as said:
            for address, job, words in said:
                if job is not None and words:
                    faults[job][address] = words
                elif job is not None:
                    entries[job].told[addresses[address]] = now.isoformat(timespec="seconds")
                    _mark(folder, entries[job])
    for at, entry in enumerate(entries):
        said_of = faults.get(at, {})
        why = [f"{one.name}: {said_of[one]}" for one in addresses if one in said_of]
        if not addresses:
            why = ["REGIME_ALERT_URLS is empty"]
        entry.words = "; ".join(why)
        place = Place.PENDING if why else Place.SENT
        if why and now - entry.queued >= PATIENCE:
            place = Place.FAILED
            entry.words = f"given up after {PATIENCE.days} days; {entry.words}"
        _mark(folder, entry)
        if place is not Place.PENDING:
            (folder / Place.PENDING / entry.name).replace(folder / place / entry.name)
            entry.place = place
    _forget(folder, now)
    return _delivery(entries, unread)


def _sorted_out(folder: Path) -> tuple[list[Entry], int]:
    """What waits, by time, and how many files could not be read and were put aside."""
    entries, unread = [], 0
    for path in _files(folder, Place.PENDING):
        entry = _read(path, Place.PENDING)
        if entry is None:
            path.replace(folder / Place.FAILED / path.name)
            unread += 1
        else:
            entries.append(entry)
    return entries, unread


def _delivery(entries: Sequence[Entry], unread: int) -> Delivery:
    counts, said = {}, []
    for place, became in (
        (Place.SENT, "told"),
        (Place.PENDING, "waiting"),
        (Place.FAILED, "failed"),
    ):
        some = [entry for entry in entries if entry.place is place]
        counts[place] = len(some)
        if some:
            reasons = "; ".join(dict.fromkeys(entry.words for entry in some if entry.words))
            said.append(f"{_alerts(len(some))} {became}" + (f" ({reasons})" if reasons else ""))
    if unread:
        said.append(f"{unread} of the files could not be read and went to {Place.FAILED}")
    words = "; ".join(said) + "."
    return Delivery(counts[Place.SENT], counts[Place.FAILED] + unread, counts[Place.PENDING], words)


def _message(alert: Alert) -> Message:
    return Message(alert.title, alert.body, alert.kind.urgency)


def _alerts(count: int) -> str:
    return f"{count} alert{'' if count == 1 else 's'}"


def _forget(folder: Path, now: datetime) -> None:
    """Remove what was queued longer ago than `MEMORY`."""
    for place in (Place.SENT, Place.FAILED):
        for path in _files(folder, place):
            if path.name < f"{now - MEMORY:{_STAMP}}":
                path.unlink(missing_ok=True)


def _outbox(settings: Settings) -> Path:
    return settings.home / "alerts"


def _files(folder: Path, place: Place) -> list[Path]:
    return sorted((folder / place).glob("*.json"))


@contextmanager
def _alone(folder: Path, doing: str, patience: float, *, shared: bool = False) -> Iterator[None]:
    """Alone at one of the two tasks, in folders that are there; what the disk refuses is told."""
    try:
        for place in Place:
            (folder / place).mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{doing}.lock", timeout=patience):
            yield
    except Timeout:
        if shared:
            raise
        raise StoreError(
            f"Another process is {doing} alerts in {folder} and still was after {patience:g} "
            "seconds. Wait for it, or end it."
        ) from None
    except OSError as error:
        raise StoreError(
            f"Alerts are kept in {folder}, which cannot be written: {error.strerror or error}. "
            "Free some space and make the folder writable, or set REGIME_HOME to another one."
        ) from error


def _write(path: Path, entry: Entry) -> None:
    told = {
        "alert": entry.alert.as_dict(),
        "queued": entry.queued.isoformat(timespec="seconds"),
        "attempts": entry.attempts,
        "told": entry.told,
        "words": entry.words,
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _mark(folder: Path, entry: Entry) -> None:
    draft = folder / ".marking"
    try:
        _write(draft, entry)
        draft.replace(folder / entry.place / entry.name)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path, place: Place) -> Entry | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Entry(
            Alert.of_dict(told["alert"]),
            place,
            path.name,
            datetime.fromisoformat(told["queued"]).astimezone(UTC),
            int(told["attempts"]),
            dict(told["told"]),
            str(told["words"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None

"""How the machine is: its disk, its clock, its network, its packages."""

import os
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from ipaddress import ip_address
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import pandas as pd
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from regime.data.sources.directory import LIVE
from regime.health.checks import Check, State
from regime.settings import Settings

PACKAGE = "equity-leadership-regime"
_AGAIN = "Run `make setup` in a clone, or install the package again."
MIB = 1024**2
_LITTLE, _TOO_LITTLE = 1024 * MIB, 100 * MIB  # free space of the home
_LITTLE_MEMORY = 512 * MIB
_SECONDS = 5.0  # for a host to give a sign of life
_OFF, _WRONG = 60.0, 300.0  # seconds of a clock; beyond the latter a fetch stores nothing
_NEW_YORK = "America/New_York"


def look_at_home(settings: Settings) -> list[Check]:
    """Whether the home can be written, how full its disk is, and with what."""
    settings.check_home()
    home = settings.home
    if not home.exists():
        words = f"The folder {home.absolute()} is not there yet."
        return [
            Check("home", State.WARNING, words, "It comes with `regime fetch` or `regime demo`.")
        ]
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        words = f"The folder {home.absolute()} cannot be written: {error.strerror or error}."
        advice = "Make it writable, or set REGIME_HOME to a folder that is."
        return [Check("home", State.FAULT, words, advice), _disk(settings)]
    words = f"The folder {home.absolute()} can be written."
    return [Check("home", State.OK, words), _disk(settings)]


def _disk(settings: Settings) -> Check:
    free = shutil.disk_usage(settings.home).free
    parts = {
        "the store": _size(settings.home.glob("observations.db*")),
        "the archive": _size(settings.raw.rglob("*")),
        "MLflow": _size(settings.home.glob("mlflow.db*"))
        + _size((settings.home / "artifacts").rglob("*")),
    }
    taken = ", ".join(f"{name} {_in_words(size)}" for name, size in parts.items())
    words = f"{_in_words(free)} are free; {taken}."
    advice = f"Free some space on the disk of {settings.home.absolute()}."
    if free < _TOO_LITTLE:
        return Check("disk", State.FAULT, words, advice)
    if free < _LITTLE:
        return Check("disk", State.WARNING, words, advice)
    return Check("disk", State.OK, words)


def _size(paths: Iterator[Path]) -> int:
    total = 0
    for path in paths:
        with suppress(OSError):  # a writer at work renames its file
            total += path.stat().st_size if path.is_file() else 0
    return total


def _in_words(size: int) -> str:
    return f"{size / 1024**3:,.1f} GiB" if size >= 1024**3 else f"{size / MIB:,.1f} MiB"


@dataclass(frozen=True, slots=True)
class Sign:
    """What came of asking a host for a sign of life.

    Attributes
    ----------
    fault : why it cannot be reached; None if it answered, whatever it said
    skew : seconds that its clock is ahead of this one, if it told the time
    """

    host: str
    fault: str | None = None
    skew: float | None = None


class Probes:
    """One small question to each host, all at once; a document is asked of none."""

    def __init__(self, settings: Settings, hosts: dict[str, str] | None = None) -> None:
        self._begun = time.monotonic()
        self._signs: dict[str, Sign] = {}
        self._asked = _hosts(settings) if hosts is None else hosts
        client = httpx.Client(
            headers={"User-Agent": settings.user_agent},
            timeout=_SECONDS - 0.5,
            trust_env=not _is_here(settings.mirror),
        )
        # Threads that nobody waits for: no timeout covers the look-up of a name.
        for host, url in self._asked.items():
            threading.Thread(target=self._ask, args=(client, host, url), daemon=True).start()

    def _ask(self, client: httpx.Client, host: str, url: str) -> None:
        try:
            response = client.head(url)
            self._signs[host] = Sign(host, skew=_skew(response.headers))
        except Exception as error:  # noqa: BLE001 - told in words; its own may hold a password
            self._signs[host] = Sign(host, fault=_why(error))

    def signs(self) -> list[Sign]:
        """What came of each, at the latest some seconds after they were asked."""
        while len(self._signs) < len(self._asked) and time.monotonic() < self._begun + _SECONDS:
            time.sleep(0.02)
        silent = f"no answer within {_SECONDS:g} s"
        return [self._signs.get(host, Sign(host, fault=silent)) for host in self._asked]


def _hosts(settings: Settings) -> dict[str, str]:
    """Addresses to ask, by the name to tell: every host of a source, or the mirror alone."""
    if settings.mirror:
        return {httpx.URL(settings.mirror).host: settings.mirror}
    return {host: f"https://{host}/" for source in LIVE.values() for host in source.hosts}


def _is_here(mirror: str | None) -> bool:
    """Whether that is this machine, for which no proxy is asked."""
    host = httpx.URL(mirror or "").host
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _skew(headers: httpx.Headers) -> float | None:
    with suppress(ValueError, TypeError, OverflowError):
        # A cache on the way hands on an old date, and says how old.
        said = parsedate_to_datetime(headers["Date"]).timestamp() + float(headers.get("Age", 0))
        return said - time.time()
    return None


def _why(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(cause, socket.gaierror):
        return "name not found"
    if cause is not None and cause.strerror:
        return cause.strerror.lower()
    return type(error).__name__


def look_at_network(probes: Probes) -> list[Check]:
    """Whether the hosts of the sources can be reached."""
    signs = probes.signs()
    silent = [sign for sign in signs if sign.fault]
    if not silent:
        words = f"All {len(signs)} hosts of the sources answer."
        return [Check("network", State.OK, words if len(signs) > 1 else "The mirror answers.")]
    why = dict.fromkeys(str(sign.fault) for sign in silent)
    told = "; ".join(
        f"{', '.join(sign.host for sign in silent if sign.fault == fault)}: {fault}"
        for fault in why
    )
    if len(silent) == len(signs):
        words = f"No host of a source can be reached: {told}."
        advice = (
            "Check the network and HTTPS_PROXY; without a network use `regime fetch --source "
            "files --path DIR` or `regime demo`."
        )
        return [Check("network", State.WARNING, words, advice)]
    words = f"{len(silent)} of {len(signs)} hosts cannot be reached: {told}."
    advice = "Fetch again later; until then what is stored goes on serving."
    return [Check("network", State.WARNING, words, advice)]


def look_at_clock(
    now: pd.Timestamp, fetched_at: pd.Timestamp | None, probes: Probes | None
) -> list[Check]:
    """Whether this clock agrees with those of the hosts and with the newest fetch."""
    advice = "Set the clock of this machine, and keep it set by NTP."
    if fetched_at is not None and fetched_at > now + pd.Timedelta(seconds=_WRONG):
        words = (
            f"The newest fetch is of {fetched_at:%Y-%m-%d %H:%M} UTC, but this clock says "
            f"{now:%Y-%m-%d %H:%M} UTC: it is wrong now, or was wrong then."
        )
        return [Check("clock", State.FAULT, words, advice)]
    skews = [sign.skew for sign in (probes.signs() if probes else []) if sign.skew is not None]
    zone = os.environ.get("TZ", "").removeprefix(":")
    for name in (_NEW_YORK, zone):
        # What is no name, such as EST5EDT,M3.2.0, is a rule and may stand.
        if name and "," not in name and not name.startswith("/") and not _is_zone(name):
            words = f"The time zone {name} is not known here, so local times are shown in another."
            advice = "Install the time zones of the system (tzdata), or mend TZ."
            return [Check("clock", State.WARNING, words, advice)]
    skew = statistics.median(skews) if skews else 0.0
    if abs(skew) > _OFF:
        words = (
            f"This clock is {_span(skew)} {'behind' if skew > 0 else 'ahead of'} those of the "
            f"sources."
        )
        if abs(skew) > _WRONG:
            words += " Values would be dated wrongly, so a fetch stores none."
            return [Check("clock", State.FAULT, words, advice)]
        return [Check("clock", State.WARNING, words, advice)]
    words = f"{now:%Y-%m-%d %H:%M} UTC, here {time.strftime('%Z')}"
    agrees = (
        f"; agrees with {len(skews)} host{'s' * (len(skews) > 1)}"
        if skews
        else "; no other clock was asked"
    )
    return [Check("clock", State.OK, f"{words}{agrees}.")]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _span(seconds: float) -> str:
    for unit, size in (("seconds", 1), ("minutes", 60)):
        if abs(seconds) < 180 * size:
            return f"{abs(seconds) / size:.0f} {unit}"
    return f"{abs(seconds) / 3600:,.0f} hours"


def look_at_environment() -> list[Check]:
    """Whether Python and the packages are within the bounds of this one, and memory is free."""
    mine = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    try:
        bounds = metadata(PACKAGE)["Requires-Python"] or ""
        needed = [Requirement(line) for line in requires(PACKAGE) or []]
    except PackageNotFoundError:
        words = f"The package is not installed in this Python {mine}, so its bounds are unknown."
        return [Check("environment", State.UNKNOWN, words, _AGAIN)]
    wrong = [] if SpecifierSet(bounds).contains(mine) else [f"Python {mine} is not {bounds}"]
    for one in needed:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(one.name)
        except PackageNotFoundError:
            wrong.append(f"{one.name} is not installed")
            continue
        if not one.specifier.contains(found, prereleases=True):
            wrong.append(f"{one.name} {found} is not {one.specifier}")
    if wrong:
        return [Check("environment", State.FAULT, f"{'; '.join(wrong)}.", _AGAIN)]
    words = f"Python {mine}, and {len(needed)} packages are within their bounds"
    free = _free_memory()
    memory = "" if free is None else f"; {_in_words(free)} of memory are free"
    if free is not None and free < _LITTLE_MEMORY:
        advice = "End other programs before `regime retrain` or `regime compare`."
        return [Check("environment", State.WARNING, f"{words}{memory}.", advice)]
    return [Check("environment", State.OK, f"{words}{memory}.")]


def _free_memory() -> int | None:
    """Bytes that a new program could have; None where the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    return None

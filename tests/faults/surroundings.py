"""What is around a command and not its own: clocks, places, a network, a server."""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pandas as pd
import pytest
from commands import Done
from faults.forked import fresh
from faults.killing import NOT_DEAD, emptied, values
from faults.world import ALONE, RUN, World, told
from replay.faults import Fault

from regime.data.calendar import last_closed_session

FUNDS = ["OEF", "RSP", "IWM"]
_CHART = "query1.finance.yahoo.com/v8/finance/chart/"
_OLD = ("run", "--source", "nowhere", "--retrain", "never", *ALONE)
# A moment in UTC, and the last session that had closed by then. At 20:30 in UTC it is
# 16:30 in New York in summer and 15:30 in winter, half an hour before the close.
CHANGES = [
    ("2012-11-02T20:30", "2012-11-02"), ("2012-11-04T01:30-04:00", "2012-11-02"),
    ("2012-11-04T01:30-05:00", "2012-11-02"), ("2012-11-05T20:30", "2012-11-02"),
    ("2012-11-05T21:30", "2012-11-05"),
    ("2013-03-08T20:30", "2013-03-07"), ("2013-03-08T21:30", "2013-03-08"),
    ("2013-03-10T01:59-05:00", "2013-03-08"), ("2013-03-10T03:00-04:00", "2013-03-08"),
    ("2013-03-11T20:30", "2013-03-11"),
]  # fmt: skip
# Locale, its encoding, and zone.
PLACES = [
    ("tr_TR", "ISO-8859-9", "Pacific/Kiritimati"), ("de_DE", "UTF-8", "America/St_Johns"),
    ("", "", "Asia/Tokyo"),
]  # fmt: skip


def cuts(world: World, replay, tries: int, seed: int) -> None:
    """Cut the network in the middle of a fetch: for some documents, or for all at some moment."""
    chance, ask = random.Random(seed), replay.ask
    server, expected = replay.server, None
    if tries > 1:
        whole = world.regime(*ask["words"], **ask["environment"])
        assert whole.returncode == 0, whole.stderr
        expected = values(world)
    for number in range(tries):
        emptied(world)
        if number % 2:
            begun = world.commands.begin(*ask["words"], **world.environment() | ask["environment"])
            time.sleep(chance.uniform(NOT_DEAD, whole.seconds))
            server.misbehave("", Fault.reset(chance.random()))
            code = world.commands.end(begun)
            done = Done(code, "", world.commands.err.read_text(), 0.0)
        else:
            for fund in chance.sample(FUNDS, chance.randrange(1, 3)):
                server.misbehave(f"{_CHART}{fund}?", Fault.reset(chance.random()))
            done = world.regime(*ask["words"], **ask["environment"])
            assert done.returncode == 1
        told(done)
        world.look()
        assert expected is None or values(world) <= expected
        server.behave()
        again = world.regime(*ask["words"], **ask["environment"])
        assert again.returncode == 0, again.stderr
        world.look()
        assert expected in (None, values(world))


def clock_back(world: World, tries: int, seed: int) -> None:
    """Run at moments before the newest publication, then on the next day."""
    chance = random.Random(seed)
    for _ in range(tries):
        now = pd.Timestamp(f"{world.day:%Y-%m-%d} 23:30", tz="America/New_York")
        then = now - pd.Timedelta(minutes=int(10 ** chance.uniform(0, 5.1)))  # up to 90 days
        ledger = world.ledger()
        done = world.regime(*RUN, REGIME_NOW=then.isoformat())
        if done.returncode == 4:  # what the store had not seen by then is not known
            assert "HELD" in done.stdout
        elif not told(done):
            assert "The clock jumped back" in done.stderr
        world.look()
        assert world.ledger() == ledger
        world.next_day()
        if tries > 1:
            world.made_good()


def new_york(world: World, moments: list[tuple[str, str]]) -> int:
    """Fetch, and ask what a run would publish, at each of these moments; how many they are."""
    for moment, last in moments:
        now = moment if len(moment) > len("2012-11-02T20:30") else f"{moment}+00:00"
        assert last_closed_session(pd.Timestamp(now)) == pd.Timestamp(last), moment
        if len(moments) > 1:
            brought = world.regime("fetch", "--source", "demo", REGIME_NOW=now)
            assert brought.returncode == 0, brought.stderr
            done = world.regime("run", "--source", "nowhere", "--dry-run", REGIME_NOW=now)
            assert f"SIMULATED {last} PUBLISHED" in done.stdout, (moment, done.stdout)
            assert "would publish 2012-07-02, " in done.stderr
            assert f"{last}." in done.stderr
        world.look()
    return len(moments)


def abroad(world: World, folder: Path, tries: int) -> None:
    """Publish a day in places that write numbers, letters and hours in other ways."""
    world.next_day()
    brought = world.regime("fetch", "--source", "demo")
    assert brought.returncode == 0, brought.stderr
    expected = _published(world, folder / "home-here", {})
    for number, (language, encoding, zone) in enumerate(PLACES[:tries]):
        surrounded = {"TZ": zone, "LC_ALL": "C"}
        if language:
            surrounded |= {"LC_ALL": f"{language}.{encoding}", "LOCPATH": str(folder)}
            _compile(folder, language, encoding)
        found = _published(world, folder / f"home-{number:04}", surrounded)
        assert found == expected, (language, encoding, zone)


def _compile(folder: Path, language: str, encoding: str) -> None:
    place = folder / f"{language}.{encoding}"
    if place.exists():
        return
    if shutil.which("localedef") is None:
        pytest.skip("locales are compiled by localedef")
    words = ["localedef", "-i", language, "-f", encoding, str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert place.exists(), done.stderr


def _published(world: World, home: Path, surrounded: dict) -> dict:
    """What a run publishes in a home like this one: bytes by file, rows, and what it says."""
    shutil.copytree(world.home, home, symlinks=True)
    shutil.rmtree(home / "published")
    other = World(home, world.commands)
    environment = world.environment() | {"REGIME_HOME": str(home)} | surrounded
    done = fresh(*_OLD, **environment)
    assert done.returncode == 0, done.stderr
    exported = fresh("ledger", "export", str(home / "rows.csv"), **environment)
    assert exported.returncode == 0, exported.stderr
    shown = (home / "published" / "champion").resolve()
    files = [*shown.rglob("*"), *(home / "published" / "days").iterdir(), home / "rows.csv"]
    return {
        **{file.name: hashlib.sha256(file.read_bytes()).hexdigest()
           for file in files if file.is_file()},
        "rows": other.ledger(),
        "said": done.stdout.split(" | ")[0],
    }  # fmt: skip


def no_server(world: World, tries: int) -> None:
    """Run where nobody answers at the address of MLflow, then where it is at home."""
    for _ in range(tries):
        world.next_day()
        ledger = world.ledger()
        with socket.socket() as held:  # nobody listens at it
            held.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{held.getsockname()[1]}"
            done = world.regime(*RUN, MLFLOW_TRACKING_URI=address)
        assert not told(done)
        assert done.seconds < 60
        world.look()
        assert world.ledger() == ledger
        if tries > 1:
            world.made_good()


@contextlib.contextmanager
def _server(home: Path, log: Path):
    """An MLflow server on the database of this home; its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1",
        "--port", str(port), "--backend-store-uri", f"sqlite:///{home}/mlflow.db",
        "--artifacts-destination", str(home / "artifacts"),
    ]  # fmt: skip
    environment = {
        **os.environ, "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }  # fmt: skip
    with (
        log.open("ab") as out,
        subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True, cwd=home
        ) as process,
    ):
        try:
            address, end = f"http://127.0.0.1:{port}", time.monotonic() + 180
            while True:
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < end, log.read_text()[-3000:]
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{address}/health", timeout=60).status_code == 200:
                        break
                time.sleep(0.2)
            yield address, process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def dying_server(world: World, folder: Path, tries: int, seed: int) -> None:
    """Kill the server while a run talks to it; the next server finishes what is left."""
    chance, took, log = random.Random(seed), 0.0, folder / "server.log"
    for _ in range(tries):
        with _server(world.home, log) as (address, process):
            given = {"MLFLOW_TRACKING_URI": address}
            if not took:
                world.next_day()
                took = world.regime(*RUN, **given).seconds
            world.next_day()
            begun = world.commands.begin(*RUN, **world.environment() | given)
            time.sleep(chance.uniform(0.3, 1.0) * took)
            os.killpg(process.pid, signal.SIGKILL)
            code = world.commands.end(begun)
            told(Done(code, "", world.commands.err.read_text(), 0.0))
        world.look()
        world.made_good()  # by the database itself, as the next server would

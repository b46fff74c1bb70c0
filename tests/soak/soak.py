"""App and MLflow UI looked at while the daily run lives one simulated day after another.

    python tests/soak/soak.py 30

Takes minutes, 30 by default. Memory of both servers is measured each minute; at the end a table
is printed, results.json is written, and what did not hold is said, with exit code 1.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does
from benchmarks.results import commit, machine, write
from browsing import ROOT, WIDTHS, Servers, chromium, settle, text_of

from regime.data.calendar import trading_days
from regime.data.store import ObservationStore
from regime.settings import Settings
from regime.tracking.ledger import Ledger
from regime.tracking.published import load_published
from soak.held import faults_in, growth, wrongly_published

SMALL = """
# Does a small model on rates stand being looked at for half an hour?
baskets = ["funds"]
features = { sets = ["path", "rates"] }
labels = { horizons = [0, 21] }
training = { every = 3 }
evaluation = { first_test = { funds = 2010-01-04 }, refit_every = 21 }
model = { kind = "logistic", params = { C = 0.001 } }
"""
HORIZONS = (0, 21)
BEGIN, END = pd.Timestamp("2015-12-31"), pd.Timestamp("2024-12-31")
HELD_EVERY = 15  # sessions, on one of which prices of a fund do not come
HELD = 4  # exit code
FETCHED_EVERY = 5  # sessions, on one of which fetching is a command of its own
PATIENCE = 180.0  # seconds that a page may take beside other work
BETWEEN_QUESTIONS = 2.0  # seconds, of MLflow
PAGES = sorted(path.stem for path in (ROOT / "app" / "views").glob("*.py"))
RESULTS = Path(__file__).with_name("results.json")

Run = Callable[..., tuple[int, str]]  # words and REGIME_NOW to exit code and standard error


@dataclass
class Seen:
    """What happened so far; each number has one thread that counts it."""

    days: list[pd.Timestamp] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # of each day
    codes: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    questions: int = 0
    slowest_answer: float = 0.0
    faults: list[str] = field(default_factory=list)


def by_command(home: Path) -> Run:
    """`regime WORDS` in a process of its own."""

    def run(*words: str | Path, now: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "training.cli", *map(str, words)], cwd=ROOT, check=False,
            capture_output=True, text=True, timeout=600,
            env={**os.environ, "REGIME_HOME": str(home), "REGIME_NOW": now},
        )  # fmt: skip
        return done.returncode, done.stderr

    return run


def night_of(day: pd.Timestamp) -> str:
    return f"{day:%Y-%m-%d}T23:30:00-05:00"


def settled_in(home: Path, run: Run) -> None:
    """A model trained and put into service on the first day."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "small.toml").write_text(SMALL)
    for words in (
        ("fetch", "--source", "demo"),
        ("retrain", home / "small.toml", "--jobs", "1"),
        ("promote",),
    ):
        code, noted = run(*words, now=night_of(BEGIN))
        if code:
            raise RuntimeError(f"regime {words[0]} ended with {code}: {noted[-2000:]}")


def live(run: Run, seen: Seen, days: Iterator[tuple[int, pd.Timestamp]], stop: Callable[[], bool]):
    """One session after another, at least one; the last is never one that is held."""
    for number, day in days:
        last = stop()
        held = not last and number % HELD_EVERY == HELD_EVERY - 1
        began = time.monotonic()
        source = "demo"
        if number % FETCHED_EVERY == FETCHED_EVERY - 1 and not held:
            _one(run, seen, day, 0, "fetch", "--source", "demo")
            source = "nowhere"
        drill = ("--withhold", "RSP") if held else ()
        words = ("run", "--source", source, "--jobs", "1", *drill)
        _one(run, seen, day, HELD if held else 0, *words)
        seen.seconds.append(time.monotonic() - began)
        seen.days.append(day)
        if last:
            return


def _one(run: Run, seen: Seen, day: pd.Timestamp, wanted: int, *words: str) -> None:
    code, noted = run(*words, now=night_of(day))
    seen.codes[f"{words[0]} {code}"] += 1
    if code != wanted or "Traceback" in noted or "locked" in noted:
        seen.faults.append(
            f"{day:%Y-%m-%d} regime {' '.join(words)}: exit code {code}, not {wanted}: "
            f"{noted[-1000:]}"
        )


def ask_mlflow(address: str, seen: Seen, stop: threading.Event) -> None:
    """What the UI asks for, again and again: experiments, their newest runs, the champion."""
    with httpx.Client(base_url=f"{address}/api/2.0/mlflow", timeout=60) as asked:
        while not stop.wait(BETWEEN_QUESTIONS):
            began = time.monotonic()
            try:
                found = asked.post("/experiments/search", json={"max_results": 100})
                ids = [
                    one["experiment_id"] for one in found.raise_for_status().json()["experiments"]
                ]
                wanted = {"experiment_ids": ids, "max_results": 50}
                asked.post("/runs/search", json=wanted).raise_for_status()
                asked.get("/registered-models/search").raise_for_status()
            except (httpx.HTTPError, ValueError, KeyError) as error:
                seen.faults.append(f"MLflow: {error!r}"[:500])
            seen.questions += 1
            seen.slowest_answer = max(seen.slowest_answer, time.monotonic() - began)


def browse(address: str, ui: str, seen: Seen, stop: threading.Event) -> None:
    """Two people, one at a desk and one with a phone, on every page in turn."""
    with chromium() as browser:
        contexts = [
            browser.new_context(viewport={"width": width, "height": height})
            for width, height in WIDTHS.values()
        ]
        tabs = [context.new_page() for context in contexts]
        for tab in tabs:
            tab.set_default_timeout(1000 * PATIENCE)
            tab.on("pageerror", lambda error: seen.faults.append(f"in a page: {error}"[:500]))
            tab.on("response", lambda answer: _note_answer(answer, seen))
        for tab, name in zip(cycle(tabs), cycle(PAGES), strict=False):
            if stop.is_set():
                break
            try:
                tab.goto(address if name == "today" else f"{address}/{name}")
                settle(tab, PATIENCE)
                broken = tab.locator("[data-testid=stException]")
                if broken.count():
                    seen.faults.append(f"{name}: {broken.first.inner_text()[:500]}")
            except Exception as error:  # noqa: BLE001 - a fault of any kind is what is looked for
                seen.faults.append(f"{name}: {type(error).__name__}: {error}"[:500])
            seen.pages[name] += 1
            if sum(seen.pages.values()) % 25 == 0:
                with suppress(Exception):  # its answers are what is counted
                    tabs[0].goto(ui)
                    tabs[0].wait_for_timeout(3000)
        newest = max(seen.days)
        try:
            tabs[0].goto(address)
            text_of(tabs[0], f"{newest.day} {newest:%B %Y}", seconds=PATIENCE)
        except AssertionError:
            seen.faults.append(f"Today does not show the newest day, {newest:%Y-%m-%d}")


def _note_answer(answer: Any, seen: Seen) -> None:
    if answer.status >= 500:
        seen.faults.append(f"{answer.url}: {answer.status}")


def megabytes(launcher: subprocess.Popen[str]) -> float:
    """Resident memory of a server and its workers, without what only launched it."""
    total = 0
    for child in psutil.Process(launcher.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += child.memory_info().rss
    return total / 1e6


def soak(
    minutes: float, home: Path, run: Run, *, with_browser: bool, interval: float = 60.0,
    note: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Live for so long; what was measured, and under `faults` what did not hold.

    Parameters
    ----------
    home : a folder where a model is in service on the first day
    interval : seconds between two samples
    """
    seen, settings, samples = Seen(), Settings(home=home), []
    sessions = trading_days(BEGIN, END)
    ended, done = threading.Event(), threading.Event()
    servers = Servers()
    with ExitStack() as stack:
        stack.callback(servers.close)
        ui = servers.start("ui", home)
        run_day = iter(enumerate(sessions))
        live(run, seen, run_day, lambda: True)  # so that there is something to look at
        app = servers.start("app", home, REGIME_MLFLOW_UI=ui)
        tasks = [
            lambda: live(run, seen, run_day, ended.is_set),
            lambda: ask_mlflow(ui, seen, done),
        ]
        if with_browser:
            tasks.append(lambda: browse(app, ui, seen, done))
        threads = [threading.Thread(target=_noting(task, seen), daemon=True) for task in tasks]
        stack.callback(done.set)
        began = time.monotonic()
        for thread in threads:
            thread.start()
        while (left := began + 60 * minutes - time.monotonic()) > 0:
            time.sleep(min(interval, left))
            samples.append(_sample((time.monotonic() - began) / 60, servers, seen))
            note(_words(samples[-1]))
        ended.set()
        threads[0].join(600)
        done.set()
        for thread in threads[1:]:
            thread.join(120)
        seen.faults += [
            f"a server ended with {process.returncode}"
            for process in servers.running
            if process.poll() is not None
        ]
        if any(thread.is_alive() for thread in threads):
            seen.faults.append("a thread did not end")
    seen.faults += faults_in(sorted((home / "logs").iterdir()))
    return _verdict(settings, seen, samples)


def _noting(task: Callable[[], None], seen: Seen) -> Callable[[], None]:
    def noting() -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - a thread would end without a word
            seen.faults.append(f"{type(error).__name__}: {error}"[:1000])

    return noting


def _sample(minute: float, servers: Servers, seen: Seen) -> dict[str, float]:
    ui, app = (megabytes(process) for process in servers.running)
    return {
        "minute": minute, "app_mb": app, "mlflow_mb": ui, "days": len(seen.days),
        "pages": sum(seen.pages.values()), "questions": seen.questions,
        "faults": len(seen.faults),
    }  # fmt: skip


def _words(sample: dict[str, float]) -> str:
    return (
        f"{sample['minute']:6.1f} {sample['app_mb']:8.1f} {sample['mlflow_mb']:8.1f} "
        f"{sample['days']:6} {sample['pages']:6} {sample['questions']:9} {sample['faults']:6}"
    )


def _verdict(settings: Settings, seen: Seen, samples: list[dict[str, float]]) -> dict[str, Any]:
    due = pd.DatetimeIndex(seen.days)
    ledgers = {
        "ledger": Ledger(ObservationStore(settings.store)).read(newest_only=False),
        "app": load_published(settings)["ledger"],
    }
    for where, rows in ledgers.items():
        champion = rows[rows["role"] == "champion"]
        wrong = wrongly_published(champion, due, HORIZONS)
        seen.faults += [f"{where}: {one}" for one in wrong]
    memory = {}
    for name in ("app", "mlflow"):
        used = [sample[f"{name}_mb"] for sample in samples]
        grown = growth([sample["minute"] for sample in samples], used)
        memory[name] = asdict(grown) | {"flat": grown.flat}
        if not grown.flat:
            seen.faults.append(f"memory of {name} grew: {grown}")
    return {
        "minutes": samples[-1]["minute"],
        "days_published": len(seen.days),
        "seconds_a_day": sum(seen.seconds) / len(seen.seconds),
        "exit_codes": dict(seen.codes),
        "pages": dict(seen.pages),
        "questions": seen.questions,
        "slowest_answer": seen.slowest_answer,
        "memory": memory,
        "faults": seen.faults,
        "samples": samples,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("minutes", type=float, nargs="?", default=30.0)
    parser.add_argument("--json", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regime-soak-") as folder:
        home = Path(folder) / "home"
        run = by_command(home)
        settled_in(home, run)
        print("minute   app MB   MLflow   days  pages questions faults", flush=True)
        found = soak(
            chosen.minutes, home, run, with_browser=True,
            interval=min(60.0, 3 * chosen.minutes), note=lambda line: print(line, flush=True),
        )  # fmt: skip
    write(chosen.json, {"commit": commit(), "machine": machine()} | found)
    for name, grown in found["memory"].items():
        print(
            f"{name}: {grown['begin']:.0f} MB in the middle, {grown['end']:.0f} MB at the end, "
            f"{grown['per_hour']:+.1f} MB an hour: {'flat' if grown['flat'] else 'GROWS'}"
        )
    print(f"{found['days_published']} days; exit codes {found['exit_codes']}")
    for fault in found["faults"]:
        print(f"FAULT {fault}")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())

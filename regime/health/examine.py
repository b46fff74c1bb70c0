"""One look at a whole installation: what is well, what is not, and what to do next.

A check that breaks becomes a check that says so: nothing here raises. Packages are imported
by the checks that need them, so that a broken one costs only those.
"""

import multiprocessing
import os
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from regime.health.checks import Check, State, attempt, without_password, worst

if TYPE_CHECKING:
    import pandas as pd

    from regime.health.data import Stored
    from regime.health.machine import Probes
    from regime.health.model import Champion
    from regime.settings import Settings

PATIENCE = 45.0  # seconds until a check of the model counts as hung


@dataclass(frozen=True, slots=True)
class Health:
    """What a look at an installation found.

    Attributes
    ----------
    checked_at : datetime with a time zone
    series : DataFrame of `regime.data.checks.freshness`, with `counts`: "required" by the baskets,
        "read" by the model, or nothing; None where the store could not be read
    """

    checked_at: datetime
    checks: tuple[Check, ...]
    series: "pd.DataFrame | None"

    @property
    def state(self) -> State:
        """The worst of the checks."""
        return worst(check.state for check in self.checks)


def examine(
    settings: "Settings",
    now: datetime,
    *,
    offline: bool = False,
    thorough: bool = False,
) -> Health:
    """Look at everything; creates nothing and changes nothing.

    Parameters
    ----------
    now : datetime with a time zone
    offline : bool
        Ask no source for the time or for a sign of life.
    thorough : bool
        Read every page and row of the store, and date every stored series.
    """
    apart = _Apart(settings, now)  # takes longest, so begins first

    import pandas as pd

    look = _Look(settings, pd.Timestamp(now).tz_convert("UTC"), thorough)
    checks = [] if offline else attempt("network", look.begin)
    checks += attempt("home", look.home)
    checks += attempt("store", look.store)
    of_model, look.champion = apart.said()
    checks += attempt("freshness", look.freshness)
    checks += attempt("quarantine", look.quarantine)
    checks += of_model
    checks += attempt("clock", look.clock)
    checks += attempt("network", look.network)
    checks += attempt("environment", look.environment)
    shown = (replace(one, words=without_password(one.words)) for one in checks)
    return Health(now, tuple(shown), look.series)


@dataclass(slots=True)
class _Look:
    """What is seen on the way, for the checks that come later."""

    settings: "Settings"
    now: "pd.Timestamp"
    thorough: bool
    probes: "Probes | None" = None
    stored: "Stored | None" = None
    champion: "Champion | None" = None
    series: "pd.DataFrame | None" = None

    def begin(self) -> list[Check]:
        from regime.health.machine import Probes

        self.probes = Probes(self.settings)
        return []

    def home(self) -> list[Check]:
        from regime.health.machine import look_at_home

        return look_at_home(self.settings)

    def store(self) -> list[Check]:
        from regime.health.data import look_at_store

        checks, self.stored = look_at_store(self.settings, self.now, thorough=self.thorough)
        return checks

    def freshness(self) -> list[Check]:
        from regime.health.data import look_at_freshness

        if self.stored is None:
            return []
        checks, self.series = look_at_freshness(
            self.stored, self.champion, self.now, everything=self.thorough
        )
        return checks

    def quarantine(self) -> list[Check]:
        from regime.health.data import look_at_quarantine

        return [] if self.stored is None else look_at_quarantine(self.stored, self.now)

    def clock(self) -> list[Check]:
        from regime.health.machine import look_at_clock

        fetched_at = None if self.stored is None else self.stored.fetched_at
        return look_at_clock(self.now, fetched_at, self.probes)

    def network(self) -> list[Check]:
        from regime.health.machine import look_at_network

        return [] if self.probes is None else look_at_network(self.probes)

    def environment(self) -> list[Check]:
        from regime.health.machine import look_at_environment

        return look_at_environment()


class _Apart:
    """The checks of the model in a process of its own: slow to import, and it may hang."""

    def __init__(self, settings: "Settings", now: datetime) -> None:
        context = multiprocessing.get_context("spawn")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_tell, args=(sender, settings, now), daemon=True)
        self._failed = attempt("model", self._start)
        sender.close()

    def _start(self) -> list[Check]:
        self._process.start()
        return []

    def said(self) -> "tuple[list[Check], Champion | None]":
        """What it found, at the latest after `PATIENCE`."""
        if self._failed:
            return self._failed, None
        try:
            if self._receiver.poll(PATIENCE):
                checks, champion = self._receiver.recv()
                return checks, champion
            words = f"Looking at the model took longer than {PATIENCE:g} seconds."
        except EOFError:
            self._process.join()
            words = f"Looking at the model ended with exit code {self._process.exitcode}."
        finally:
            self._process.kill()
            self._process.join()
        advice = "Run `regime score --debug`, which loads it too, and look at what it prints."
        return [Check("model", State.UNKNOWN, words, advice)], None


def _tell(sender: Connection, settings: "Settings", now: datetime) -> None:
    """Look at the model, and send what was found; the main of a process."""
    os.dup2(2, 1)  # the output of the command is one object, whatever MLflow prints
    champion: list[Champion] = []

    def look() -> list[Check]:
        from regime.health.model import look_at_model

        checks, found = look_at_model(settings, now)
        champion.extend([found] if found else [])
        return checks

    checks = attempt("model", look)
    sender.send((checks, champion[0] if champion else None))

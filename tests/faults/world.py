"""A home in which a service lives through faults, and what of its rows outlived them."""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from commands import Commands, Done

from regime.data.calendar import trading_days

SMALL = """
# Does anything get lost?
baskets = ["funds"]
labels = { horizons = [0, 21] }
training = { every = 3 }
evaluation = { first_test = { funds = 2012-03-01 }, refit_every = 252 }
model = { kind = "filter" }
"""
BEGIN = pd.Timestamp("2012-06-29")
ALONE = ("--jobs", "1")
RUN = ("run", "--source", "demo", "--retrain", "never", *ALONE)
_OBSERVATIONS = """
    SELECT series.name, period, known_at, value, source.name, fetched_at, seen_at
    FROM observation JOIN series ON series.id = series JOIN source ON source.id = source
"""


def rows_of(store: Path) -> Counter:
    """Every row of observations and ledger in a SQLite store; what is there is left as it is."""
    if not store.exists():
        return Counter()
    with TemporaryDirectory() as folder:  # a reader would tidy up what a killed writer left
        for ending in ("", "-wal"):
            file = store.with_name(store.name + ending)
            if file.exists():
                shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / store.name)) as database:
            there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            found = Counter(database.execute(_OBSERVATIONS)) if "series" in there else Counter()
            if "ledger" in there:
                found.update(("ledger", *row) for row in database.execute("SELECT * FROM ledger"))
    return found


class World:
    """A home, its commands, and the rows that were ever seen committed in it.

    Attributes
    ----------
    lost : rows that were there once and were gone or changed later, and days never published
    """

    def __init__(self, home: Path, commands: Commands) -> None:
        self.home, self.commands = home, commands
        self.store = home / "observations.db"
        self.seen, self.lost, self.day = rows_of(self.store), 0, BEGIN

    def regime(self, *words: object, day: pd.Timestamp | None = None, **more) -> Done:
        """Run a command at the end of a day, or at `REGIME_NOW`; a traceback is no answer."""
        done = self.commands.run(*words, **self.environment(day) | more)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def environment(self, day: pd.Timestamp | None = None) -> dict[str, str]:
        """What a command of this home is told."""
        now = f"{self.day if day is None else day:%Y-%m-%d}T23:30:00-05:00"
        return {"REGIME_HOME": str(self.home), "REGIME_NOW": now, "COLUMNS": "100"}

    def next_day(self) -> pd.Timestamp:
        """Another session has closed."""
        self.day = trading_days(self.day, self.day + pd.Timedelta(days=9))[1]
        return self.day

    def look(self) -> None:
        """Count what is gone or changed since the last look."""
        now = rows_of(self.store)
        self.lost += (self.seen - now).total()
        self.seen = now

    def ledger(self) -> list[tuple]:
        """Rows of the ledger, by number."""
        return sorted(row[1:] for row in rows_of(self.store) if row[0] == "ledger")

    def days(self) -> list[pd.Timestamp]:
        """Published days, each as often as there are horizons."""
        return [pd.Timestamp(row[1], unit="D") for row in self.ledger()]

    def made_good(self, *, verify: bool = True) -> Done:
        """Run the day again: nothing is lost since, and every day is there once and whole."""
        self.look()
        done = self.regime(*RUN)
        assert done.returncode == 0, done.stderr
        self.look()
        published = Counter(self.days())
        self.lost += sum(day not in published for day in trading_days(BEGIN, self.day))
        assert set(published.values()) == {2}, "one row for each horizon of a day"
        if verify:
            self.verified()
        return done

    def verified(self) -> None:
        """The hashes, the anchors and the pages of the store are sound."""
        for what in ("ledger", "store"):
            done = self.regime(what, "verify")
            assert done.returncode == 0, done.stdout + done.stderr


def told(done: Done, *, killed: bool = False) -> bool:
    """Whether a command did its work; else it says so in one line that names the remedy.

    Parameters
    ----------
    killed : a signal may have ended it
    """
    if done.returncode == 0:
        return True
    if done.returncode < 0:
        assert killed, (done.returncode, done.stderr)
        return False
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "error: " in done.stderr, done.stderr
    assert "This should not happen" not in done.stderr, done.stderr
    return False

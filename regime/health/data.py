"""How the store is: reachable, sound, writable, as new as its publishers promise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from regime.data import baskets as basket_sets
from regime.data.baskets import BASKET_SETS
from regime.data.catalog import CATALOG, MODELLED
from regime.data.checks.freshness import Age, dated_by_closes, freshness
from regime.data.database.base import Database
from regime.data.database.integrity import faults
from regime.data.database.schema_version import NEWEST
from regime.data.database.sqlite import SqliteFile
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.health.checks import Check, State
from regime.settings import Settings

if TYPE_CHECKING:
    from regime.health.model import Champion

_QUICK = 256 * 1024**2  # bytes of a file whose pages are read in about a second
_HELD_LONG = pd.Timedelta(minutes=30)  # longer than any fetch
_NEWS = pd.Timedelta(days=14)  # older doubts have been seen, and may stay for good
_MOST = 4  # names in a sentence
_REQUIRED, _READ = "required", "read"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored, as far as its health goes.

    Attributes
    ----------
    newest : the newest period of each series
    fetched_at : the newest fetch (UTC); None before the first
    """

    newest: Mapping[str, pd.Timestamp]
    simulated: bool
    fetched_at: pd.Timestamp | None
    quarantined: pd.DataFrame

    @property
    def refill(self) -> str:
        """The command that brings what is newer."""
        return f"`regime fetch --source {'demo' if self.simulated else 'live'}`"


def look_at_store(
    settings: Settings, now: pd.Timestamp, *, thorough: bool = False
) -> tuple[list[Check], Stored | None]:
    """Whether the store can be read and trusted, and written; and what is in it.

    Nothing is created. Reads every page of a SQLite file of up to 256 MB; with `thorough`
    all pages and rows of any store. None in place of what is stored where there is nothing,
    or nothing that can be read.
    """
    settings.check_home()
    store = ObservationStore(settings.store)
    version = store.schema_version()
    if version is None or (version == NEWEST and store.is_empty()):
        return [_empty(settings, store)], None
    if version == NEWEST and (found := _unsound(store.database, thorough=thorough)):
        words = f"The store {store.database} is not sound: {_few(found, '; ')}"
        advice = (
            "`regime store verify` lists all of it. Move the store away, then bring a backup "
            "back with `regime store import`, or fetch again."
        )
        return [Check("store", State.FAULT, words, advice)], None
    spans, fetches = store.spans(), store.fetches()  # a StoreError where the tables are old
    stored = Stored(
        newest={name: newest for name, (_, newest) in spans.items()},
        simulated=store.is_simulated(),
        fetched_at=None if fetches.empty else fetches["fetched_at"].max(),
        quarantined=store.quarantined(),
    )
    kind = "SQLite" if store.database.dialect == "sqlite" else "PostgreSQL"
    fetched = "never" if stored.fetched_at is None else f"{stored.fetched_at:%Y-%m-%d %H:%M} UTC"
    words = (
        f"{kind} {store.database}, version {version}: {len(spans)} series, last fetched {fetched}"
        f"{'; a SIMULATED market, no real prices' if stored.simulated else ''}."
    )
    return [Check("store", State.OK, words), _writing(store.database, now)], stored


def _empty(settings: Settings, store: ObservationStore) -> Check:
    demo = settings.for_demo()
    beside = ""
    if demo.home.is_dir():
        beside = f" The demo has a home of its own: set REGIME_HOME={demo.home} to look at it."
    return Check(
        "store",
        State.WARNING,
        f"Nothing is stored yet in {store.database}.{beside}",
        "Run `regime fetch --source live`, `regime fetch --source files --path DIR`, or "
        "`regime demo`; or set REGIME_HOME to the folder that was meant.",
    )


def _unsound(database: Database, *, thorough: bool) -> list[str]:
    if thorough:
        return faults(database)
    if database.dialect != "sqlite" or database.size() > _QUICK:
        return []
    with database.transaction() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(3)").scalars().all()
    return [" ".join(line.split()) for line in found if line != "ok"]


def _writing(database: Database, now: pd.Timestamp) -> Check:
    """Whether a fetch could write; takes the writer's lock for a moment, and writes nothing."""
    held = _held_since(database)
    try:
        with database.sole_writer(patience=0.5), database.transaction(write=True) as connection:
            refusal = _refusal(connection, database)
    except StoreError as error:
        if "Another process" not in str(error):
            return Check("writing", State.FAULT, str(error))
        if held is None or now - held < _HELD_LONG:
            words = "Another process is writing to the store just now, as a fetch does."
            return Check("writing", State.OK, words)
        minutes = (now - held) // pd.Timedelta(minutes=1)
        words = f"Another process has held the lock of the store for {minutes:,} minutes."
        advice = (
            f"See what it does, and end it if it hangs: its number is in {database}.lock."
            if database.dialect == "sqlite"
            else "See what it does, and end it if it hangs: pg_stat_activity lists it."
        )
        return Check("writing", State.WARNING, words, advice)
    if refusal:
        return Check("writing", State.FAULT, f"The store {database} {refusal}")
    return Check("writing", State.OK, "The store can be written, and nobody holds its lock.")


def _held_since(database: Database) -> pd.Timestamp | None:
    """When the lock was taken last; None if there is no telling."""
    if isinstance(database, SqliteFile):
        try:  # its holder writes its number into it
            lock = database.path.with_name(f"{database.path.name}.lock")
            return pd.Timestamp(datetime.fromtimestamp(lock.stat().st_mtime, UTC))
        except OSError:
            return None
    with database.transaction() as connection:
        begun = connection.exec_driver_sql(
            "SELECT min(a.backend_start) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()"
        ).scalar_one()
    return None if begun is None else pd.Timestamp(begun).tz_convert("UTC")


def _refusal(connection: sa.Connection, database: Database) -> str | None:
    if database.dialect == "sqlite":
        return None  # its transaction would not have begun
    if connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on":
        return "is read-only: this server takes no writes. Use the one that does."
    if not connection.exec_driver_sql(
        "SELECT has_table_privilege('observation', 'INSERT')"
    ).scalar_one():
        return "may not be written by this user. Grant it INSERT on the tables."
    return None


def look_at_quarantine(stored: Stored, now: pd.Timestamp) -> list[Check]:
    """How many values wait for a word of somebody; news of the last two weeks are a warning."""
    waiting = stored.quarantined
    if waiting.empty:
        return [Check("quarantine", State.OK, "No value is in quarantine.")]
    newest = waiting.iloc[-1]
    many = f"{len(waiting):,} values wait" if len(waiting) > 1 else "1 value waits"
    words = f"{many} in quarantine, the newest since {newest['fetched_at']:%Y-%m-%d}: "
    news = now - newest["fetched_at"] <= _NEWS
    advice = (
        "Look it up at the publisher: `regime store quarantine` lists all of them, "
        "`regime store accept` takes one as right."
    )
    state = State.WARNING if news else State.OK
    return [Check("quarantine", state, words + str(newest["reason"]), advice if news else "")]


def look_at_freshness(
    stored: Stored, champion: "Champion | None", now: pd.Timestamp, *, everything: bool = False
) -> tuple[list[Check], pd.DataFrame]:
    """Whether what the model in service needs is as new as it should be.

    A series of its baskets that is not is a fault: days without it have no probabilities. One
    behind a feature that it counts on is a warning: the filter speaks for it. Without a
    model, the basket set that stands best is asked for, and whatever models may see.

    Returns
    -------
    checks, and the DataFrame of `regime.data.checks.freshness` with `counts`
        Series that models may see, with `everything` all that are stored or needed.
    """
    newest = dated_by_closes(stored.newest)
    if champion is not None:
        baskets, read = champion.baskets, set(champion.reads)
    else:
        baskets, read = _best_baskets(newest, now), {*MODELLED} & {*newest}
    required = basket_sets.get(baskets).series
    shown = [name for name in CATALOG if name in newest and (everything or name in MODELLED)]
    names = dict.fromkeys([*required, *sorted(read), *shown])
    table = freshness({name: newest.get(name) for name in names}, now)
    counts = {**dict.fromkeys(read, _READ), **dict.fromkeys(required, _REQUIRED)}
    table["counts"] = table["series"].map(counts).astype("object").where(lambda one: one.notna())
    behind = table[table["state"] != Age.FRESH]
    late = {kind: behind[behind["counts"] == kind] for kind in (_REQUIRED, _READ)}
    parts = [f"{words}: {_few(_told(late[kind]), '; ')}" for kind, words in (
        (_REQUIRED, f"The {baskets} baskets lack what is due"),
        (_READ, "Models read series that lack what is due"),
    ) if len(late[kind])]  # fmt: skip
    advice = f"Run {stored.refill}; where the series comes from files, fetch newer ones."
    if champion is not None and champion.simulated != stored.simulated:
        kinds = ("market data", "a SIMULATED market")
        parts.append(
            f"The model in service was trained on {kinds[champion.simulated]}, but the store holds "
            f"{kinds[stored.simulated]}."
        )
        advice = "Run `regime retrain` and `regime promote` on this store, or set REGIME_HOME."
    if len(late[_REQUIRED]):
        return [Check("freshness", State.FAULT, " ".join(parts), advice)], table
    if parts:
        return [Check("freshness", State.WARNING, " ".join(parts), advice)], table
    last = table.loc[table["counts"] == _REQUIRED, "newest_period"].min()
    words = (
        f"The {baskets} baskets reach {last:%Y-%m-%d}, and all of the {len(counts)} series that "
        f"count are as new as they are published."
    )
    return [Check("freshness", State.OK, words)], table


def _best_baskets(newest: Mapping[str, pd.Timestamp], now: pd.Timestamp) -> str:
    def lacking(name: str) -> int:
        series = BASKET_SETS[name].series
        states = freshness({one: newest.get(one) for one in series}, now)["state"]
        return 100 * int((states == Age.MISSING).sum()) + int((states == Age.LATE).sum())

    return min(BASKET_SETS, key=lacking)


def _told(rows: pd.DataFrame) -> list[str]:
    told = []
    for name, newest, expected in zip(
        rows["series"], rows["newest_period"], rows["expected_period"], strict=True
    ):
        last = "has nothing" if pd.isna(newest) else f"ends on {newest:%Y-%m-%d}"
        due = "" if pd.isna(expected) else f", {expected:%Y-%m-%d} is due"
        told.append(f"{name} {last}{due}")
    return told


def _few(lines: Sequence[str] | Iterable[str], separator: str) -> str:
    lines = [line.rstrip(".") for line in lines]
    rest = f"{separator}and {len(lines) - _MOST} more" if len(lines) > _MOST else ""
    return f"{separator.join(lines[:_MOST])}{rest}."

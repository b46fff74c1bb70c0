"""Dated events: notes that a user draws over history, never a feature of a model."""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout
from pandas.api.typing import NaTType

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.results import write_text

FILE = "events.csv"
COLUMNS = ["date", "title"]
MOST, LONGEST = 500, 80  # events, and characters of a title
FIRST, LAST = pd.Timestamp("1900-01-01"), pd.Timestamp("2100-12-31")
ISO_DATE = r"^(19\d\d|20\d\d|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"  # first to last
_PATIENCE = 5.0  # seconds that another session's saving is waited for

KNOWN = (
    ("1929-10-29", "Black Tuesday"),
    ("1933-03-06", "The bank holiday begins"),
    ("1941-12-08", "First session after Pearl Harbor"),
    ("1962-05-28", "The slide of 1962: the S&P 500 falls 7%"),
    ("1963-11-22", "President Kennedy is shot"),
    ("1971-08-15", "The dollar leaves gold"),
    ("1973-10-17", "Arab oil producers announce cuts"),
    ("1979-10-06", "Volcker's Fed turns on inflation"),
    ("1982-08-12", "The Dow closes at the low of the bear market"),
    ("1987-10-19", "Black Monday"),
    ("1990-08-02", "Iraq invades Kuwait"),
    ("1994-02-04", "The Fed begins to raise rates"),
    ("1998-09-23", "LTCM is rescued"),
    ("2000-03-10", "The Nasdaq closes at its peak"),
    ("2001-09-11", "Attacks of 11 September"),
    ("2002-10-09", "The S&P 500 closes at its low"),
    ("2007-08-09", "BNP Paribas freezes three funds"),
    ("2008-09-15", "Lehman Brothers files for bankruptcy"),
    ("2009-03-09", "The S&P 500 closes at its low"),
    ("2010-05-06", "Flash crash"),
    ("2011-08-05", "S&P takes the US down to AA+"),
    ("2013-05-22", "Bernanke speaks of tapering"),
    ("2015-08-24", "China fears: the S&P 500 falls 4%"),
    ("2016-06-24", "The UK has voted to leave the EU"),
    ("2016-11-08", "Presidential election: Trump"),
    ("2018-02-05", "Volatility funds collapse"),
    ("2018-12-24", "The S&P 500 closes at its low"),
    ("2020-02-19", "The S&P 500 closes at its peak before the pandemic"),
    ("2020-03-23", "The S&P 500 closes at its low"),
    ("2020-11-09", "Vaccine news: Pfizer and BioNTech"),
    ("2022-01-03", "The S&P 500 closes at its peak"),
    ("2022-03-16", "The Fed begins to raise rates"),
    ("2022-11-30", "ChatGPT is released"),
    ("2023-03-10", "Silicon Valley Bank fails"),
    ("2023-05-24", "Nvidia's outlook: the AI rally"),
    ("2024-07-11", "June CPI report: rotation into small caps"),
    ("2024-08-05", "Carry trades unwind: the S&P 500 falls 3%"),
    ("2024-11-05", "Presidential election: Trump"),
)


@dataclass(frozen=True, slots=True)
class Events:
    """A list of events, and what it was when it was read.

    Attributes
    ----------
    table : DataFrame with `date` and `title`, by date
    version : names the file's content; "" where there was none
    """

    table: pd.DataFrame
    version: str


def load_events(settings: Settings, *, simulated: bool) -> Events:
    """The user's list; where there is none yet, well-known dates of the real market.

    Parameters
    ----------
    simulated : a simulated market begins with none, as nothing of the world moved it

    Raises
    ------
    StoreError
        If the file is there and is no such list; it says which line.
    """
    path = settings.home / FILE
    found = _content(path)
    if found is None:
        return Events(checked(() if simulated else KNOWN), "")
    try:
        lines = list(csv.reader(io.StringIO(found.decode("utf-8-sig")), strict=True))
        if not lines or [name.strip() for name in lines[0]] != COLUMNS:
            raise StoreError(f"its first line is to be {','.join(COLUMNS)}.")
        if wrong := [at for at, line in enumerate(lines[1:], 1) if line and len(line) != 2]:
            raise StoreError(f"event {wrong[0]} is not a date and a title.")
        return Events(checked((line[0], line[1]) for line in lines[1:] if line), _named(found))
    except (StoreError, ValueError, csv.Error) as error:
        raise StoreError(
            f"The events in {path} cannot be read: {error} Mend the file, or move it away."
        ) from error


def save_events(settings: Settings, rows: pd.DataFrame, *, read: str) -> Events:
    """Keep a list in place of the one that was read; whole, or not at all.

    Parameters
    ----------
    rows : DataFrame with `date` and `title`; rows that are empty are left out
    read : the `version` of the list that was edited

    Raises
    ------
    StoreError
        If a date or a title is none, or the file was changed since it was read: nothing of
        either is lost.
    """
    told = rows[COLUMNS].astype(object)
    table = checked(one for one in told.itertuples(index=False) if not all(map(_empty, one)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(table["date"].dt.strftime("%Y-%m-%d"), table["title"], strict=True))
    path = settings.home / FILE
    settings.make_home()
    try:
        with FileLock(f"{path}.lock", timeout=_PATIENCE):
            found = _content(path)
            if (_named(found) if found is not None else "") != read:
                raise StoreError(
                    "The events were changed by somebody else since you read them, so nothing was "
                    "saved. Copy what you wrote, read them again, and add it to theirs."
                )
            write_text(path, text.getvalue(), "list of events")
    except Timeout:
        raise StoreError(
            f"Somebody else is saving events in {path}. Nothing was saved; try again."
        ) from None
    except OSError as error:
        raise StoreError(
            f"The events could not be saved to {path}: {error.strerror or error}. Set REGIME_HOME "
            f"to a folder you may write to."
        ) from error
    return Events(table, _named(text.getvalue().encode()))


def saved_words(kept: int, empty: int) -> str:
    """What became of a list that was saved, and of its empty lines."""
    said = f"Saved: {kept:,} event{'' if kept == 1 else 's'}."
    lines = "line was" if empty == 1 else "lines were"
    return f"{said} {empty:,} empty {lines} left out." if empty else said


def checked(rows: Iterable[tuple[object, object]]) -> pd.DataFrame:
    """Events by date, each with a real date and a title that can be read.

    Raises
    ------
    StoreError
        Naming the first that is not one, by its place in the list.
    """
    told = list(rows)
    if len(told) > MOST:
        raise StoreError(f"There is room for {MOST} events, and these are {len(told)}. Drop some.")
    days = [_day(place, one[0]) for place, one in enumerate(told, 1)]
    titles = [_title(place, one[1]) for place, one in enumerate(told, 1)]
    table = pd.DataFrame(
        {
            "date": pd.Series(days, dtype="datetime64[us]"),
            "title": pd.Series(titles, dtype=object),
        }
    )
    return table.sort_values("date", kind="stable", ignore_index=True)


def _day(place: int, told: object) -> pd.Timestamp:
    day: pd.Timestamp | NaTType
    if isinstance(told, (date, datetime)) and not _empty(told):
        day = pd.Timestamp(told).normalize().tz_localize(None)
    else:
        day = pd.to_datetime(str(told).strip(), format="%Y-%m-%d", errors="coerce")
    if pd.isna(day) or not FIRST <= day <= LAST:
        found = "none" if _empty(told) else repr(str(told)[:LONGEST])
        raise StoreError(
            f"Event {place} needs a date from {FIRST.year} to {LAST.year}, as 2020-11-09, and "
            f"has {found}. Mend it."
        )
    return pd.Timestamp(day)


def _title(place: int, told: object) -> str:
    title = "" if _empty(told) else str(told).strip()
    if not title or len(title) > LONGEST:
        raise StoreError(
            f"Event {place} needs a title of 1 to {LONGEST} characters, and has {len(title)}. "
            "Mend it."
        )
    # Also what turns the order of letters round, or shows nothing at all.
    if any(unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in title):
        raise StoreError(
            f"Event {place} has a control character in its title, {title!a}. Type it anew."
        )
    return title


def _empty(told: object) -> bool:
    return told is None or told is pd.NaT or told != told or not str(told).strip()


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"The events in {path} cannot be read: {error.strerror or error}. Mend its rights."
        ) from error


def _named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

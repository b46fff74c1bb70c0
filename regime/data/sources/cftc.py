"""Traders in Financial Futures, futures only, of the CFTC, weekly since June 2006.

One zip archive for 2006 to 2016 and one for each year since, which grows with each report.
Each holds a table as CSV: a row for each contract and report, columns by name. Of a hundred
columns these are read:

    CFTC_Contract_Market_Code, Report_Date_as_YYYY-MM-DD, Open_Interest_All,
    Lev_Money_Positions_Long_All, Lev_Money_Positions_Short_All, and so for Asset_Mgr

Older archives call the date Report_Date_as_MM_DD_YYYY, and write it 2015-03-24 or
3/24/2015 12:00:00 AM, whatever they call it. The first fetch asks for all archives, later
ones for the years from the newest stored report on.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from regime.data import catalog
from regime.data.calendar import new_york_day
from regime.data.declared.cftc import LATE, POSITIONS, SERIES, Position
from regime.data.observations import from_values, gather, period_ends
from regime.data.sources.live import AGAIN, Http, Job, Request, Source
from regime.data.sources.zips import only_member
from regime.exceptions import SourceError

NAME = "cftc"
HOST = "www.cftc.gov"
FOLDER = "/files/dea/history/"
HISTORY, FIRST_YEAR, LAST_OF_HISTORY = "fin_fut_txt_2006_2016.zip", 2006, 2016
YEARLY = "fut_fin_txt_{}.zip"

_CODE, _DATE, _OPEN = "CFTC_Contract_Market_Code", "Report_Date_as_", "Open_Interest_All"
_DATES = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
    r"|(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})(?: 12:00:00 AM)?",
    re.ASCII,
)
_DIGITS = 12  # of a number of contracts, at most
MOST_LINES = 500_000  # ten times those of the longest archive
_DATE_PARTS = ("year", "month", "day")
_TO_PERIOD = pd.Timedelta(days=6)  # at most, from a report's day to the Friday of its week

_Report = dict[str, int]  # a count of contracts by column
_Reports = dict[str, dict[pd.Timestamp, _Report]]  # by contract and day


def jobs(request: Request) -> list[Job]:
    """One job for all archives: with one of them missing, a later fetch would leave a gap."""
    return [Job("positions", partial(_run, request=request))]


def _run(http: Http, *, request: Request) -> pd.DataFrame:
    parts = []
    for archive in archives(request):
        content = http.get(f"https://{HOST}{FOLDER}{archive}", kind="zip")
        parts.append(parse(content, archive, now=request.now))
    found = gather(parts)
    return found if request.since is None else found[found["period"] >= request.since]


def archives(request: Request) -> list[str]:
    """Names of the archives that hold what is wanted, oldest first.

    All of them unless every series is stored. This year's only once its first report is out
    for sure: in the first days of January there is none.
    """
    first = FIRST_YEAR
    stored = [request.newest.get(one.id) for one in SERIES]
    known = [newest for newest in stored if newest is not None]
    if request.since is not None:
        first = (request.since - _TO_PERIOD).year
    elif len(known) == len(stored):
        first = (min(known) - _TO_PERIOD).year
    out = new_york_day(request.now) - pd.Timedelta(days=SERIES[0].lag + 1)
    tuesday = out - pd.Timedelta(days=(out.day_of_week - 4) % 7 + 3)  # of the last Friday by then
    years = range(max(first, LAST_OF_HISTORY + 1), tuesday.year + 1)
    return [HISTORY] * (first <= LAST_OF_HISTORY) + [YEARLY.format(year) for year in years]


def parse(content: bytes, archive: str, *, now: pd.Timestamp) -> pd.DataFrame:
    """Observations in one archive.

    Parameters
    ----------
    archive : its name, for messages
    now : Timestamp (UTC)

    Returns
    -------
    DataFrame with the columns of `regime.data.observations`: every series of
    `regime.data.declared.cftc`. A week that is not over in New York is left out.

    Raises
    ------
    SourceError
        If it is no whole archive of one table, a column or a contract is not there, a row is
        cut short, a count is no number, or a report is there twice or is of the future; in
        words that name the archive and the line.
    """
    try:
        member = only_member(content, suffix=".txt")
    except SourceError as error:
        raise SourceError(f"{archive}: {error}") from error
    reports = _reports(member, archive, today=new_york_day(now))
    found = gather([_observations(name, one, reports, archive) for name, one in POSITIONS.items()])
    return found[found["period"] < new_york_day(now)]


def known_at(periods: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """When reports of these periods were out (UTC): by the lag, or later by `LATE`."""
    known = SERIES[0].known_at(periods)
    for first, last, out in LATE:
        bound = pd.Timestamp(out, tz="UTC") + pd.Timedelta(days=1)
        late = (periods >= pd.Timestamp(first)) & (periods <= pd.Timestamp(last)) & (known < bound)
        known = known.where(~late, bound)
    return known


def _observations(name: str, position: Position, reports: _Reports, archive: str) -> pd.DataFrame:
    """Net positions by day, of the contract with the most open interest."""
    held = [reports[code] for code in position.contracts if code in reports]
    if not held:
        raise SourceError(
            f"{archive}: {name} needs the contract {' or '.join(position.contracts)}, found none "
            f"among {len(reports)} that are read here. {AGAIN}"
        )
    long, short = _columns(position)
    values = {}
    for day in sorted({day for one in held for day in one}):
        # The first of equals, which is why the order of codes matters.
        most = max((one[day] for one in held if day in one), key=lambda report: report[_OPEN])
        values[day] = (most[long] - most[short]) / most[_OPEN]
    series = catalog.get(name)
    net = pd.Series(values, dtype="float64")
    days = pd.DatetimeIndex(net.index)
    return from_values(series, net, NAME, known_at=known_at(period_ends(series, days)))


def _columns(position: Position) -> tuple[str, str]:
    return (
        f"{position.traders}_Positions_Long_All",
        f"{position.traders}_Positions_Short_All",
    )


def _reports(member: bytes, archive: str, *, today: pd.Timestamp) -> _Reports:
    """Counts of the contracts that are wanted, by code and day."""
    if (count := member.count(b"\n")) > MOST_LINES:
        raise SourceError(
            f"{archive}: needed at most {MOST_LINES:,} lines, found {count:,}. {AGAIN}"
        )
    text = io.TextIOWrapper(io.BytesIO(member), encoding="latin-1", newline="")
    lines = csv.reader(text)
    header = [name.strip(' "\xef\xbb\xbf') for name in next(lines, [])]
    places = _places(header, archive)
    wanted = {code for one in POSITIONS.values() for code in one.contracts}
    found: _Reports = {}
    for row in lines:
        if not row:
            continue
        place = f"{archive}, line {lines.line_num}"
        if len(row) < len(header):
            raise SourceError(
                f"{place}: needed {len(header)} values, as in the header, found {len(row)}. {AGAIN}"
            )
        if (code := row[places[_CODE]].strip()) not in wanted:
            continue
        day = _day(row[places[_DATE]].strip(), place, today)
        if day in found.setdefault(code, {}):
            raise SourceError(
                f"{place}: needed one report of {code} a day, found a second of "
                f"{day:%Y-%m-%d}. {AGAIN}"
            )
        found[code][day] = _counts(row, places, place)
    return found


def _places(header: Sequence[str], archive: str) -> dict[str, int]:
    """Where each column stands."""
    needed = [_CODE, _OPEN, *sorted({name for p in POSITIONS.values() for name in _columns(p)})]
    dates = [name for name in header if name.startswith(_DATE)]
    if missing := [name for name in needed if name not in header] + [f"{_DATE}..."] * (not dates):
        raise SourceError(
            f"{archive}, line 1: needed the columns {', '.join(missing)}, found "
            f"{', '.join(header)[:80] or 'nothing'!r}. {AGAIN}"
        )
    return {name: header.index(name) for name in needed} | {_DATE: header.index(dates[0])}


def _counts(row: Sequence[str], places: Mapping[str, int], place: str) -> _Report:
    """Whole numbers, of which the open interest is above zero."""
    counts = {}
    for name, at in places.items():
        if name in {_CODE, _DATE}:
            continue
        cell = row[at].strip()
        if not (cell.isascii() and cell.isdigit() and len(cell) <= _DIGITS) or (
            name == _OPEN and int(cell) == 0
        ):
            raise SourceError(
                f"{place}: needed a number of contracts for {name}, found {cell[:40]!r}. {AGAIN}"
            )
        counts[name] = int(cell)
    return counts


def _day(text: str, place: str, today: pd.Timestamp) -> pd.Timestamp:
    """The day of a report, which is not in the future."""
    written = _DATES.fullmatch(text)
    try:
        if written is None:
            raise ValueError
        parts = {name: int(part) for name, part in written.groupdict().items() if part}
        year, month, day = (parts.get(name, parts.get(name[0])) for name in _DATE_PARTS)
        if not year or year < FIRST_YEAR:
            raise ValueError
        found = pd.Timestamp(year=year, month=month, day=day)
    except (ValueError, OverflowError):
        raise SourceError(
            f"{place}: needed the date of a report, found {text[:40]!r}. {AGAIN}"
        ) from None
    if found > today:
        raise SourceError(
            f"{place}: needed reports up to now, found one of {found:%Y-%m-%d}. Check the clock of "
            f"this computer."
        )
    return found


SOURCE = Source(
    name=NAME,
    title="US Commodity Futures Trading Commission, Traders in Financial Futures",
    endpoint=(
        f"https://{HOST}{FOLDER}{YEARLY.format('YEAR')}, and {HISTORY} for the years to "
        f"{LAST_OF_HISTORY}, without a key (documented at https://www.cftc.gov/MarketReports/"
        f"CommitmentsofTraders/HistoricalCompressed/index.htm)."
    ),
    format="zip archives of one CSV table each, a row for each contract and week.",
    licence="Public; the work of the government of the United States.",
    lag=(
        "Friday 15:30 in New York for Tuesday, a business day or two later after a holiday; "
        "weeks later after a shutdown of the government."
    ),
    hosts={HOST: 1.0},
    jobs=jobs,
)

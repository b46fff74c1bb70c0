"""FRED, the data service of the Federal Reserve Bank of St. Louis, with or without a key.

Without one, each series is the table behind the chart on its page: the latest revision, known
by its lag. With one, series that are revised come from ALFRED with every revision
(`regime.data.sources.alfred`), the others from the API.
"""

from collections.abc import Callable
from functools import partial

import pandas as pd

from regime.data.calendar import new_york_day
from regime.data.declared.fred import SERIES
from regime.data.observations import from_values, period_ends
from regime.data.series import Basis, Frequency, Series
from regime.data.sources import alfred
from regime.data.sources.live import AGAIN, Http, Job, Request, Source
from regime.exceptions import SourceError

CHART = "https://fred.stlouisfed.org/graph/fredgraph.csv"
KEY = "REGIME_FRED_KEY"
_DATES = ("observation_date", "DATE")  # the first column, now and until 2024


def jobs(request: Request) -> list[Job]:
    """One job for each series."""
    key = request.keys.get(KEY, "").strip()
    return [
        Job(f"FRED {one.id}", partial(_run, series=one, ask=_way(one, key), request=request))
        for one in SERIES
    ]


def _way(series: Series, key: str) -> Callable[[Http, Series, pd.Timestamp | None], pd.DataFrame]:
    if not key:
        return _chart
    ask = alfred.vintages if series.basis is Basis.VINTAGE else alfred.latest
    return lambda http, series, since: ask(http, series, key, since)


def _chart(http: Http, series: Series, since: pd.Timestamp | None) -> pd.DataFrame:
    first = alfred.first_date(series, since)
    params = {"id": series.id} | ({} if first is None else {"cosd": first})
    return parse(http.get(CHART, kind="csv", params=params), series)


def _run(
    http: Http,
    *,
    series: Series,
    ask: Callable[[Http, Series, pd.Timestamp | None], pd.DataFrame],
    request: Request,
) -> pd.DataFrame:
    """What came, unless it cannot be all of it."""
    found = ask(http, series, request.since)
    if found.empty:
        if request.since is not None:
            return found  # nothing new
        raise SourceError(f"{series.id} needs at least one value of FRED, found none. {AGAIN}")
    now = request.now.tz_convert(None)
    running = period_ends(series, pd.DatetimeIndex([now]))[0]
    if (newest := found["period"].max()) > running:
        raise SourceError(
            f"{series.id} needs values up to now, found one of {newest:%Y-%m-%d}, which is in the "
            f"future. Check the clock of this computer."
        )
    stored = request.newest.get(series.id)
    if stored is not None and newest < stored:
        raise SourceError(
            f"{series.id} needs values up to {stored:%Y-%m-%d}, which is stored, but FRED's end "
            f"on {newest:%Y-%m-%d}: they may be cut short. Fetch it again."
        )
    if series.frequency is Frequency.WEEKLY:
        # A Wednesday's value comes out before the Friday that stands for its week.
        today = new_york_day(request.now)
        found = found[found["period"] < today]
    return found


def parse(content: bytes, series: Series) -> pd.DataFrame:
    """Observations in the table behind a chart.

    Parameters
    ----------
    content : CSV with a header, `observation_date` (before: `DATE`) and the id, a line for
        each period, and an empty cell or a point where a value is missing

    Returns
    -------
    DataFrame with the columns of `regime.data.observations`, known by the lag of the series,
    values in the unit of the catalogue; missing ones are left out.

    Raises
    ------
    SourceError
        If it is another table, is cut short, or has a date or value that cannot be right, in
        words that name the series, the line and what stands there.
    """
    lines = _lines(content, series)
    header = lines[0].split(",")
    if len(header) != 2 or header[0] not in _DATES or header[1] != series.id:
        raise SourceError(
            f"{series.id}, line 1: needed the header {_DATES[0]},{series.id}, found "
            f"{lines[0][:80]!r}. {AGAIN}"
        )
    cells: list[tuple[str, str]] = []
    for at, line in enumerate(lines[1:]):
        date, *rest = line.split(",")
        if len(rest) != 1:
            raise SourceError(
                f"{series.id}, {_line(at)}: needed a date and a value, found {line[:80]!r}. {AGAIN}"
            )
        cells.append((date, rest[0]))
    return from_values(series, alfred.values(series, cells, _line), alfred.NAME)


def _line(at: int) -> str:
    return f"line {at + 2}"


def _lines(content: bytes, series: Series) -> list[str]:
    """Lines of a text that is there to its end."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{series.id}, line {line}: needed a table, found bytes that are no text. {AGAIN}"
        ) from error
    lines = text.split("\n")
    if text.lstrip()[:1] in {"", "<"}:
        found = f"a web page that begins {lines[0][:60]!r}" if text.strip() else "nothing"
        raise SourceError(f"{series.id}, line 1: needed a table, found {found}. {AGAIN}")
    if last := lines.pop():
        raise SourceError(
            f"{series.id}, line {len(lines) + 1}: needed a whole line, but the table is cut short "
            f"at {last[:80]!r}. Fetch it again."
        )
    return [line.removesuffix("\r") for line in lines]


SOURCE = Source(
    name=alfred.NAME,
    title="FRED, Federal Reserve Bank of St. Louis",
    endpoint=(
        f"{CHART}?id=SERIES without a key; with {KEY}, {alfred.API}/observations and "
        f"{alfred.API}/vintagedates (documented at https://fred.stlouisfed.org/docs/api/fred/)."
    ),
    format="CSV with a date and a value a line; with a key JSON in pages.",
    licence=(
        "Free for personal use; copyright stays with the publishers of the series, among them "
        "ICE, CBOE, Moody's and the University of Michigan: "
        "https://fred.stlouisfed.org/legal/terms/."
    ),
    lag=(
        "Rates by the next session, exchange rates on the Monday after their week, the economy "
        "days to weeks after its month: https://fred.stlouisfed.org/releases/calendar."
    ),
    # 120 requests a minute with a key; nobody says how many without.
    hosts={"fred.stlouisfed.org": 1.0, "api.stlouisfed.org": 2.0},
    jobs=jobs,
)

"""Parsers of what providers serve, each with small good documents."""

import datetime as dt
import json
import re
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from fuzz.mutations import bytewise, cellwise, huge, jsonwise, some, textual, zipped
from fuzz.parsing import NOW, Parser, Served, observations
from replay import cftc as replay_cftc
from replay import filers as replay_filers
from replay import finra as replay_finra
from replay import fred as replay_fred
from replay import french as replay_french
from replay import holdings as replay_holdings
from replay import ici as replay_ici
from replay import sec as replay_sec
from replay import shiller as replay_shiller
from replay import tiingo as replay_tiingo
from replay import yahoo as replay_yahoo

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.network.archive import Archive
from regime.data.observations import from_values, gather
from regime.data.sources import (
    cftc,
    filers,
    finra,
    fred,
    french,
    holdings,
    ici,
    sec,
    shiller,
    tiingo,
    yahoo,
)
from regime.data.sources.live import Request

KEYS = {fred.KEY: replay_fred.KEY, sec.AGENT: "Jane Doe jane@example.com"}
REQUEST = Request(now=NOW)
TEXT = some(bytewise, textual, textual, huge)
JSON = some(bytewise, jsonwise, jsonwise, jsonwise, huge)
DAYS = trading_days(pd.Timestamp("2024-05-01"), pd.Timestamp("2024-06-13"))
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEAR = 2022


def _values(name: str, periods: pd.DatetimeIndex) -> pd.DataFrame:
    return from_values(catalog.get(name), pd.Series(np.linspace(1, 2, len(periods)), periods), "x")


# The library of French -------------------------------------------------------------------


@cache
def _french() -> dict[str, bytes]:
    months = pd.date_range("2024-01-31", "2024-04-30", freq="ME")
    daily = _values("hi_10", DAYS[:12])
    daily["value"] = 0.01
    return replay_french.documents(gather([daily, _values("value_spread_q1", months)]))


def _of_french(name: str, title: str) -> Parser:
    file = next(one for one in french.FILES if one.name == name)
    return Parser(
        f"French, {title}",
        lambda: [_french()[file.path]],
        some(bytewise, *[zipped(TEXT)] * 4),
        lambda document, _: french.read(document, file, REQUEST),
        observations,
        share=2,
    )


# FRED ------------------------------------------------------------------------------------


@cache
def _revised() -> pd.DataFrame:
    periods = pd.date_range("2024-01-31", "2024-04-30", freq="ME").repeat(2)
    known = pd.DatetimeIndex(
        [end + pd.Timedelta(days=day) for end in periods[::2] for day in (17, 48)]
    )
    return pd.DataFrame({
        "series": "INDPRO", "period": periods.as_unit("us"),
        "known_at": known.tz_localize("UTC").as_unit("us"),
        "value": np.linspace(100, 103, 8).round(3), "source": "fred",
    })  # fmt: skip


def _answers(series: str) -> list[bytes]:
    """Vintages, and observations with and without them, as the API gives them."""
    ask = replay_fred.api(_revised(), revisions=_revised())
    query = {"series_id": "INDPRO", "api_key": replay_fred.KEY, "file_type": "json"}
    real = {"realtime_start": "2024-02-16", "realtime_end": "2024-06-16"}
    told = ask(replay_fred.OBSERVATIONS, query | (real if series == "INDPRO" else {}))[1]
    return [told]


@cache
def _vintage_dates() -> bytes:
    query = {"series_id": "INDPRO", "api_key": replay_fred.KEY, "file_type": "json"}
    return replay_fred.api(_revised())(replay_fred.VINTAGE_DATES, query)[1]


class _Api(Served):
    def get(self, url: str, **_: Any) -> bytes:
        return _vintage_dates() if "vintagedates" in url else self.document


class _Dates(Served):
    def get(self, url: str, **_: Any) -> bytes:
        return self.document if "vintagedates" in url else _answers("INDPRO")[0]


@cache
def _jobs(source: str, keyed: bool) -> dict[str, Any]:
    request = Request(now=NOW, keys=KEYS if keyed else {})
    module = {"fred": fred, "sec": sec}[source]
    return {job.name.split()[-1]: job for job in module.jobs(request)}


_CHARTS = {
    "DGS10": b"observation_date,DGS10\n2024-06-10,4.28\n2024-06-11,.\n2024-06-12,4.18\n",
    "ICSA": b"DATE,ICSA\n2024-05-25,229000\n2024-06-01,242000\n",
    "INDPRO": b"observation_date,INDPRO\n2024-03-01,102.5\n2024-04-01,102.8\n",
}


def _of_chart(name: str) -> Parser:
    return Parser(
        f"FRED chart, {name}",
        lambda: [_CHARTS[name]],
        TEXT,
        lambda document, _: _jobs("fred", False)[name].run(Served(document)),
        observations,
    )


# The SEC ---------------------------------------------------------------------------------


@cache
def _company() -> bytes:
    told = replay_sec.quarters("AMZN", now=pd.Timestamp("2017-06-01", tz="UTC"))
    return replay_sec.document("AMZN", told[:5])


@cache
def _frame() -> bytes:
    facts = [replay_filers.fact(1000 + at, 1e6 * at, year=_YEAR) for at in range(310)]
    for one in facts:
        del one["entityName"], one["loc"]
    return replay_filers.frame(filers.TOTAL, _YEAR, facts)


def _figures(found: "pd.Series[float]") -> None:
    assert found.dtype == np.float64
    assert np.isfinite(found.to_numpy()).all()
    assert found.index.is_monotonic_increasing
    assert found.index.is_unique


# Prices ----------------------------------------------------------------------------------


@cache
def _share() -> replay_yahoo.Share:
    closes = pd.Series(np.linspace(80, 84, len(DAYS)), DAYS)
    return replay_yahoo.share(closes, {f"{DAYS[9]:%Y-%m-%d}": 2.0})


# Positions, short interest, flows, holdings ----------------------------------------------


@cache
def _archives() -> dict[str, bytes]:
    first = {"2024": "2024-05-07", "2006_2016": "2016-12-06"}
    made = {}
    for name, since in first.items():
        until = NOW if name == "2024" else pd.Timestamp("2017-01-01", tz="UTC")
        archives = replay_cftc.documents(now=until, first=since)
        made |= {key: value for key, value in archives.items() if name in key}
    return {key.rpartition("/")[2]: value for key, value in made.items()}


def _of_cftc(name: str) -> Parser:
    return Parser(
        f"CFTC, {name}",
        lambda: [_archives()[name]],
        some(bytewise, *[zipped(TEXT)] * 4),
        lambda document, _: cftc.parse(document, name, now=NOW),
        observations,
        share=2,
    )


_SETTLED = pd.Timestamp("2024-05-15")
_MEMBERS = {"small": frozenset("ABCD"), "large": frozenset("XY")}


def _short() -> list[bytes]:
    lines = [(letter, 100 + at, 90, "", 50) for at, letter in enumerate("ABCDXYZ")]
    return [replay_finra.document(lines, _SETTLED)]


def _weeks() -> replay_ici.Cells:
    return replay_ici.cells(
        replay_ici.flows(pd.date_range("2024-05-08", "2024-06-05", freq="W-WED"))
    )


@cache
def _figures_of_shiller() -> pd.DataFrame:
    months = pd.date_range("2023-11-30", "2024-04-30", freq="ME")
    with patch.object(replay_shiller, "EARLIER", 3):
        return replay_shiller.figures(_values("excess_cape_yield", months))


def _rows(workbook: bytes, sheet: str) -> bytes:
    """A sheet as JSON, for cells to be changed."""
    from regime.data.sources.workbooks import rows_of

    rows = rows_of(workbook, sheet, lambda *_: AssertionError("no workbook"))
    return json.dumps(rows, default=lambda day: f"{day:%Y-%m-%d}").encode()


def _cells(document: bytes) -> list[list[Any]]:
    """And back, as the reader of workbooks hands a sheet over: rows of one length, and days."""
    try:
        rows = json.loads(document)
        width = max(map(len, rows), default=0)
    except (ValueError, TypeError):  # free text stands in the first cell
        return [[document.decode("latin-1")]] if document else []
    return [[_day(cell) for cell in row] + [""] * (width - len(row)) for row in rows]


def _day(cell: Any) -> Any:
    if isinstance(cell, str) and _ISO.fullmatch(cell):
        try:
            return dt.datetime.fromisoformat(cell)
        except ValueError:
            return cell
    return cell


def _of_cells(name: str, module: Any, valid: Any) -> Parser:
    def parse(document: bytes, _: Any) -> pd.DataFrame:
        rows = _cells(document)
        with patch.object(module, "rows_of", lambda *_, **__: rows):
            return module.parse(b"", now=NOW)

    return Parser(name, valid, some(cellwise), parse, observations, share=2)


def _of_fund(ticker: str, *ways: Any) -> Parser:
    day = pd.Timestamp("2024-06-12")
    made = (
        replay_holdings.spdr(replay_holdings.rows(), day)
        if ticker == "SPY"
        else replay_holdings.ishares(ticker, day, members=12)
    )
    return Parser(
        f"holdings of {ticker}",
        lambda: [made],
        some(*ways),
        lambda document, _: holdings.fetch(Served(document), ticker=ticker, request=REQUEST),
        observations,
        share=3,
    )


# What is kept of the network --------------------------------------------------------------

_URL = "https://example.com/a"


def _archived(document: bytes, folder: Any) -> Any:
    archive = Archive(folder / "archive")
    record = archive._record_path(_URL)
    if not record.exists():
        archive.keep(_URL, b"x", fetched_at=NOW)
    record.write_bytes(document)
    kept = archive.newest(_URL)
    return kept, None if kept is None else kept.read()


def _record() -> list[bytes]:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        archive.keep(_URL, b"x", fetched_at=NOW, etag='"e"')
        return [archive._record_path(_URL).read_bytes()]


def _kept(found: Any) -> None:
    kept, content = found
    assert content in {None, b"x"}
    assert kept is None or kept.fetched_at.tzinfo is not None


PARSERS = [
    _of_french("F-F_Research_Data_Factors_daily", "daily"),
    _of_french("Portfolios_Formed_on_ME", "monthly"),
    *map(_of_chart, _CHARTS),
    Parser(
        "FRED observations", lambda: _answers("DGS10"), JSON,
        lambda document, _: _jobs("fred", True)["HOUST"].run(_Api(document)), observations,
        share=3,
    ),
    Parser(
        "FRED vintages", lambda: _answers("INDPRO"), JSON,
        lambda document, _: _jobs("fred", True)["INDPRO"].run(_Api(document)), observations,
        share=3,
    ),
    Parser(
        "FRED vintage dates", lambda: [_vintage_dates()], JSON,
        lambda document, _: _jobs("fred", True)["INDPRO"].run(_Dates(document)), observations,
        share=3,
    ),
    Parser(
        "Yahoo charts", lambda: [replay_yahoo.document("SPY", _share(), now=NOW)], JSON,
        lambda document, _: yahoo.fetch(Served(document), ticker="SPY", request=REQUEST),
        observations,
    ),
    Parser(
        "Tiingo", lambda: [replay_tiingo.document(_share())], JSON,
        lambda document, _: tiingo.prices(Served(document), "SPY", key="k", now=NOW), observations,
    ),
    Parser(
        "SEC company facts", lambda: [_company()], JSON,
        lambda document, _: _jobs("sec", True)["AMZN"].run(Served(document)), observations,
        share=4,  # beside the frames, which take a thirtieth of the time and have a full count
    ),
    Parser(
        "SEC frames", lambda: [_frame()], JSON,
        lambda document, _: filers.parse(document, filers.TOTAL, _YEAR), _figures,
    ),
    _of_cftc("fut_fin_txt_2024.zip"),
    _of_cftc("fin_fut_txt_2006_2016.zip"),
    Parser(
        "FINRA", _short, TEXT,
        lambda document, _: finra.parse(document, _SETTLED, _MEMBERS), observations,
    ),
    Parser(
        "ICI workbook", lambda: [replay_ici.workbook(_weeks())], some(bytewise),
        lambda document, _: ici.parse(document, now=NOW), observations, share=2,
    ),
    _of_cells("ICI cells", ici, lambda: [_rows(replay_ici.workbook(_weeks()), ici.SHEET)]),
    Parser(
        "Shiller workbook", lambda: [replay_shiller.workbook(_figures_of_shiller())],
        some(bytewise), lambda document, _: shiller.parse(document, now=NOW), observations, share=2,
    ),
    _of_cells(
        "Shiller cells", shiller,
        lambda: [_rows(replay_shiller.workbook(_figures_of_shiller()), shiller.SHEET)],
    ),
    _of_fund("SPY", bytewise, *[zipped(TEXT)] * 3),
    _of_fund("IWM", TEXT),
    _of_fund("IJR", TEXT),
    Parser("archive record", _record, JSON, _archived, _kept),
]  # fmt: skip

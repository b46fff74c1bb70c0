"""The Kenneth R. French data library, and the valuation series computed from it."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from regime.data import catalog
from regime.data.calendar import new_york_day, trading_days
from regime.data.declared.french import (
    DECILES,
    INDUSTRIES_10,
    INDUSTRIES_49,
    SIZE_BY_BOOK,
    SIZE_BY_PROFIT,
)
from regime.data.observations import from_values, gather
from regime.data.sources.french_layout import DAY, FOLDER, MONTH, File, Table, decoded, fault, parse
from regime.data.sources.live import Http, Job, Request, Source
from regime.data.sources.zips import only_member
from regime.exceptions import SourceError

FIRST_YEAR = 1926  # of stock prices by CRSP
HOST = "mba.tuck.dartmouth.edu"

_THREE_SORTS = (
    "<= 0", "Lo 30", "Med 40", "Hi 30", "Lo 20", "Qnt 2", "Qnt 3", "Qnt 4", "Hi 20", "Lo 10",
    *(f"Dec {number}" for number in range(2, 10)), "Hi 10",
)  # fmt: skip
_SIZES = [name.lower().replace(" ", "_") for name in _THREE_SORTS[1:]]


def _sorted_twice(second: str) -> list[str]:
    """Column names of a 5 x 5 sort on size and a second measure, e.g. BM."""
    corners = {
        "ME1 {0}1": "SMALL Lo{0}", "ME1 {0}5": "SMALL Hi{0}",
        "ME5 {0}1": "BIG Lo{0}", "ME5 {0}5": "BIG Hi{0}",
    }  # fmt: skip
    names = [f"ME{size} {{0}}{rank}" for size in range(1, 6) for rank in range(1, 6)]
    return [corners.get(name, name).format(second) for name in names]


def _measured(measure: str, names: Sequence[str], prefix: str = "") -> list[str]:
    return [f"{prefix}{measure}_{name}" for name in names]


def _returns(weight: str) -> str:
    return rf"(average)?{weight}-?weight(ed)?returns--monthly"


_DAILY_VW = r"(average)?value-?weight(ed)?returns--daily"
_FIRMS = r"numberoffirms(inportfolios)?"
_CAP = r"average(firmsize|marketcap)"


def _book_to_market(when: str) -> str:
    """Title of monthly book-to-market at the prices of `when`."""
    return (
        r"(forportfoliosformedinjuneofyeart\.?)?valueweight(ed)?averageof.*as:"
        rf"sum\[me\(mth\)\*be\(fiscalyeart-1\)/me\({when}\)\]/sum\[me\(mth\)\].*"
    )


_BM, _OP = list(SIZE_BY_BOOK), list(SIZE_BY_PROFIT)
_BM_COLUMNS, _OP_COLUMNS = _sorted_twice("BM"), _sorted_twice("OP")

FILES = [
    File(
        "Portfolios_Formed_on_ME_Daily",
        [Table(_DAILY_VW, DAY, _THREE_SORTS, [None, *_SIZES])],
    ),
    File(
        "F-F_Research_Data_Factors_daily",
        [Table(".*", DAY, ["Mkt-RF", "SMB", "HML", "RF"], ["mkt_rf", "smb", "hml", "rf"])],
    ),
    File("F-F_Momentum_Factor_daily", [Table(".*", DAY, ["Mom"], ["mom"])]),
    File(
        # market, value and bill are taken from the longer three-factor file
        "F-F_Research_Data_5_Factors_2x3_daily",
        [
            Table(
                ".*", DAY, ["Mkt-RF", "SMB", "HML", "RMW", "CMA", "RF"],
                [None, "smb_5f", None, "rmw", "cma", None],
            )
        ],
    ),
    File(
        "10_Industry_Portfolios_daily",
        [Table(_DAILY_VW, DAY, INDUSTRIES_10, [f"ind10_{name}" for name in INDUSTRIES_10])],
    ),
    File(
        "Portfolios_Formed_on_ME",
        [
            Table(_returns("value"), MONTH, _THREE_SORTS, [None, *_measured("vw", _SIZES)]),
            Table(_returns("equal"), MONTH, _THREE_SORTS, [None, *_measured("ew", _SIZES)]),
            Table(_FIRMS, MONTH, _THREE_SORTS, [None, *_measured("nfirms", _SIZES)], False),
            Table(_CAP, MONTH, _THREE_SORTS, [None, *_measured("avgsize", _SIZES)], False),
        ],
        derived=["mcapshare_hi_10"],
    ),
    File(
        "25_Portfolios_5x5",
        [
            Table(_returns("value"), MONTH, _BM_COLUMNS, _measured("vw", _BM)),
            Table(_returns("equal"), MONTH, _BM_COLUMNS, _measured("ew", _BM)),
            Table(_FIRMS, MONTH, _BM_COLUMNS, _measured("nfirms", _BM), False),
            Table(_CAP, MONTH, _BM_COLUMNS, _measured("avgcap", _BM), False),
            Table(_book_to_market("dect-1"), MONTH, _BM_COLUMNS, _measured("bm_dec", _BM), False),
            Table(_book_to_market("junt"), MONTH, _BM_COLUMNS, _measured("bm_june", _BM), False),
        ],
        derived=[
            "log_bm_june_q1_minus_q5", "log_bm_june_q2_minus_q5", "value_spread_q1",
            "value_spread_q5",
        ],
    ),
    File(
        "49_Industry_Portfolios",
        [
            Table(title, MONTH, INDUSTRIES_49, _measured(measure, INDUSTRIES_49, "ind49_"), percent)
            for title, measure, percent in [
                (_returns("value"), "vw", True), (_returns("equal"), "ew", True),
                (_FIRMS, "nfirms", False), (_CAP, "avgsize", False),
            ]
        ],
    ),
    File(
        "25_Portfolios_ME_OP_5x5",
        [
            Table(_returns("value"), MONTH, _OP_COLUMNS, _measured("vw", _OP)),
            Table(_returns("equal"), MONTH, _OP_COLUMNS, _measured("ew", _OP)),
        ],
    ),
]  # fmt: skip


def derive(identifier: str, columns: pd.DataFrame) -> "pd.Series[float]":
    """A valuation series of the catalogue from the monthly columns of its file.

    Market value is the number of firms times their average. The book-to-market of a size
    quintile is the mean of its five portfolios, weighted by market value. Missing where a
    cell that goes into it is missing, or is nothing to take a logarithm of.
    """
    if identifier == "mcapshare_hi_10":
        values = pd.DataFrame(
            {name: columns[f"nfirms_{name}"] * columns[f"avgsize_{name}"] for name in DECILES}
        )
        return values["hi_10"] / values.sum(axis=1, skipna=False)
    if spread := re.fullmatch(r"value_spread_q(\d)", identifier):
        ratio = columns[f"bm_dec_me{spread[1]}_bm5"] / columns[f"bm_dec_me{spread[1]}_bm1"]
        return _log(ratio)
    if against := re.fullmatch(r"log_bm_june_q(\d)_minus_q(\d)", identifier):
        return _log(_bm_june(columns, against[1]) / _bm_june(columns, against[2]))
    raise SourceError(f"There is no way to derive {identifier}. Add it to `derive` in {__name__}.")


def read(content: bytes, file: File, request: Request) -> pd.DataFrame:
    """Observations in one archive of the library, derived series included.

    Raises
    ------
    SourceError
        As `only_member` and `parse`; also if the file is no text, holds a day on which
        New York did not trade, or a period that has not begun yet.
    """
    try:
        member = only_member(content, suffix=".csv")
    except SourceError as error:
        raise SourceError(f"{file.name}_CSV.zip: {error}") from error
    columns = parse(decoded(member, file), file)
    _check_periods(columns.index, file, request.now)
    for identifier in file.derived:
        derived = derive(identifier, columns)
        columns[identifier] = derived.where(np.isfinite(derived))  # as of a sum that is zero
    if request.since is not None:
        columns = columns[columns.index >= request.since]
    return gather(
        [
            from_values(catalog.get(str(name)), values, SOURCE.name)
            for name, values in columns.items()
        ]
    )


def _jobs(request: Request) -> list[Job]:
    def job(file: File) -> Job:
        def run(http: Http) -> pd.DataFrame:
            return read(http.get(f"https://{HOST}{file.path}", kind="zip"), file, request)

        return Job(file.name, run)

    return [job(file) for file in FILES]


SOURCE = Source(
    name="french",
    title="Kenneth R. French data library",
    endpoint=f"https://{HOST}{FOLDER}NAME_CSV.zip, without a key",
    format="zip archives of one CSV file with several tables each; returns in percent",
    licence="Copyright Eugene F. Fama and Kenneth R. French; free to use, not to redistribute",
    lag="One to two months: files are rebuilt with each update of CRSP, history included",
    hosts={HOST: 1.0},
    jobs=_jobs,
)


def _check_periods(periods: pd.Index, file: File, now: pd.Timestamp) -> None:
    days = pd.DatetimeIndex(periods)
    today = new_york_day(now)
    if file.tables[0].dated == MONTH:
        today += pd.offsets.MonthEnd(0)
    if days[0].year < FIRST_YEAR:
        raise fault(file, f"needed periods from {FIRST_YEAR} on, found one of {days[0].year}")
    if days[-1] > today:
        raise fault(file, f"needed periods up to {today:%Y-%m-%d}, found {days[-1]:%Y-%m-%d}")
    if file.tables[0].dated == MONTH:
        return
    if len(strange := days.difference(trading_days(days[0], days[-1]))):
        raise fault(file, f"needed days on which New York traded, found {strange[0]:%Y-%m-%d}")


def _bm_june(columns: pd.DataFrame, quintile: str) -> "pd.Series[float]":
    """Book-to-market of a size quintile at June prices, weighted by market value."""
    cells = [f"me{quintile}_bm{rank}" for rank in range(1, 6)]
    weights = pd.DataFrame(
        {cell: columns[f"nfirms_{cell}"] * columns[f"avgcap_{cell}"] for cell in cells}
    )
    ratios = pd.DataFrame({cell: columns[f"bm_june_{cell}"] for cell in cells})
    return (weights * ratios).sum(axis=1, skipna=False) / weights.sum(axis=1, skipna=False)


def _log(ratio: "pd.Series[float]") -> "pd.Series[float]":
    return ratio.where((ratio > 0) & np.isfinite(ratio)).map(np.log)

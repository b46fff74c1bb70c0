"""Facts that companies filed with the SEC, as known on the day of each filing.

A cash flow is filed from the start of the fiscal year, so four quarters are the last whole
year, plus this year so far, less last year so far. All three as filed by then: a later
filing that changes one of them revises the sum from its own day on.

Where a company changed the name of a line, the names are taken in the order of `TAGS`, per
filing. Balances are those of the day a filing is for; what it repeats of earlier days is not
read again, for notes often give only a part of it.
"""

import json
from collections import defaultdict
from functools import partial
from typing import Any

import pandas as pd

from regime.data.declared.sec import BALANCES, COMPANIES, FLOWS, SHARES, series_id
from regime.data.observations import COLUMNS, gather
from regime.data.sources.live import AGAIN, Http, Job, Request, Source
from regime.exceptions import SourceError

NAME = "sec"
HOST = "data.sec.gov"
ADDRESS = f"https://{HOST}/api/xbrl/companyfacts/CIK{{:010d}}.json"
AGENT = "REGIME_USER_AGENT"
YEAR = pd.Timedelta(days=365)
_YEARLY = (pd.Timedelta(days=350), pd.Timedelta(days=380))  # 52 or 53 weeks, or 12 months
_SAME_DAY = pd.Timedelta(days=10)  # a fiscal quarter may end a week earlier or later
_FORMS = ("10-K", "10-Q")  # and their amendments and transition reports; others round
_MOST = 1e18  # USD or shares; not a number is not below it either
_FACTS = ["start", "end", "val", "filed", "accn"]

TAGS: dict[str, list[str]] = {
    "capital_spending": [
        "PaymentsToAcquirePropertyPlantAndEquipment",
        "PaymentsToAcquireProductiveAssets",
    ],
    "operating_cash_flow": [
        "NetCashProvidedByUsedInOperatingActivities",
        "NetCashProvidedByUsedInOperatingActivitiesContinuingOperations",
    ],
    "net_income": ["NetIncomeLoss", "ProfitLoss"],
    "buybacks": ["PaymentsForRepurchaseOfCommonStock"],
    "diluted_shares": ["WeightedAverageNumberOfDilutedSharesOutstanding"],
}
# A sum of lines, each under one of its names; whether there is no sum without it.
PARTS: dict[str, list[list[tuple[list[str], bool]]]] = {
    "cash": [
        [(["CashCashEquivalentsAndShortTermInvestments"], True),
         (["MarketableSecuritiesNoncurrent"], False)],
        [(["CashAndCashEquivalentsAtCarryingValue"], True),
         (["MarketableSecuritiesCurrent", "ShortTermInvestments",
           "AvailableForSaleSecuritiesDebtSecuritiesCurrent",
           "AvailableForSaleSecuritiesCurrent"], True),
         (["MarketableSecuritiesNoncurrent"], False)],
    ],
    "debt": [
        [(["LongTermDebtNoncurrent", "LongTermNotesPayable", "LongTermNotesAndLoans"], True),
         (["DebtCurrent"], True)],
        [(["LongTermDebtNoncurrent", "LongTermNotesPayable", "LongTermNotesAndLoans"], True),
         (["LongTermDebtCurrent", "NotesPayableCurrent"], False),
         (["CommercialPaper", "ShortTermBorrowings"], False)],
    ],
}  # fmt: skip
REQUIRED = frozenset({"capital_spending", "operating_cash_flow", "net_income"})


def jobs(request: Request) -> list[Job]:
    """One job for each company."""
    if not request.keys.get(AGENT, "").strip():
        return []
    return [
        Job(f"SEC {company}", partial(_run, company=company, request=request))
        for company in COMPANIES
    ]


def _run(http: Http, *, company: str, request: Request) -> pd.DataFrame:
    content = http.get(
        ADDRESS.format(COMPANIES[company]), kind="json",
        headers={"User-Agent": request.keys[AGENT].strip()},
    )  # fmt: skip
    found = parse(content, company)
    if (late := found["known_at"].max()) > request.now + pd.Timedelta(days=2):
        raise SourceError(
            f"{company} needs filings up to now, found one of {late:%Y-%m-%d}. Check the clock of "
            f"this computer."
        )
    return found if request.since is None else found[found["period"] >= request.since]


def parse(content: bytes, company: str) -> pd.DataFrame:
    """Observations in a company's facts.

    Returns
    -------
    DataFrame with the columns of `regime.data.observations`: every series of the company in
    `regime.data.declared.sec` of which something was filed, a row for each value first filed
    and one for each that a later filing changed, by period and `known_at`.

    Raises
    ------
    SourceError
        If it is no such document, is of another company, has a fact that cannot be read, or
        has none of the cash flow or income.
    """
    facts = _facts(content, company)
    parts: list[pd.DataFrame] = []
    for measure in (*FLOWS, *SHARES, *BALANCES):
        scale = 1.0 if measure in SHARES else 1e6
        if measure in BALANCES:
            found = _balances(facts, company, measure)
        else:
            unit = "shares" if measure in SHARES else "USD"
            lines = _preferred([_read(facts, company, tag, unit) for tag in TAGS[measure]])
            found = latest_mean(lines) if measure in SHARES else trailing_four_quarters(lines)
        if measure in REQUIRED and found.empty:
            raise SourceError(
                f"{company} needs four quarters of {measure}, found none under "
                f"{', '.join(TAGS[measure])}. Add the name it now uses to "
                f"regime/data/sources/sec.py."
            )
        # An amendment may be filed after the report of the next period.
        found = found.sort_values(["period", "known_at"])
        parts.append(
            found.assign(
                series=series_id(company, measure), value=found["value"] / scale, source=NAME
            )[COLUMNS]
        )
    return gather([part for part in parts if len(part)])


def trailing_four_quarters(facts: pd.DataFrame) -> pd.DataFrame:
    """Sums over the four quarters up to each period's end, as known after each filing.

    Parameters
    ----------
    facts : DataFrame with columns start, end, val, filed, accn
        Sums from `start` to `end`, in any order. Of one span, the filing of the latest day
        counts, and of one day the one with the highest number.

    Returns
    -------
    DataFrame with columns period, known_at, value
        By `known_at` and `period`; `known_at` is the end of the day of a filing (UTC). A sum
        that a filing leaves as it was has no further row. A filing changes no row of an
        earlier one.
    """
    known: dict[pd.Timestamp, dict[pd.Timestamp, float]] = defaultdict(dict)  # end -> start
    told: dict[pd.Timestamp, float] = {}
    rows: list[tuple[Any, Any, float]] = []
    ordered = facts.sort_values(["filed", "accn", "start", "end"], kind="stable")
    for filed, filing in ordered.groupby("filed", sort=True):
        for start, end, value in zip(filing["start"], filing["end"], filing["val"], strict=True):
            known[end][start] = value
        first = filing["end"].min()  # a sum depends on nothing after its end
        for end in sorted(end for end in known if end >= first):
            value = _four_quarters(known, end)
            if value is not None and told.get(end) != value:
                told[end] = value
                rows.append((end, filed, value))
    return _publications(rows)


def _four_quarters(
    known: dict[pd.Timestamp, dict[pd.Timestamp, float]], end: pd.Timestamp
) -> float | None:
    """A year that ends there; else the longest span that a year and its twin complete."""
    if (year := _year(known, end)) is not None:
        return year[1]
    for start, value in sorted(known[end].items()):
        before = _year(known, start - pd.Timedelta(days=1))
        if before is None:
            continue
        twins = [
            (abs(end - YEAR - other), other)
            for other in known
            if before[0] in known[other] and abs(end - YEAR - other) <= _SAME_DAY
        ]
        if twins:
            return before[1] + value - known[min(twins)[1]][before[0]]
    return None


def _year(
    known: dict[pd.Timestamp, dict[pd.Timestamp, float]], end: pd.Timestamp
) -> tuple[pd.Timestamp, float] | None:
    """Start and value of the year that ends there."""
    shortest, longest = _YEARLY
    spans = [
        (start, value)
        for start, value in known.get(end, {}).items()
        if shortest <= end - start <= longest
    ]
    return max(spans, default=None)


def latest_mean(facts: pd.DataFrame) -> pd.DataFrame:
    """Means over the shortest span up to each filing's own period, as filed.

    Takes and returns what `trailing_four_quarters` does.
    """
    told: dict[pd.Timestamp, float] = {}
    rows: list[tuple[Any, Any, float]] = []
    for (filed, _), filing in facts.groupby(["filed", "accn"], sort=True):
        own = filing[filing["end"] == filing["end"].max()].sort_values("start").iloc[-1]
        if told.get(own["end"]) != own["val"]:
            told[own["end"]] = own["val"]
            rows.append((own["end"], filed, own["val"]))
    return _publications(rows)


def _publications(rows: list[tuple[Any, Any, float]]) -> pd.DataFrame:
    """Rows of period, day of filing and value; of one day, the last one of a period."""
    frame = pd.DataFrame(rows, columns=["period", "filed", "value"])
    frame = frame.drop_duplicates(["period", "filed"], keep="last")
    filed = pd.DatetimeIndex(pd.to_datetime(frame["filed"]))
    return pd.DataFrame(
        {
            "period": pd.DatetimeIndex(pd.to_datetime(frame["period"])).as_unit("us"),
            "known_at": (filed + pd.Timedelta(days=1)).tz_localize("UTC").as_unit("us"),
            "value": frame["value"].to_numpy(dtype=float),
        }
    ).reset_index(drop=True)


def _preferred(lines: list[pd.DataFrame]) -> pd.DataFrame:
    """Facts of several names for one line; of one filing and span, the first name's."""
    together = pd.concat(lines, ignore_index=True)
    return together.drop_duplicates(["start", "end", "filed", "accn"], keep="first")


def _balances(facts: dict[str, Any], company: str, measure: str) -> pd.DataFrame:
    """Sums of parts on the day that each filing is for."""
    filings: dict[tuple[pd.Timestamp, str], dict[str, dict[pd.Timestamp, float]]] = {}
    tags = {tag for way in PARTS[measure] for names, _ in way for tag in names}
    for tag in sorted(tags):
        read = _read(facts, company, tag, "USD", dated=True)
        for filed, accn, end, value in zip(
            read["filed"], read["accn"], read["end"], read["val"], strict=True
        ):
            filings.setdefault((filed, accn), defaultdict(dict))[tag][end] = value
    told: dict[pd.Timestamp, float] = {}
    rows: list[tuple[Any, Any, float]] = []
    for (filed, _), held in sorted(filings.items(), key=lambda item: item[0]):
        day = max(max(values) for values in held.values())
        total = next(
            (total for way in PARTS[measure] if (total := _sum(held, way, day)) is not None), None
        )
        if total is not None and told.get(day) != total:
            told[day] = total
            rows.append((day, filed, total))
    return _publications(rows)


def _sum(
    held: dict[str, dict[pd.Timestamp, float]], way: list[tuple[list[str], bool]], day: pd.Timestamp
) -> float | None:
    total = 0.0
    for names, needed in way:
        value = next((held[name][day] for name in names if day in held.get(name, {})), None)
        if value is None and needed:
            return None
        total += value or 0.0
    return total


def _facts(content: bytes, company: str) -> dict[str, Any]:
    """Facts by name under the US accounting standard."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{company} needs its facts as JSON, found {len(content)} bytes that are none, ending "
            f"in {content[-40:]!r}. {AGAIN}"
        ) from error
    cik = document.get("cik") if isinstance(document, dict) else None
    if str(cik).lstrip("0") != str(COMPANIES[company]):
        raise SourceError(
            f"{company} needs the facts of CIK {COMPANIES[company]}, found those of "
            f"{str(cik)[:20]}. {AGAIN}"
        )
    facts = document.get("facts")
    found = facts.get("us-gaap") if isinstance(facts, dict) else None
    if not isinstance(found, dict):
        raise SourceError(f"{company} needs facts under us-gaap, found none. {AGAIN}")
    return found


def _read(
    facts: dict[str, Any], company: str, tag: str, unit: str, *, dated: bool = False
) -> pd.DataFrame:
    """Facts of one name from annual and quarterly reports; `dated` ones have no start."""
    held = facts.get(tag, {})
    units = held.get("units", {}) if isinstance(held, dict) else None
    found = units.get(unit, []) if isinstance(units, dict) else None
    if not isinstance(found, list):
        raise SourceError(f"{company}, {tag}: needed a list of facts in {unit}. {AGAIN}")
    rows = [
        _fact(company, f"{tag}, fact {at}", fact, dated=dated)
        for at, fact in enumerate(found)
        if not isinstance(fact, dict) or str(fact.get("form")).startswith(_FORMS)
    ]
    return pd.DataFrame(rows, columns=_FACTS)


def _fact(company: str, place: str, fact: Any, *, dated: bool) -> tuple[Any, ...]:
    try:
        end, filed = _day(fact["end"]), _day(fact["filed"])
        start = end if dated else _day(fact["start"])
        value, accn = fact["val"], fact["accn"]
        sound = type(value) in {int, float} and abs(value) < _MOST and isinstance(accn, str)
        sound = sound and accn.isascii()
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound or not start <= end <= filed:
        raise SourceError(
            f"{company}, {place}: needed a value, its days in order, and the filing, found "
            f"{str(fact)[:120]!r}. {AGAIN}"
        )
    return start, end, float(value), filed, accn


def _day(text: object) -> pd.Timestamp:
    if not isinstance(text, str) or len(text) != 10:
        raise ValueError
    return pd.to_datetime(text, format="%Y-%m-%d")


SOURCE = Source(
    name=NAME,
    title="US Securities and Exchange Commission, company facts",
    endpoint=(
        f"{ADDRESS.format(COMPANIES['AAPL'])} and other numbers "
        f"(documented at https://www.sec.gov/search-filings/edgar-application-programming-interfaces)."
    ),
    format="JSON: facts by name and unit, each with its span, its value and its filing.",
    licence="Public; see https://www.sec.gov/privacy#dissemination.",
    lag="The day of the filing: 40 days after a quarter, 60 after a year, at the latest.",
    # The SEC allows ten, and refuses who does not give a name and an address.
    hosts={HOST: 5.0},
    jobs=jobs,
    asks_for=AGENT,
)

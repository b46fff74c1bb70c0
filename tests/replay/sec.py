"""Company facts as the SEC serves them, made from imagined quarters."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.data.declared.sec import COMPANIES
from regime.data.sources.sec import ADDRESS, PARTS, TAGS

_YEAR_ENDS_IN = {"MSFT": 6, "ORCL": 5, "NVDA": 1, "AAPL": 9}  # month; December for the others
_CAPITAL_SPENDING = {"AMZN": 1, "NVDA": 1}  # which of the names
_FIRST = pd.Timestamp("2015-01-01")


@dataclass(frozen=True)
class Quarter:
    """What a company did between two days, and when it filed that."""

    start: pd.Timestamp
    end: pd.Timestamp
    filed: pd.Timestamp
    number: int  # of the fiscal year, from 1
    told: dict[str, int]


def documents(*, seed: int = 0, now: pd.Timestamp) -> dict[str, bytes]:
    """Facts of every company filed before `now`: path on the host -> JSON."""
    return {
        ADDRESS.format(cik).removeprefix("https://data.sec.gov"): document(
            company, quarters(company, seed=seed, now=now)
        )
        for company, cik in COMPANIES.items()
    }


def quarters(company: str, *, seed: int = 0, now: pd.Timestamp) -> list[Quarter]:
    """A company's quarters, the same however many there are."""
    rng = np.random.default_rng([seed, COMPANIES[company]])
    month = _YEAR_ENDS_IN.get(company, 12)
    ends = pd.date_range(
        _FIRST, now.tz_convert(None), freq=f"QE-{pd.Timestamp(2000, month, 1):%b}".upper()
    )
    first = next(at for at, end in enumerate(ends) if end.month == month)
    found = []
    for at, end in enumerate(ends[first + 1 :]):
        growth, shock = 1.03**at, rng.uniform(0.8, 1.2, len(TAGS) + 4)
        level = dict(
            zip([*TAGS, "liquid", "securities", "long", "short"], 1e9 * growth * shock, strict=True)
        )
        values = {name: int(round(value, -6)) for name, value in level.items()}
        number = at % 4 + 1
        filed = end + pd.offsets.BDay(28 if number == 4 else 21)
        if filed < now.tz_convert(None).normalize():
            found.append(
                Quarter(ends[first + at] + pd.Timedelta(days=1), end, filed, number, values)
            )
    return found


def document(company: str, told: list[Quarter]) -> bytes:
    """One filing a quarter: the year so far and the year before so far; balances of its day."""
    tags: dict[str, dict[str, list[dict]]] = {}
    for at, quarter in enumerate(told):
        if quarter.number < 4 and at < quarter.number:
            continue  # its year began before the first quarter
        yearly, filed = quarter.number == 4, f"{quarter.filed:%Y-%m-%d}"
        head = {"fy": quarter.end.year, "fp": "FY" if yearly else f"Q{quarter.number}",
                "form": "10-K" if yearly else "10-Q", "filed": filed,
                "accn": f"0000000000-{filed[2:4]}-{at:06}"}  # fmt: skip
        for name, names in TAGS.items():
            tag = (
                names[_CAPITAL_SPENDING.get(company, 0)] if name == "capital_spending" else names[0]
            )
            unit = "shares" if name == "diluted_shares" else "USD"
            facts = tags.setdefault(tag, {}).setdefault(unit, [])
            for last in (at - 4, at):
                spans = (
                    [told[last - quarter.number + 1 : last + 1]]
                    if last + 1 >= quarter.number
                    else []
                )
                if unit == "shares" and quarter.number < 4 and spans:
                    spans.append(told[last : last + 1])
                for span in spans:
                    numbers = [one.told[name] for one in span]
                    value = sum(numbers) // (len(span) if unit == "shares" else 1)
                    days = {"start": span[0].start, "end": span[-1].end}
                    written = {name: f"{day:%Y-%m-%d}" for name, day in days.items()}
                    facts.append({**written, "val": value, **head})
        held = {PARTS["cash"][1][0][0][0]: "liquid", PARTS["cash"][1][1][0][0]: "securities",
                PARTS["debt"][1][0][0][0]: "long", PARTS["debt"][1][1][0][0]: "short"}  # fmt: skip
        for tag, name in held.items():
            facts = tags.setdefault(tag, {}).setdefault("USD", [])
            facts += [
                {"end": f"{one.end:%Y-%m-%d}", "val": one.told[name], **head}
                for one in told[max(0, at - 1) : at + 1]
            ]
    found = {tag: {"label": tag, "description": "", "units": units} for tag, units in tags.items()}
    body = {
        "cik": COMPANIES[company],
        "entityName": company,
        "facts": {"dei": {}, "us-gaap": found},
    }
    return json.dumps(body).encode()

"""FINRA's files of short interest, for the members that `replay.holdings` knows."""

import numpy as np
import pandas as pd
from replay import holdings

from regime.data.calendar import settlement_days
from regime.data.declared.finra import SERIES
from regime.data.sources.finra import ADDRESS

HEADER = (
    "accountingYearMonthNumber|symbolCode|issueName|issuerServicesGroupExchangeCode|"
    "marketClassCode|currentShortPositionQuantity|previousShortPositionQuantity|stockSplitFlag|"
    "averageDailyVolumeQuantity|daysToCoverQuantity|revisionFlag|changePercent|"
    "changePreviousNumber|settlementDate"
)
MONTHS = 14


def documents(*, now: pd.Timestamp) -> dict[str, bytes]:
    """A file of each settlement day whose value is known by `now`, by "host/path"."""
    today = now.tz_convert(None).normalize()
    days = settlement_days(today - pd.DateOffset(months=MONTHS), today)
    days = days[SERIES[0].known_at(days) <= now]
    return {key(day): document(lines(day), day) for day in days}


def key(day: pd.Timestamp) -> str:
    """Where the file of a day is."""
    return ADDRESS.format(day).removeprefix("https://")


def lines(day: pd.Timestamp) -> list[tuple]:
    """Symbol, shares short now and before, mark of a split, and volume, of every member."""
    small = ["MOGA", *("Q" + holdings.filler(at) for at in range(1, 80))]
    large = [ticker.replace(".", "") for ticker in holdings.GIANTS]
    large += [holdings.filler(at) for at in range(holdings.OTHERS)]
    drawn = np.random.default_rng(day.toordinal())
    found = []
    for symbol in sorted([*small, *large, "OTCQX"]):
        before, volume = drawn.integers(50_000, 5_000_000, 2)
        now = round(before * drawn.uniform(0.9, 1.1))
        found.append((symbol, now, int(before), "", int(volume)))
    return found


def document(told: list[tuple], day: pd.Timestamp) -> bytes:
    """The file of these lines."""
    text = [HEADER]
    for symbol, now, before, split, volume in told:
        text.append(
            f'{day:%Y%m%d}|{symbol}|"{symbol}" Inc.|A|NYSE|{now}|{before}|{split}|{volume}|1.00||'
            f"0.00|0|{day:%Y-%m-%d}"
        )
    return ("\n".join(text) + "\n").encode()

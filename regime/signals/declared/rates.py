"""Rates: cuts that are priced, the curve, credit, and liquidity."""

import pandas as pd

from regime.signals.declaration import (
    MILLION,
    PERCENT,
    RATE_POINTS,
    Measure,
    Signal,
    Topic,
    column,
    difference,
)
from regime.signals.measures import change
from regime.signals.windows import returns

FAMILY = "rates"
WEEKS_13 = 63  # sessions

CUTS = Topic(
    "Rate-cut pricing", FAMILY,
    "How many cuts of the policy rate does the bond market expect?",
    "Small companies borrow at floating rates: cuts help them first.",
    lean="low, so cuts are priced: small-cap-led; high: mega-cap-led",
    trap="A yield is what is expected of the policy rate and a term premium on top, so it says too "
    "few cuts when the premium is high, and of bills too many when cash is scarce: read the change "
    "rather than the level. A quarter of a point is one cut only if it lasted all year.",
)  # fmt: skip
FUTURES = Topic(
    "Rate-cut pricing by futures", FAMILY,
    "How far do futures see the policy rate from here in twelve months?",
    "Futures settle on the policy rate itself, so they carry less of a premium than bills.",
    lean=CUTS.lean,
    trap="A month's contract settles on the mean of the month, not on a meeting.",
    supply="No free history: supply a table own_series with the columns date and fed_funds_12m, "
    "the policy rate in twelve months in percent.",
)  # fmt: skip
CURVE = Topic(
    "Rates, curve and real yield", FAMILY,
    "What does money cost, for how long, and after inflation?",
    "Rate cuts help those who borrow at floating rates; high real yields weigh on profits that "
    "lie far ahead.",
    lean="falling short rates: small-cap-led; a steeper curve: broadening",
    trap="Published on the business day after, so the newest is of the day before. A curve "
    "steepens by falling short rates or by rising long ones, which are not the same news.",
)  # fmt: skip
CREDIT = Topic(
    "Credit", FAMILY,
    "Do lenders see a soft landing?",
    "Small companies owe more and are rated lower: wide spreads reach them first.",
    lean="wide or widening: mega-cap-led; tight: small-cap-led or broadening",
    trap="FRED serves the high-yield spread of ICE for three years only: older values are those "
    "archived from the first fetch on. HYG holds shorter bonds than IEF, so part of its lead is "
    "one of rates.",
)  # fmt: skip
LIQUIDITY = Topic(
    "Liquidity", FAMILY,
    "Is there more money in the system, or less?",
    "Peak liquidity is said to end what it had carried: the dearest and the smallest alike.",
    lean="rising: small-cap-led or broadening; falling: away from small companies",
    trap="Weekly, out on Thursday for Wednesday, and here at the close of the next session after "
    "Friday. WRESBAL is the mean of a week and WALCL its Wednesday. Net liquidity leaves out the "
    "Treasury's own account. Two series that trend together say little of each other.",
)  # fmt: skip

# Of these, models see those that the catalogue has modelled since it began.
_YIELDS = {
    "DGS3MO": "Treasury yield, 3 months", "DGS6MO": "Treasury yield, 6 months",
    "DGS1": "Treasury yield, 1 year", "DGS2": "Treasury yield, 2 years",
    "DGS3": "Treasury yield, 3 years", "DGS5": "Treasury yield, 5 years",
    "DGS7": "Treasury yield, 7 years", "DGS10": "Treasury yield, 10 years",
    "DGS20": "Treasury yield, 20 years", "DGS30": "Treasury yield, 30 years",
    "DFII10": "Real Treasury yield, 10 years", "T10YIE": "Break-even inflation, 10 years",
}  # fmt: skip
_SLOPES = {
    "T10Y2Y": "10-year less 2-year Treasury yield",
    "T10Y3M": "10-year less 3-month Treasury yield",
}
_SPREADS = {
    "BAA10Y": "Baa corporate yield less the 10-year Treasury yield",
    "BAMLH0A0HYM2": "High-yield spread",
}


def net_liquidity(panel: pd.DataFrame) -> "pd.Series[float]":
    """Total assets of the Federal Reserve less what it has taken in over night, million USD."""
    return panel["WALCL"] - panel["RRPONTSYD"]


def _levels(titles: dict[str, str], unit: str, topic: Topic) -> list[Signal]:
    return [
        Signal(name, title, unit, (name,), column(name), topic, feature=name in _SPREADS)
        for name, title in titles.items()
    ]


def _spread(
    name: str, title: str, one: str, other: str, topic: Topic, *, feature: bool = False
) -> Signal:
    return Signal(
        name, title, RATE_POINTS, (one, other), difference(one, other), topic, feature=feature
    )


def _liquidity(name: str, title: str, needs: tuple[str, ...], measure: Measure) -> list[Signal]:
    return [
        Signal(name, title, MILLION, needs, measure, LIQUIDITY),
        Signal(f"{name}_13w", f"{title}, change over 13 weeks", MILLION, needs,
               lambda panel: change(measure(panel), WEEKS_13), LIQUIDITY),
    ]  # fmt: skip


SIGNALS = [
    _spread("one_year_over_funds", "1-year yield less the federal funds rate", "DGS1", "DFF",
            CUTS, feature=True),
    _spread("two_year_over_funds", "2-year yield less the federal funds rate", "DGS2", "DFF",
            CUTS, feature=True),
    _spread("one_year_over_sofr", "1-year yield less the secured overnight rate", "DGS1", "SOFR",
            CUTS),
    _spread("futures_over_funds", "Futures in twelve months less the federal funds rate",
            "fed_funds_12m", "DFF", FUTURES),
    *_levels(_YIELDS, PERCENT, CURVE),
    *_levels(_SLOPES, RATE_POINTS, CURVE),
    *_levels(_SPREADS, RATE_POINTS, CREDIT),
    *returns("credit_over_treasuries", "High-yield bonds less 7 to 10-year Treasuries", "HYG",
             CREDIT, against="IEF"),
    *_liquidity("fed_assets", "Total assets of the Federal Reserve", ("WALCL",), column("WALCL")),
    *_liquidity("reverse_repo", "Overnight reverse repurchases", ("RRPONTSYD",),
                column("RRPONTSYD")),
    *_liquidity("bank_reserves", "Reserve balances, mean of the week", ("WRESBAL",),
                column("WRESBAL")),
    *_liquidity("net_liquidity", "Fed assets less reverse repurchases", ("WALCL", "RRPONTSYD"),
                net_liquidity),
]  # fmt: skip

"""The economy as it was known: inflation, jobs, output, the consumer, and policy uncertainty.

Whatever compares a month with earlier ones takes all of them from one vintage, that of the day, or
the benchmark of a January would pass for jobs: these signals need `<series>@<n>` of
`regime.signals.prints`. Consumer prices are hardly revised: without that column the earlier month
as last seen serves, but never across a new base.
"""

import numpy as np
import pandas as pd

from regime.data.series import Frequency, Unit
from regime.signals.declaration import (
    LEVEL,
    PERCENT,
    RATE_POINTS,
    SHARE,
    Measure,
    Signal,
    Topic,
    column,
    difference,
)
from regime.signals.measures import GAP
from regime.signals.prints import before, period_of, print_change

FAMILY = "economy"
# Consumer prices have not moved by 3% in a month since 1947; a new base moves them by far more.
NEW_BASE = 0.03
_SMOOTHED = 30  # sessions
_LEAST_MOVING = 4  # of the six headlines
# Months and weeks before the newest.
_RATES = [before("UNRATE", one) for one in range(1, 15)]
_WEEKS_4 = [before("ICSA", one) for one in range(1, 4)]
_WEEKS_4_AGO = [before("ICSA", one) for one in range(52, 56)]

INFLATION = Topic(
    "Inflation and its surprises", FAMILY,
    "Is inflation falling, and did the last report say so?",
    "A softer report set off the rotation of July 2024: it brings rate cuts nearer.",
    lean="low: small-cap-led, by what they owe at floating rates; high: mega-cap-led",
    trap="As known then, so a chart of today's figures differs. The change from the print before "
    "is a proxy of the surprise: what was expected is in no free source. After a month that was "
    "never published there is no change of that month.",
)  # fmt: skip
JOBS = Topic(
    "Jobs", FAMILY,
    "Is the labour market cooling, and how fast?",
    "A soft landing broadens a market; a recession takes small companies down first.",
    lean="payrolls high, unemployment and claims steady: broadening; the reverse: mega-cap-led",
    trap="Payrolls of a month are revised twice, and all of them once a year: both months are of "
    "the vintage known on the day, and the newest is the least certain.",
)  # fmt: skip
DEMAND = Topic(
    "Growth and the consumer", FAMILY,
    "Do sales, output and sentiment still grow?",
    "Small companies sell at home, the giants all over the world.",
    lean="high: small-cap-led or broadening",
    trap="Retail sales are in dollars, so inflation counts as growth. Both months are of the "
    "vintage known on the day. Sentiment is asked by telephone or online, not measured.",
)  # fmt: skip
POLICY = Topic(
    "Policy uncertainty", FAMILY,
    "Do newspapers write of uncertain policy?",
    "Trade deals let uncertainty fall, and money goes back to what it had fled.",
    lean="high: mega-cap-led; falling: broadening",
    trap="A count of articles, noisy from day to day and recounted for some days after: the mean "
    "of thirty sessions says more.",
)  # fmt: skip


def _grown(series: str, months: int) -> Measure:
    """Growth over months in percent, both of the vintage of the day."""
    return lambda panel: 100 * (panel[series] / panel[before(series, months)] - 1)


def _less(series: str, months: int) -> Measure:
    """Change over months in the unit of the series, both of the vintage of the day."""
    return difference(series, before(series, months))


def _inflation(series: str, months: int) -> Measure:
    """Growth over months at an annual rate, in percent; never across a new base."""

    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        growth = print_change(
            panel[series], panel[period_of(series)], months, ratio=True, bound=NEW_BASE,
            known=panel[before(series, months)],
        )  # fmt: skip
        return 100 * ((1 + growth) ** (12 / months) - 1)

    return measure


def _from_print_before(of: Measure, series: str) -> Measure:
    """What the newest print changed, against the value the print before had left."""
    return lambda panel: print_change(of(panel), panel[period_of(series)], 1)


def rise_of_unemployment(panel: pd.DataFrame) -> "pd.Series[float]":
    """Three-month mean of the unemployment rate less its lowest of the twelve months before.

    Percentage points, of months as known that day. Of three months two are enough and of twelve
    means ten, since the survey of October 2025 was never made; NaN with fewer.

    References
    ----------
    Sahm (2019), in Recession Ready, 67-92: the rule, here without its threshold.
    """
    months = panel[["UNRATE", *_RATES]].to_numpy(np.float64)
    three = np.lib.stride_tricks.sliding_window_view(months, 3, axis=1)
    known = np.isfinite(three).sum(axis=2)
    means = np.where(known >= 2, np.nansum(three, axis=2) / np.maximum(known, 1), np.nan)
    earlier = means[:, 1:]
    lowest = np.where(np.isnan(earlier), np.inf, earlier).min(axis=1)
    rise = np.where(np.isfinite(earlier).sum(axis=1) >= 10, means[:, 0] - lowest, np.nan)
    return pd.Series(rise, panel.index).where(panel["UNRATE"].notna())


def claims(panel: pd.DataFrame) -> "pd.Series[float]":
    """Initial claims, mean of four weeks as known that day; NaN if one is missing."""
    return panel[["ICSA", *_WEEKS_4]].mean(axis=1, skipna=False)


def _claims_grown(panel: pd.DataFrame) -> "pd.Series[float]":
    return 100 * (claims(panel) / panel[list(_WEEKS_4_AGO)].mean(axis=1, skipna=False) - 1)


def _payrolls(panel: pd.DataFrame) -> "pd.Series[float]":
    return _less("PAYEMS", 3)(panel) / 3


_HEADLINES: dict[str, Measure] = {
    "PAYEMS": _payrolls,
    "UNRATE": lambda panel: -panel["UNRATE"],
    "ICSA": lambda panel: -claims(panel),
    "RSAFS": _grown("RSAFS", 12),
    "INDPRO": _grown("INDPRO", 12),
    "UMCSENT": column("UMCSENT"),
}


def direction(panel: pd.DataFrame) -> "pd.Series[float]":
    """Share of six headlines that are better than at the print of a quarter before.

    Payrolls (mean change of three months), retail sales and output (growth over a year),
    sentiment, and unemployment and claims with the sign turned. No change is no improvement.
    NaN with fewer than four of them.
    """
    changes = {
        name: print_change(of(panel), panel[period_of(name)], 13, frequency=Frequency.WEEKLY)
        if name == "ICSA"
        else print_change(of(panel), panel[period_of(name)], 3)
        for name, of in _HEADLINES.items()
    }
    change = pd.DataFrame(changes, index=panel.index).round(9)
    known = change.notna().sum(axis=1)
    return ((change > 0).sum(axis=1) / known).where(known >= _LEAST_MOVING)


def _smoothed(panel: pd.DataFrame) -> "pd.Series[float]":
    level = panel["USEPUINDXD"]
    return level.ffill(limit=GAP).rolling(_SMOOTHED).mean().where(level.notna())


def _level(name: str, title: str, unit: str, series: str, topic: Topic) -> Signal:
    return Signal(name, title, unit, (series,), column(series), topic)


def _prices(series: str, name: str, title: str) -> list[Signal]:
    needs = (series, period_of(series))
    yearly, quarterly = _inflation(series, 12), _inflation(series, 3)
    year, quarter = (before(series, 12),), (before(series, 3),)
    return [
        Signal(f"{name}_yoy", f"{title}, over a year", PERCENT, needs, yearly, INFLATION,
               uses=year),
        Signal(f"{name}_3m", f"{title}, over three months at an annual rate", PERCENT, needs,
               quarterly, INFLATION, uses=quarter),
        Signal(f"{name}_surprise", f"{title}, over a year: change from the print before",
               RATE_POINTS, needs, _from_print_before(yearly, series), INFLATION, uses=year),
    ]  # fmt: skip


_COMPARED = tuple(name for series in _HEADLINES for name in (series, period_of(series)))
SIGNALS = [
    *_prices("CPIAUCSL", "cpi", "Consumer prices"),
    *_prices("CPILFESL", "core_cpi", "Consumer prices without food and energy"),
    Signal("payrolls_3m", "Payrolls, mean change of three months", Unit.THOUSANDS,
           ("PAYEMS", before("PAYEMS", 3)), _payrolls, JOBS),
    _level("unemployment", "Unemployment rate", RATE_POINTS, "UNRATE", JOBS),
    Signal("unemployment_12m", "Unemployment rate, change over a year", RATE_POINTS,
           ("UNRATE", before("UNRATE", 12)), _less("UNRATE", 12), JOBS),
    Signal("unemployment_rise", "Unemployment, three-month mean above its low of a year",
           RATE_POINTS, ("UNRATE", *_RATES), rise_of_unemployment, JOBS,
           trap="Half a point has come with every recession since 1970, and in 2024 without one."),
    Signal("claims_4w", "Initial claims, mean of four weeks", Unit.COUNT, ("ICSA", *_WEEKS_4),
           claims, JOBS),
    Signal("claims_yoy", "Initial claims, four weeks against a year before", PERCENT,
           ("ICSA", *_WEEKS_4, *_WEEKS_4_AGO), _claims_grown, JOBS),
    Signal("retail_yoy", "Retail sales, over a year", PERCENT, ("RSAFS", before("RSAFS", 12)),
           _grown("RSAFS", 12), DEMAND),
    Signal("output_yoy", "Industrial production, over a year", PERCENT,
           ("INDPRO", before("INDPRO", 12)), _grown("INDPRO", 12), DEMAND),
    _level("sentiment", "Consumer sentiment", LEVEL, "UMCSENT", DEMAND),
    Signal("sentiment_12m", "Consumer sentiment, change over a year", LEVEL,
           ("UMCSENT", before("UMCSENT", 12)), _less("UMCSENT", 12), DEMAND),
    Signal("growth_direction", "Headlines of growth that improved in a quarter", SHARE,
           (*_COMPARED, before("PAYEMS", 3), *_WEEKS_4, before("RSAFS", 12), before("INDPRO", 12)),
           direction, DEMAND),
    _level("policy_uncertainty", "Policy uncertainty", LEVEL, "USEPUINDXD", POLICY),
    Signal("policy_uncertainty_30d", "Policy uncertainty, mean of 30 sessions", LEVEL,
           ("USEPUINDXD",), _smoothed, POLICY),
]  # fmt: skip

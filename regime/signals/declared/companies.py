"""Companies: what the giants earn, spend, owe and cost, and how frail the small ones are."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from regime.data.declared.own import TABLE
from regime.data.declared.sec import COMPANIES, series_id
from regime.data.series import Unit
from regime.signals.declaration import (
    MILLION,
    PERCENT,
    RATIO,
    SHARE,
    Measure,
    Signal,
    Topic,
    column,
    difference,
)
from regime.signals.filings import growth, market_value, year_before
from regime.signals.measures import percentile
from regime.signals.windows import returns

FAMILY = "companies"
GIANTS = tuple(COMPANIES)
SPENDERS = ("MSFT", "GOOGL", "AMZN", "META", "ORCL")
# Amazon buys back so seldom that most of its filings have no such line.
BUYERS = tuple(one for one in GIANTS if one != "AMZN")
EXPENSIVE = 25  # price over earnings
_TWENTY_YEARS, _LEAST = 5040, 252  # sessions

_FILED = "Known from the day of the filing, weeks after the quarter. "
_SHARES = (
    "Market value is the close as quoted times diluted shares as filed, times the splits since the "
    "filing; the mean of a quarter or year of shares lags what is bought back. A split that the "
    "vendor tells late is late here, too. "
)
_DEFINITION = (
    "The same index was at 11.8 or 27.1 times earnings in January 2024, without or with its "
    "loss-makers: compare only what is defined alike."
)

SPENDING = Topic(
    "Capital spending of the giants", FAMILY,
    "How much of what they earn, and of what they hold, do the giants spend on data centres?",
    "What is spent on data centres is not there for shareholders, and may have to be borrowed.",
    lean="high: away from mega-cap-led, say those who doubt the spending",
    trap=f"{_FILED}A sum only where all of {', '.join(SPENDERS)} are known. Notes quote it over "
    f"cash flow or over cash held: two numbers. Leases are apart, so what is rented does not "
    f"count.",
)  # fmt: skip
SHEETS = Topic(
    "Giants' balance sheets", FAMILY,
    "Are the giants' balance sheets still the best, and are they still the largest buyers of "
    "their own shares?",
    "Net cash and buy-backs were reasons to own them at any price.",
    lean="falling: away from mega-cap-led",
    trap=f"{_FILED}Debt is without leases. A company that files no line of debt or of buy-backs "
    f"is not known to have none: then it has no number, nor has the sum. {_SHARES}".strip(),
)  # fmt: skip
EARNINGS = Topic(
    "Giants' own P/E and earnings growth", FAMILY,
    "What do the giants cost, and do their earnings still grow?",
    "Strategists found six of seven far above 25 times earnings while growth slowed.",
    lean="dear and slowing: away from mega-cap-led",
    trap=f"{_FILED}Net income of four quarters, as filed, with all that happens once. {_SHARES}"
    f"Oracle stands in the place of Tesla among the seven. Alphabet's diluted shares are of all "
    f"its classes, valued at the price of class A. A loss has no P/E, and no growth is told from "
    f"one.",
)  # fmt: skip
VALUATION = Topic(
    "Valuation spread, current", FAMILY,
    "How much dearer are large companies than small ones, today?",
    "Strategists put small companies in the cheapest tenth of twenty years against large ones.",
    lean="low: room for small-cap-led",
    trap=_DEFINITION,
    supply=f"Index P/Es have no free source: put a table {TABLE}, with a date and the columns "
    f"forward_pe_sp500, forward_pe_sp400, forward_pe_sp600, forward_pe_russell2000, "
    f"trailing_pe_small and trailing_pe_small_profitable, where `files` reads.",
)  # fmt: skip
OF_GIANTS = replace(VALUATION, trap=f"{_DEFINITION} {_FILED}{_SHARES}".strip(), supply="")
REVISIONS = Topic(
    "Earnings revisions", FAMILY,
    "Are estimates of earnings raised or cut, and more so for small companies or large ones?",
    "Strategists found estimates of small companies the weakest, however cheap they were.",
    lean="small above large: room for small-cap-led",
    trap="Estimates raised less cut, over all that were changed: each maker counts other analysts "
    "and other weeks, so compare only what one maker says.",
    supply=f"Revisions have no free history: put a table {TABLE}, with a date and the columns "
    f"earnings_revisions_small and earnings_revisions_large (-1 to 1), where `files` reads.",
)  # fmt: skip
BY_PROXY = replace(
    REVISIONS,
    trap=f"A proxy, and no revision: analysts are not asked. {_FILED}What was filed a year before "
    f"stands in for what was expected, and nothing is said of small companies. Oracle stands in "
    f"the place of Tesla among the seven.",
    supply="",
)
FRAGILITY = Topic(
    "Small-company fragility", FAMILY,
    "How many small companies lose money, and how much do they owe?",
    "Floating debt and losses make small companies hang on rates; their bursts begin with the "
    "frailest.",
    lean="loss-makers ahead: a low-quality rally, brief as a rule",
    trap="A sample, and no index: the companies whose filings have the lines that are needed. "
    "Those that failed or were bought have left it.",
)  # fmt: skip
PRICED = replace(
    FRAGILITY,
    trap="A proxy: the S&P 600 takes in a company only with a profit, the Russell 2000 any. They "
    "differ in more than that, in biotechnology above all.",
)
SUPPLIED = replace(FRAGILITY, trap=_DEFINITION, supply=VALUATION.supply)


def filed(panel: pd.DataFrame, companies: Sequence[str], measure: str) -> pd.DataFrame:
    """A measure of several companies as carried, one column for each."""
    return pd.DataFrame({one: panel[series_id(one, measure)] for one in companies})


def sums(panel: pd.DataFrame, companies: Sequence[str], measure: str) -> "pd.Series[float]":
    """A measure added up over companies; NaN where it is not known of one."""
    return filed(panel, companies, measure).sum(axis=1, skipna=False)


def values(panel: pd.DataFrame, companies: Sequence[str]) -> pd.DataFrame:
    """Market value of each company, million USD."""
    return pd.DataFrame({
        one: market_value(panel[f"{one}_close"], panel[series_id(one, "diluted_shares")],
                          panel[f"{one}_split"])
        for one in companies
    })  # fmt: skip


def pe(panel: pd.DataFrame, companies: Sequence[str], *, losses: bool) -> "pd.Series[float]":
    """Market value over net income of four quarters, both added up over companies.

    Parameters
    ----------
    losses : whether companies with a loss count, on both sides

    Returns
    -------
    Series; NaN where a number of a company is not known, or the companies lose money together.
    """
    value, income = values(panel, companies), filed(panel, companies, "net_income")
    known = value.notna().all(axis=1) & income.notna().all(axis=1)
    counted = income > (-np.inf if losses else 0.0)
    earned = income.where(counted).sum(axis=1)
    return (value.where(counted).sum(axis=1) / earned.where(earned > 0)).where(known)


def above(panel: pd.DataFrame, companies: Sequence[str], multiple: float) -> "pd.Series[float]":
    """Number of companies dearer than a multiple of their earnings; NaN unless all are known."""
    value, income = values(panel, companies), filed(panel, companies, "net_income")
    known = value.notna().all(axis=1) & income.notna().all(axis=1)
    dear = (value > multiple * income) & (income > 0)
    return dear.sum(axis=1).astype(np.float64).where(known)


def growth_of(panel: pd.DataFrame, companies: Sequence[str], measure: str) -> "pd.Series[float]":
    """Percent by which a measure, added up over companies, grew from the same quarter a year
    before; NaN where one is not known, or the base is not above zero.
    """
    now = filed(panel, companies, measure)
    base = now.apply(year_before).sum(axis=1, skipna=False)
    return 100 * growth(now.sum(axis=1, skipna=False), base)


def share_ahead(panel: pd.DataFrame, companies: Sequence[str], measure: str) -> "pd.Series[float]":
    """Share of companies of which a measure is above that of the same quarter a year before; a
    smaller loss is above a larger one. NaN unless both are known of all.
    """
    now = filed(panel, companies, measure)
    base = now.apply(year_before)
    known = now.notna().all(axis=1) & base.notna().all(axis=1)
    return (now > base).mean(axis=1).where(known)


def _needs(companies: Sequence[str], *measures: str, priced: bool = False) -> tuple[str, ...]:
    facts = tuple(series_id(one, measure) for measure in measures for one in companies)
    if not priced:
        return facts
    shares = tuple(series_id(one, "diluted_shares") for one in companies)
    return (*facts, *shares, *(f"{one}_close" for one in companies))


def _splits(companies: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{one}_split" for one in companies)


def _over(companies: Sequence[str], measure: str, base: str) -> Measure:
    def measured(panel: pd.DataFrame) -> "pd.Series[float]":
        below = sums(panel, companies, base)
        return sums(panel, companies, measure) / below.where(below > 0)

    return measured


def _net_cash(panel: pd.DataFrame, companies: Sequence[str]) -> "pd.Series[float]":
    return sums(panel, companies, "cash") - sums(panel, companies, "debt")


def _net_cash_over_value(companies: Sequence[str]) -> Measure:
    def measured(panel: pd.DataFrame) -> "pd.Series[float]":
        value = values(panel, companies).sum(axis=1, skipna=False)
        return _net_cash(panel, companies) / value

    return measured


def _spending() -> list[Signal]:
    flow, held = ("capital_spending", "operating_cash_flow"), ("capital_spending", "cash")
    return [
        Signal("capex_over_cash_flow", "Capital spending over cash flow from operations, five "
               "giants", RATIO, _needs(SPENDERS, *flow), _over(SPENDERS, *flow), SPENDING),
        Signal("capex_over_cash", "Capital spending of four quarters over cash held, five giants",
               RATIO, _needs(SPENDERS, *held), _over(SPENDERS, *held), SPENDING),
        Signal("capex", "Capital spending of four quarters, five giants", MILLION,
               _needs(SPENDERS, flow[0]), lambda panel: sums(panel, SPENDERS, flow[0]), SPENDING),
        Signal("capex_growth", "Growth of capital spending over a year, five giants", PERCENT,
               _needs(SPENDERS, flow[0]), lambda panel: growth_of(panel, SPENDERS, flow[0]),
               SPENDING, trap="From what was filed a year before, as it was then."),
        *(Signal(f"{one}_capex_over_cash_flow", f"{one}: capital spending over cash flow from "
                 "operations", RATIO, _needs((one,), *flow), _over((one,), *flow), SPENDING)
          for one in SPENDERS),
    ]  # fmt: skip


def _sheets() -> list[Signal]:
    balance, bought = ("cash", "debt"), ("buybacks", "operating_cash_flow")
    apart = "Without Amazon, most of whose filings have no line of buy-backs."
    return [
        Signal("net_cash", "Net cash, seven giants", MILLION, _needs(GIANTS, *balance),
               lambda panel: _net_cash(panel, GIANTS), SHEETS),
        Signal("net_cash_over_value", "Net cash over market value, seven giants", SHARE,
               _needs(GIANTS, *balance, priced=True), _net_cash_over_value(GIANTS), SHEETS,
               uses=_splits(GIANTS)),
        Signal("buybacks", "Shares bought back in four quarters, six giants", MILLION,
               _needs(BUYERS, bought[0]), lambda panel: sums(panel, BUYERS, bought[0]), SHEETS,
               trap=apart),
        Signal("buybacks_over_cash_flow", "Shares bought back over cash flow from operations, six "
               "giants", RATIO, _needs(BUYERS, *bought), _over(BUYERS, *bought), SHEETS,
               trap=apart),
        *(Signal(f"{one}_net_cash_over_value", f"{one}: net cash over market value", SHARE,
                 _needs((one,), *balance, priced=True), _net_cash_over_value((one,)), SHEETS,
                 uses=_splits((one,))) for one in GIANTS),
        *(Signal(f"{one}_buybacks_over_cash_flow", f"{one}: shares bought back over cash flow "
                 "from operations", RATIO, _needs((one,), *bought), _over((one,), *bought), SHEETS)
          for one in BUYERS),
    ]  # fmt: skip


def _pe(companies: Sequence[str], *, losses: bool) -> Measure:
    return lambda panel: pe(panel, companies, losses=losses)


def _growth(companies: Sequence[str]) -> Measure:
    return lambda panel: growth_of(panel, companies, "net_income")


def _earnings() -> list[Signal]:
    return [
        *(Signal(f"{one}_pe", f"{one}: market value over net income of four quarters", RATIO,
                 _needs((one,), "net_income", priced=True), _pe((one,), losses=True), EARNINGS,
                 uses=_splits((one,))) for one in GIANTS),
        Signal("giants_above_25", f"Giants, of seven, above {EXPENSIVE} times earnings", Unit.COUNT,
               _needs(GIANTS, "net_income", priced=True),
               lambda panel: above(panel, GIANTS, EXPENSIVE), EARNINGS, uses=_splits(GIANTS),
               ranked=False, trap="A loss-maker is not among them."),
        *(Signal(f"{one}_earnings_growth", f"{one}: growth of net income over a year", PERCENT,
                 _needs((one,), "net_income"), _growth((one,)), EARNINGS) for one in GIANTS),
        Signal("giants_earnings_growth", "Growth of net income over a year, seven giants", PERCENT,
               _needs(GIANTS, "net_income"), _growth(GIANTS), EARNINGS),
    ]  # fmt: skip


def _ratio(first: str, second: str) -> Measure:
    return lambda panel: panel[first] / panel[second].where(panel[second] > 0)


def _forward(index: str, size: str, title: str) -> list[Signal]:
    both = (f"forward_pe_{index}", "forward_pe_sp500")
    over = _ratio(*both)
    trap = "Most makers of expected P/Es leave out companies that are expected to lose money."
    return [
        Signal(f"forward_pe_{size}_over_large", f"Expected P/E, {title} over S&P 500", RATIO, both,
               over, VALUATION, trap=trap),
        Signal(f"forward_pe_{size}_over_large_place",
               f"Expected P/E, {title} over S&P 500, percentile of twenty years", SHARE, both,
               lambda panel: percentile(over(panel), _TWENTY_YEARS, _LEAST), VALUATION,
               trap=f"{trap} Of what had been supplied by each day, a year at least."),
    ]  # fmt: skip


def _trailing(losses: bool) -> list[Signal]:
    name, title, own = (
        ("with_losses", "loss-makers counted", "trailing_pe_small") if losses
        else ("without_losses", "loss-makers left out", "trailing_pe_small_profitable")
    )  # fmt: skip
    giants = _needs(GIANTS, "net_income", priced=True)
    return [
        Signal(f"giants_pe_{name}", f"Trailing P/E of seven giants together, {title}", RATIO,
               giants, _pe(GIANTS, losses=losses), OF_GIANTS, uses=_splits(GIANTS)),
        Signal(f"small_pe_{name}", f"Trailing P/E of small companies, {title}", RATIO, (own,),
               column(own), VALUATION),
        Signal(f"small_over_giants_pe_{name}",
               f"Trailing P/E, small companies over seven giants, {title}", RATIO, (own, *giants),
               lambda panel: panel[own] / pe(panel, GIANTS, losses=losses), VALUATION,
               uses=_splits(GIANTS), trap=f"{_FILED}{_SHARES}".strip()),
    ]  # fmt: skip


def _revisions() -> list[Signal]:
    small, large = "earnings_revisions_small", "earnings_revisions_large"
    unit = f"{RATIO}, -1 to 1"
    return [
        Signal("revisions_small", "Earnings revisions of small companies, raised less cut", unit,
               (small,), column(small), REVISIONS),
        Signal("revisions_large", "Earnings revisions of large companies, raised less cut", unit,
               (large,), column(large), REVISIONS),
        Signal("revisions_small_less_large", "Earnings revisions, small companies less large",
               RATIO, (small, large), difference(small, large), REVISIONS),
        Signal("revisions_proxy", "Proxy of earnings revisions: giants, of seven, whose net income "
               "beats that of a year before", SHARE, _needs(GIANTS, "net_income"),
               lambda panel: share_ahead(panel, GIANTS, "net_income"), BY_PROXY),
    ]  # fmt: skip


def _fragility() -> list[Signal]:
    small, large = "filers_loss_makers_small", "filers_loss_makers_large"
    debt = "filers_debt_to_operating_income_small"
    pes = ("trailing_pe_small", "trailing_pe_small_profitable")
    return [
        *returns("loss_makers_ahead", "Russell 2000 less S&P 600, which asks for a profit", "IWM",
                 PRICED, against="IJR", spans=(21, 63, 252), ytd=False),
        Signal("loss_makers_small", "Small companies with a loss", SHARE, (small,), column(small),
               FRAGILITY),
        Signal("loss_makers_large", "Large companies with a loss", SHARE, (large,), column(large),
               FRAGILITY),
        Signal("loss_makers_small_less_large", "Companies with a loss, small less large", SHARE,
               (small, large), difference(small, large), FRAGILITY),
        Signal("debt_to_income_small", "Small companies, debt over operating income", RATIO,
               (debt,), column(debt), FRAGILITY),
        Signal("losses_in_small_pe", "Small companies' P/E with loss-makers over that without",
               RATIO, pes, _ratio(*pes), SUPPLIED,
               trap="No share of loss-makers: that would need their market value as well."),
    ]  # fmt: skip


SIGNALS = [
    *_trailing(losses=True),
    *_trailing(losses=False),
    *_forward("sp600", "small", "S&P 600"),
    *_forward("russell2000", "russell", "Russell 2000"),
    *_forward("sp400", "mid", "S&P 400"),
    *_spending(),
    *_sheets(),
    *_earnings(),
    *_revisions(),
    *_fragility(),
]

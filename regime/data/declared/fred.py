"""Rates, credit, volatility and the economy, as FRED serves them.

Periods. Daily: the day. Weekly: the Friday of the week, Sunday to Saturday, in which FRED's
own date lies, which is a Friday for NFCI, a Saturday for ICSA, a Wednesday for WALCL and
WRESBAL. Monthly: FRED writes the first day of the month; the period is the last.

Units. FRED gives RRPONTSYD, WRESBAL, M2SL, BUSLOANS and PCE in billions: `IN_UNITS` is what
one of FRED's is here. UNRATE and CUMFNS are points of 100, NFCI is a ratio: standard
deviations from its mean.

Lags follow the usual calendar of the publisher. Within them came nearly every release since
1990; earlier ones, and those after a shutdown of the government, were up to some weeks later.

Basis. PUBLISHED is not revised, or so rarely that it makes no difference. VINTAGE holds with
a key for the API (`sources/alfred.py`): each revision has the day on which it came out.
Without a key the same series hold the latest revision, known by the lag, and from the first
fetch on each revision that a later fetch finds: read them as REVISED. REVISED are those of
which vintages would be no help: NFCI is estimated anew over its whole history every week.
"""

from collections.abc import Iterator
from dataclasses import replace

from regime.data.series import Basis, Frequency, Series, Unit, daily

IN_UNITS = dict.fromkeys(["RRPONTSYD", "WRESBAL", "M2SL", "BUSLOANS", "PCE"], 1000)
_MOST = 1e8  # million USD; beyond it FRED has changed from billions to millions

_MODELLED = [
    # Published on the next business day.
    *daily(
        "fred_daily", Unit.PERCENT, 1, 10, Basis.PUBLISHED,
        DFF="Effective federal funds rate", DGS1="Treasury yield, 1 year",
        DGS2="Treasury yield, 2 years", DGS10="Treasury yield, 10 years",
        DFII10="Real Treasury yield, 10 years", T10YIE="Break-even inflation, 10 years",
    ),
    *daily(
        "fred_daily", Unit.POINTS, 1, 10, Basis.PUBLISHED,
        BAA10Y="Baa corporate yield less the 10-year Treasury yield",
        BAMLH0A0HYM2="US high-yield option-adjusted spread",
    ),
    *daily(
        "fred_daily", Unit.LEVEL, 1, 10, Basis.PUBLISHED,
        VIXCLS="Implied volatility of the S&P 500, 30 days (VIX)",
    ),
]  # fmt: skip

_DAILY = [
    # The Treasury publishes its yields the same evening, the New York Fed its rates by the
    # next morning.
    *daily(
        "fred_daily", Unit.PERCENT, 1, 10, Basis.PUBLISHED,
        DGS1MO="Treasury yield, 1 month", DGS3MO="Treasury yield, 3 months",
        DGS6MO="Treasury yield, 6 months", DGS3="Treasury yield, 3 years",
        DGS5="Treasury yield, 5 years", DGS7="Treasury yield, 7 years",
        DGS20="Treasury yield, 20 years", DGS30="Treasury yield, 30 years",
        DFII5="Real Treasury yield, 5 years", T5YIE="Break-even inflation, 5 years",
        SOFR="Secured overnight financing rate",
    ),
    *daily(
        "fred_daily", Unit.POINTS, 1, 10, Basis.PUBLISHED,
        T10Y2Y="10-year less 2-year Treasury yield",
        T10Y3M="10-year less 3-month Treasury yield",
        BAMLC0A0CM="US corporate option-adjusted spread, investment grade",
    ),
    *daily(
        "fred_daily", Unit.MILLION_USD, 1, 10, Basis.PUBLISHED,
        RRPONTSYD="Overnight reverse repurchases with the New York Fed",
    ),
    # A week comes out on the Monday after it at 16:15, on Tuesday if Monday is a bank holiday
    # (which need be none of the exchange): at worst the seventh session after a Monday.
    *daily(
        "fred_daily", Unit.RATIO, 7, 20, Basis.PUBLISHED,
        DEXUSEU="USD per euro", DEXJPUS="Yen per USD", DEXUSUK="USD per pound sterling",
        DEXCAUS="Canadian dollars per USD", DEXSDUS="Swedish kronor per USD",
        DEXSZUS="Swiss francs per USD",
    ),
    # Same release; its weights, and with them its past, change once a year.
    *daily(
        "fred_daily", Unit.LEVEL, 7, 20, Basis.REVISED,
        DTWEXBGS="US dollar against its trading partners, January 2006 = 100",
    ),
    # Closes; S&P lets FRED show ten years of its index. Bitcoin trades every day of the week.
    *daily(
        "fred_daily", Unit.LEVEL, 1, 10, Basis.PUBLISHED,
        SP500="S&P 500, price index", CBBTCUSD="Bitcoin, USD on Coinbase",
    ),
    # Counted anew while newspapers still come in.
    *daily(
        "fred_daily", Unit.LEVEL, 2, 10, Basis.REVISED,
        USEPUINDXD="Policy uncertainty in US newspapers, mean of 1985 to 2009 = 100",
    ),
]  # fmt: skip


def _weekly(lag: int, max_age: int, basis: Basis, unit: Unit, **titles: str) -> Iterator[Series]:
    for name, title in titles.items():
        yield Series(
            name, title, unit, Frequency.WEEKLY, lag, max_age, basis, "fred_weekly", name
        )  # fmt: skip


def _monthly(lag: int, basis: Basis, unit: Unit, **titles: str) -> Iterator[Series]:
    """A value serves until the next is out, with a month to spare."""
    for name, title in titles.items():
        yield Series(
            name, title, unit, Frequency.MONTHLY, lag, lag + 70, basis, "fred_monthly", name
        )  # fmt: skip


_WEEKLY = [
    # Wednesday for the Friday before, Thursday if the week had a holiday by then.
    *_weekly(6, 24, Basis.REVISED, Unit.RATIO,
        NFCI="Chicago Fed national financial conditions, standard deviations from the mean"),
    # Thursday for the week that ended on the Saturday before, so six days after its Friday.
    *_weekly(6, 25, Basis.VINTAGE, Unit.COUNT,
        ICSA="Initial claims for unemployment insurance, seasonally adjusted"),
    # Thursday at 16:30 for Wednesday, Friday if Thursday is a holiday: once the Friday that
    # stands for the week is over everywhere, hence at the close of the next session, mostly
    # Monday.
    *_weekly(1, 18, Basis.PUBLISHED, Unit.MILLION_USD,
        WALCL="Total assets of the Federal Reserve",
        WRESBAL="Reserve balances with the Federal Reserve, mean of the week"),
]  # fmt: skip

_MONTHLY = [
    # First or second Friday.
    *_monthly(10, Basis.VINTAGE, Unit.THOUSANDS, PAYEMS="Employees on non-farm payrolls"),
    *_monthly(10, Basis.VINTAGE, Unit.POINTS, UNRATE="Unemployment rate"),
    # Five weeks later than the jobs report.
    *_monthly(42, Basis.VINTAGE, Unit.THOUSANDS, JTSJOL="Job openings, non-farm"),
    # About the 12th.
    *_monthly(20, Basis.VINTAGE, Unit.LEVEL,
        CPIAUCSL="Consumer prices, 1982 to 1984 = 100",
        CPILFESL="Consumer prices without food and energy, 1982 to 1984 = 100",
        PPIACO="Producer prices, all commodities, 1982 = 100"),
    # At the end of the month after, sometimes a few days into the next.
    *_monthly(35, Basis.VINTAGE, Unit.LEVEL,
        PCEPI="Prices of personal consumption, index",
        PCEPILFE="Prices of personal consumption without food and energy, index"),
    *_monthly(35, Basis.VINTAGE, Unit.MILLION_USD,
        PCE="Personal consumption expenditures, annual rate"),
    # About the 16th.
    *_monthly(20, Basis.VINTAGE, Unit.LEVEL, INDPRO="Industrial production, index"),
    *_monthly(20, Basis.VINTAGE, Unit.POINTS, CUMFNS="Capacity utilisation in manufacturing"),
    *_monthly(18, Basis.VINTAGE, Unit.MILLION_USD, RSAFS="Retail and food services sales"),
    *_monthly(22, Basis.VINTAGE, Unit.THOUSANDS,
        HOUST="Housing starts, annual rate", PERMIT="Building permits, annual rate"),
    # On the fourth Tuesday; commercial banks every Friday.
    *_monthly(30, Basis.VINTAGE, Unit.MILLION_USD, M2SL="Money stock M2"),
    *_monthly(22, Basis.VINTAGE, Unit.MILLION_USD, BUSLOANS="Commercial and industrial loans"),
    # FRED may show it only a month after the university does.
    *_monthly(31, Basis.PUBLISHED, Unit.LEVEL,
        UMCSENT="Consumer sentiment, University of Michigan, 1966 Q1 = 100"),
    *_monthly(5, Basis.PUBLISHED, Unit.PERCENT, FEDFUNDS="Federal funds rate, mean of the month"),
]  # fmt: skip


def _with_bounds(one: Series) -> Series:
    """Bounds that a value can only cross if the publisher changed its unit or slipped."""
    if one.unit is Unit.MILLION_USD:
        return replace(one, lowest=0.0, highest=_MOST)
    if one.unit is Unit.PERCENT:
        return replace(one, lowest=-10.0, highest=30.0)
    if one.unit in {Unit.COUNT, Unit.THOUSANDS} or one.id.startswith("DEX"):
        return replace(one, lowest=0.0)
    return one


# ICE lets FRED show three years of its indices since April 2026, S&P ten of its; older values
# are our own.
_ROLLING = {"BAMLC0A0CM", "BAMLH0A0HYM2", "SP500"}
SERIES = [
    replace(one, rolling=one.id in _ROLLING)
    for one in [
        *_MODELLED,
        *(replace(_with_bounds(one), modelled=False) for one in [*_DAILY, *_WEEKLY, *_MONTHLY]),
    ]
]

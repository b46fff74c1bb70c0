"""Who is long and who is short of index futures: the CFTC's Traders in Financial Futures.

A value is long less short positions of one class of traders, over the open interest, of the
futures alone. Positions are those of a Tuesday (Monday if that is a holiday); the period is
the Friday of the week.

Lag. The report comes out on that Friday at 15:30 in New York, on the Monday after if a holiday
of the government fell into the days between, and on the Tuesday if its offices are closed on
the Monday too. A value therefore counts as known when the Tuesday is over, which is the close
of Wednesday: some days late in most weeks, early in none. `LATE` has the reports to which even
that does not apply.

Russell 2000 futures moved from CME to ICE in 2008 and back in 2017. Where both are reported,
from July to September 2008 or from August 2017 to June 2018, the one with more open interest
counts, ICE's if they are equal: the other is being opened or wound up.
"""

from dataclasses import dataclass

from regime.data.series import Basis, Frequency, Series, Unit

_LEVERAGED, _ASSET_MANAGERS = "Lev_Money", "Asset_Mgr"


@dataclass(frozen=True, slots=True)
class Position:
    """Whose net position in what a series is.

    Attributes
    ----------
    contracts : codes of the CFTC; of those reported for a week the most held one counts
    traders : how the names of their columns begin
    """

    contracts: tuple[str, ...]
    traders: str


_SP500, _RUSSELL = ("13874A",), ("23977A", "239742")
_NASDAQ, _VIX = ("209742",), ("1170E1",)

POSITIONS: dict[str, Position] = {
    "cftc_sp500_leveraged": Position(_SP500, _LEVERAGED),
    "cftc_sp500_asset_managers": Position(_SP500, _ASSET_MANAGERS),
    "cftc_russell_leveraged": Position(_RUSSELL, _LEVERAGED),
    "cftc_russell_asset_managers": Position(_RUSSELL, _ASSET_MANAGERS),
    "cftc_nasdaq_leveraged": Position(_NASDAQ, _LEVERAGED),
    "cftc_nasdaq_asset_managers": Position(_NASDAQ, _ASSET_MANAGERS),
    "cftc_vix_leveraged": Position(_VIX, _LEVERAGED),
}

# Periods from and to, and a day by whose end all their reports were out. An outer bound: some
# came out before it, one after the other.
LATE = [
    ("2006-06-16", "2010-07-16", "2010-07-23"),  # the report began then, with its past
    ("2013-10-04", "2013-12-27", "2014-01-03"),  # the government shut down; its end is a guess
    ("2018-12-28", "2019-03-01", "2019-03-08"),  # the government shut down
    ("2023-02-03", "2023-03-17", "2023-03-24"),  # ION, who reports for brokers, was attacked
    ("2025-10-03", "2026-01-16", "2026-01-23"),  # the government shut down
]

_TITLES = {_LEVERAGED: "leveraged funds", _ASSET_MANAGERS: "asset managers"}
_FUTURES = {
    _SP500: "E-mini S&P 500", _RUSSELL: "Russell 2000", _NASDAQ: "E-mini Nasdaq-100", _VIX: "VIX",
}  # fmt: skip

SERIES = [
    Series(
        name,
        f"{_FUTURES[one.contracts]} futures, {_TITLES[one.traders]}: net long over open interest",
        Unit.RATIO, Frequency.WEEKLY, 4, 24, Basis.PUBLISHED, "cftc_weekly", name,
        modelled=False, lowest=-1.0, highest=1.0,
        rolling=True,  # a later fetch asks for the newest years alone
    )
    for name, one in POSITIONS.items()
]  # fmt: skip

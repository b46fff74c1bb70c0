"""What only a user can supply: no publisher offers it free of charge.

One table of the user's, `own_series`, with a `date` and any of these columns. A value counts
from the close of its date; a column `known_at` says otherwise. It serves until the next one,
for `_MAX_AGE` days at most.
"""

from dataclasses import replace

from regime.data.series import Basis, Series, Unit, daily

TABLE = "own_series"
_MAX_AGE = 45  # calendar days: a month, and two weeks to spare


def _own(unit: Unit, lowest: float, highest: float, **titles: str) -> list[Series]:
    columns = daily(TABLE, unit, 0, _MAX_AGE, Basis.VINTAGE, **titles)
    return [replace(one, modelled=False, lowest=lowest, highest=highest) for one in columns]


SERIES = [
    *_own(
        Unit.RATIO, 0.0, 500.0,
        forward_pe_sp500="S&P 500, price over earnings expected for twelve months",
        forward_pe_sp400="S&P MidCap 400, price over earnings expected for twelve months",
        forward_pe_sp600="S&P SmallCap 600, price over earnings expected for twelve months",
        forward_pe_russell2000="Russell 2000, price over earnings expected for twelve months",
        trailing_pe_small="Small companies, market value over trailing income, losses included",
        trailing_pe_small_profitable="Small companies with a profit, market value over income",
    ),
    *_own(
        Unit.SHARE, -1.0, 1.0,
        earnings_revisions_large="Large companies, earnings estimates raised less cut",
        earnings_revisions_small="Small companies, earnings estimates raised less cut",
        tech_above_200dma="Technology companies above their 200-day average",
    ),
    *_own(
        Unit.PERCENT, -10.0, 100.0,
        fed_funds_12m="Federal funds rate in twelve months, by futures",
        president_approval="Approval of the president, percent of those asked",
        election_odds="Odds of the party in office, percent",
        aaii_bull_less_bear="Private investors, bullish less bearish, percentage points",
        naaim_exposure="Active managers, exposure to equities in percent",
    ),
    *_own(
        Unit.LEVEL, 0.0, float("inf"),
        strategists_target="S&P 500, mean target of strategists for the end of the year",
        gold_price="Gold, USD an ounce",
        silver_price="Silver, USD an ounce",
    ),
    *_own(
        Unit.MILLION_USD, 0.0, 1e9,
        crypto_value="Value of all crypto assets",
    ),
]  # fmt: skip

"""Robert Shiller's workbook of the US stock market."""

from dataclasses import replace

from regime.data.series import Unit, monthly

_TABLE = "shiller_monthly"

_READ_BY_NAME = [
    # The mean of a month's closes is known at its last one; the rate a few days later.
    *monthly(_TABLE, Unit.LEVEL, 0, 65, sp_price="S&P Composite, mean of the month's closes"),
    *monthly(_TABLE, Unit.PERCENT, 5, 70, gs10="Treasury yield, 10 years, mean of the month"),
    # The bureau publishes in the middle of the next month; newest months are estimates.
    *monthly(_TABLE, Unit.LEVEL, 45, 115, cpi="Consumer prices, not seasonally adjusted"),
    # Interpolated between quarterly reports, known three to six months later.
    *monthly(
        _TABLE, Unit.LEVEL, 120, 190,
        dividend="S&P Composite, dividends of twelve months",
        earnings="S&P Composite, reported earnings of twelve months",
    ),
    *monthly(
        _TABLE, Unit.RATIO, 120, 190,
        cape="Real price over the mean real earnings of ten years (CAPE)",
        tr_cape="CAPE with dividends reinvested",
    ),
]  # fmt: skip

# Beside names that say whose figures they are: the columns of the table are shorter.
_IDS = {
    "gs10": "shiller_gs10", "cpi": "shiller_cpi",
    "dividend": "sp_dividend", "earnings": "sp_earnings",
}  # fmt: skip

SERIES = [
    # Earnings behind the ratio are known three to six months after the month they carry.
    *(
        # A decimal: a workbook that turned to percent would be out of bounds.
        replace(one, lowest=-0.2, highest=0.5)
        for one in monthly(
            _TABLE, Unit.RATIO, 120, 190,
            excess_cape_yield="Cyclically adjusted earnings yield less the real 10-year yield",
        )
    ),
    *(replace(one, id=_IDS.get(one.id, one.id), modelled=False) for one in _READ_BY_NAME),
]  # fmt: skip

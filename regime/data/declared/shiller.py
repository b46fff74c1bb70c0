"""Robert Shiller's workbook of the US stock market."""

from regime.data.series import Unit, monthly

SERIES = [
    # Earnings behind the ratio are known three to six months after the month they carry.
    *monthly(
        "shiller_monthly", Unit.RATIO, 120, 190,
        excess_cape_yield="Cyclically adjusted earnings yield less the real 10-year yield",
    ),
]  # fmt: skip

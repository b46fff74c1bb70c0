"""What companies filed with the SEC, known from the day of the filing.

Periods are the ends of fiscal quarters. Flows are sums over the four quarters that end there,
as filed; balances stand on that day. With every later filing that restates a flow comes a
revision. The lag stands in where a table without filing dates is read: an annual report is
due within 60 days, a quarterly one within 40.

Earnings per share are not here: a sum over four quarters mixes shares before and after a
split until the next annual report. Net income and diluted shares are.
"""

from regime.data.series import Basis, Frequency, Series, Unit

COMPANIES = {
    "MSFT": 789019, "GOOGL": 1652044, "AMZN": 1018724, "META": 1326801, "ORCL": 1341439,
    "NVDA": 1045810, "AAPL": 320193,
}  # fmt: skip

FLOWS = {
    "capital_spending": "Capital spending, four quarters",
    "operating_cash_flow": "Cash flow from operations, four quarters",
    "net_income": "Net income, four quarters",
    "buybacks": "Shares bought back, four quarters",
}
BALANCES = {
    "cash": "Cash and marketable securities",
    "debt": "Debt, leases apart",
}
SHARES = {"diluted_shares": "Diluted shares, mean of the quarter or year"}

# A quarter, an annual report, and a month to spare.
_LAG, _MAX_AGE = 60, 185


def series_id(company: str, measure: str) -> str:
    """Name of a measure of a company, e.g. `MSFT_capital_spending`."""
    return f"{company}_{measure}"


def _series(company: str, measure: str, title: str, unit: Unit) -> Series:
    name = series_id(company, measure)
    return Series(
        name, f"{company}: {title}", unit, Frequency.QUARTERLY, _LAG, _MAX_AGE, Basis.VINTAGE,
        "companies_quarterly", name, modelled=False,
    )  # fmt: skip


SERIES: list[Series] = [
    _series(company, measure, title, unit)
    for company in COMPANIES
    for unit, titles in (
        (Unit.MILLION_USD, FLOWS | BALANCES),
        (Unit.COUNT, SHARES),
    )
    for measure, title in titles.items()
]

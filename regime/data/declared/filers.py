"""How many companies lose money, and what they owe: those that file with the SEC, by size.

A sample, and no index. Whoever files figures in US dollars under US accounting rules is ranked
by total assets at the end of the calendar year, not by market value: many of the large ones are
banks, and a subsidiary that files for itself counts beside its parent.

Yearly, from annual reports. Four quarters do not make a year here: the last of them is seldom
filed by itself. A fiscal year counts for the calendar year it fits best.

Lag. An annual report is due 60 days after the year's end, 75 or 90 from smaller companies. The
ten days beyond that are for years of 52 weeks; figures of a later day are left out, and with them
companies whose year ends from late January to June. Two things were not known by then: reports
that came late, two weeks for those that ask for it, and what later reports restated, for of a
figure the publisher has the last one filed. That is why `basis` is the latest revision.

The largest companies file in this form since 2009, all of them since 2011, with the year before
beside it: large ones begin with 2009, small ones with 2010.

Debt over operating income is of those that have both lines: banks and insurers have no such
income, and who has no line of debt is not known to have none.
"""

from regime.data.series import Basis, Frequency, Series, Unit

# By total assets, the first and the last of each group; the largest company is the first.
RANKS = {"small": (1001, 3000), "large": (1, 500)}

LOSS_MAKERS = {size: f"filers_loss_makers_{size}" for size in RANKS}
DEBT, COUNTED = "filers_debt_to_operating_income_small", "filers_counted_small"

# The next year, its lag, and a month to spare.
_LAG, _MAX_AGE = 100, 500


def _series(name: str, title: str, unit: Unit, highest: float) -> Series:
    return Series(
        name, title, unit, Frequency.YEARLY, _LAG, _MAX_AGE, Basis.REVISED, "filers_yearly", name,
        modelled=False, lowest=0.0, highest=highest,
        rolling=True,  # a later fetch asks for the newest years alone
    )  # fmt: skip


def _words(size: str) -> str:
    first, last = RANKS[size]
    return f"{size} companies, {first:,} to {last:,} by assets"


SERIES: list[Series] = [
    *(
        _series(name, f"Share with a loss in the year, {_words(size)}", Unit.SHARE, 1.0)
        for size, name in LOSS_MAKERS.items()
    ),
    _series(DEBT, f"Long-term debt over operating income, {_words('small')}", Unit.RATIO, 200.0),
    _series(
        COUNTED, f"Companies whose income is known, {_words('small')}", Unit.COUNT,
        RANKS["small"][1] - RANKS["small"][0] + 1.0,
    ),
]  # fmt: skip

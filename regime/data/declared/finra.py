"""Short interest of small and large companies, twice a month.

Brokers report what is sold short at settlement on the 15th and the last day of a month, or on
the session before. FINRA publishes that on the seventh business day after; it counts as known
at the close of the eighth session.

Members are those of the funds' newest files, whatever the settlement day: of older days the
survivors, and none of those that left or failed since. Of each settlement day only the latest
revision can be had, so a first fetch knows corrections that nobody knew at the time.
"""

import math

from regime.data.series import Basis, Frequency, Series, Unit

# The fund whose members count, by size.
MEMBERS_OF = {"small": "IWM", "large": "SPY"}

_WORDS = {"small": "today's members of the Russell 2000 fund",
          "large": "today's members of the S&P 500 fund"}  # fmt: skip
_LAG = 8
_MAX_AGE = 45  # calendar days: half a month, its lag, and a settlement that is missed
_TABLE = "short_interest"


def series_id(measure: str, size: str) -> str:
    """Name of a measure, e.g. `short_days_small`."""
    return f"short_{measure}_{size}"


def _series(
    measure: str,
    size: str,
    title: str,
    unit: Unit,
    lowest: float,
    highest: float,
    jump: float = math.inf,
) -> Series:
    name = series_id(measure, size)
    return Series(
        name, f"{title}, {_WORDS[size]}", unit, Frequency.TWICE_MONTHLY, _LAG, _MAX_AGE,
        Basis.REVISED, _TABLE, name, modelled=False, lowest=lowest, highest=highest, jump=jump,
        rolling=True,
    )  # fmt: skip


SERIES: list[Series] = [
    one
    for size in MEMBERS_OF
    for one in (
        _series("days", size, "Median days to cover what is sold short", Unit.RATIO,
                0.0, 60.0, 5.0),
        _series("change", size, "Change of shares sold short over half a month, log",
                Unit.LOG_RATIO, -1.0, 1.0),
        _series("coverage", size, "Share of members with short interest", Unit.SHARE, 0.0, 1.0),
    )
]  # fmt: skip

"""Money into and out of US mutual funds and exchange-traded funds, as the ICI estimates it.

Weekly: net new cash of long-term mutual funds and net issuance of exchange-traded funds
together, in million USD, over the seven days to a Wednesday; the period is the Friday of that
week. Estimates are fitted to monthly figures later, so values change; each fetch stores what
changed.

Lag. The estimates come out on the Wednesday after, seven days later and five after the Friday
that stands for the week, and a day later after a holiday: so they count as known when the
Thursday is over.

The ICI's workbook shows the last four or five weeks. The history here therefore grows from
the first fetch on; who has an older one brings it as the table `ici_weekly`.

Monthly: net assets of funds at the end of a month. The ICI has no workbook of them under an
address that lasts, so only a table `ici_monthly` of the user brings them.
"""

from dataclasses import replace

from regime.data.series import Basis, Frequency, Series, Unit, monthly

_MOST = 1e6  # million USD; the largest week had under a tenth of it
_JUMP = 3e5  # from one week to the next; a flow near zero has no ratio to jump by

FLOWS = {
    "ici_total_flow": "Flow into long-term mutual funds and ETFs",
    "ici_equity_flow": "Flow into equity funds",
    "ici_domestic_equity_flow": "Flow into equity funds, domestic",
    "ici_world_equity_flow": "Flow into equity funds, world",
    "ici_bond_flow": "Flow into bond funds",
    "ici_commodity_flow": "Flow into commodity funds",
}

SERIES = [
    *(
        Series(
            name, f"{title}, week to Wednesday", Unit.MILLION_USD, Frequency.WEEKLY, 6, 24,
            Basis.REVISED, "ici_weekly", name,
            modelled=False, lowest=-_MOST, highest=_MOST, jump=_JUMP, rolling=True,
        )
        for name, title in FLOWS.items()
    ),
    # At the end of the month after.
    *(
        replace(one, modelled=False, lowest=0.0, highest=2e8)
        for one in monthly(
            "ici_monthly", Unit.MILLION_USD, 35, 105,
            ici_equity_assets="Net assets of equity mutual funds and ETFs",
            ici_bond_assets="Net assets of bond mutual funds and ETFs",
        )
    ),
]  # fmt: skip

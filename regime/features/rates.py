"""Rates: what money costs, how fast that changes, and what the market expects of it."""

from regime.features.family import SD, Feature, one
from regime.features.transforms import TrailingChange, TrailingZScore


def rates(window: int) -> list[Feature]:
    """Changes and slopes of Treasury yields, standardised over `window` days.

    Levels drift over decades and would name the decade; only changes and slopes are used.
    """
    z = TrailingZScore(window)
    return [
        one("yield_10y_change_21d", SD, "A jump in long yields hurts distant earnings first.",
            "DGS10", TrailingChange(21), z),
        one("yield_10y_change_63d", SD, "The giants' earnings lie far ahead, small firms' near.",
            "DGS10", TrailingChange(63), z),
        one("yield_1y_change_63d", SD, "Small companies borrow at floating rates.",
            "DGS1", TrailingChange(63), z),
        one("curve_10y_1y", SD, "A steep curve is early recovery, when small companies lead.",
            ("DGS10", "DGS1"), z),
        one("curve_10y_1y_change_63d", SD, "Steepening is where cuts are being priced.",
            ("DGS10", "DGS1"), TrailingChange(63), z),
        one("cuts_priced_1y", SD, "One-year yield less the policy rate: cuts or rises expected.",
            ("DGS1", "DFF"), z),
        one("cuts_priced_2y", SD, "The same over two years.",
            ("DGS2", "DFF"), z),
        one("cuts_priced_1y_change_21d", SD, "Hopes of a cut set off the rotation of July 2024.",
            ("DGS1", "DFF"), TrailingChange(21), z),
        one("real_yield_change_63d", SD, "The discount rate of growth, without inflation.",
            "DFII10", TrailingChange(63), z),
        one("breakeven_change_63d", SD, "Reflation favours the average company over the giants.",
            "T10YIE", TrailingChange(63), z),
    ]  # fmt: skip

"""Credit and volatility: how much risk is paid for, and how much is feared."""

from regime.features.family import SD, Feature, one
from regime.features.transforms import TrailingChange, TrailingZScore


def stress(window: int) -> list[Feature]:
    """Spreads and implied volatility, standardised over `window` days."""
    z = TrailingZScore(window)
    return [
        one("baa_spread", SD, "Wide spreads are priced for failures, which are small.",
            "BAA10Y", z),
        one("baa_spread_change_21d", SD, "Credit tightens before small companies fall.",
            "BAA10Y", TrailingChange(21), z),
        one("baa_spread_change_63d", SD, "The same over a quarter.",
            "BAA10Y", TrailingChange(63), z),
        one("high_yield_spread", SD, "Small companies' own cost of credit.",
            "BAMLH0A0HYM2", z),
        one("high_yield_spread_change_21d", SD, "And how fast it moves.",
            "BAMLH0A0HYM2", TrailingChange(21), z),
        one("vix", SD, "The size effect is said to live in volatile markets.",
            "VIXCLS", z),
        one("vix_change_1d", SD, "After a rise of the VIX large beats small (Copeland 1999).",
            "VIXCLS", TrailingChange(1), z),
        one("vix_change_21d", SD, "Fear that builds sends money to the giants.",
            "VIXCLS", TrailingChange(21), z),
    ]  # fmt: skip

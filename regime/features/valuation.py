"""Valuation spreads: how cheap small is against large, and how much the giants weigh."""

from regime.features.family import SD, Feature, one
from regime.features.transforms import TrailingChange, TrailingPercentile, TrailingZScore

SHARE = "share of the last 20 years below"
TWENTY_YEARS = 5040  # trading days


def valuation(window: int) -> list[Feature]:
    """Twenty-year percentiles of valuation spreads and of concentration.

    Book-to-market stands in for the price-earnings percentiles strategists quote; there
    is no free history of those.
    """
    rank = TrailingPercentile(TWENTY_YEARS)
    return [
        one("small_cheap_q1", SHARE, "Smallest quintile's book-to-market over the largest's.",
            "log_bm_june_q1_minus_q5", rank),
        one("small_cheap_q2", SHARE, "The same for the quintile nearest the Russell 2000.",
            "log_bm_june_q2_minus_q5", rank),
        one("value_spread_small", SHARE, "Cheap against dear inside small: junk or fear.",
            "value_spread_q1", rank),
        one("value_spread_large", SHARE, "Cheap against dear inside large: growth euphoria.",
            "value_spread_q5", rank),
        one("concentration", SHARE, "Leadership of few is narrow when the few weigh most.",
            "mcapshare_hi_10", rank),
        one("concentration_change_252d", SD,
            "A giant share that rises fast is leadership, one that falls is broadening.",
            "mcapshare_hi_10", TrailingChange(252), TrailingZScore(window)),
        one("excess_cape_yield", SHARE, "How much stocks yield over real bonds.",
            "excess_cape_yield", rank),
    ]  # fmt: skip

"""Valuation and concentration: how dear the market is, and how few companies it is made of."""

from regime.data.series import Unit
from regime.signals.declaration import RATIO, SHARE, Measure, Signal, Topic, column
from regime.signals.measures import percentile

FAMILY = "valuation"
YEARS_20 = 5040  # sessions
LEAST = 1260  # sessions: five years, below which a percentile says nothing

CONCENTRATION = Topic(
    "Concentration", FAMILY,
    "How much of the index is a handful of companies?",
    "The seven giants are about a third of the S&P 500: who buys the index buys them.",
    lean="high: mega-cap-led so far, and far to fall",
    trap="There is no free history of weights: they are kept from the first fetch on. The history "
    "is the share of the top tenth of NYSE companies by size, which is another measure.",
)  # fmt: skip
SPREAD = Topic(
    "Valuation spread, long history", FAMILY,
    "How cheap are small companies against large ones, by the standard of twenty years?",
    "Small companies started their long leads when they were cheap, and giants when they were.",
    lean="high, so small companies are cheap: small-cap-led in years, not in weeks",
    trap="Book-to-market stands in for the notes' price over earnings, and its percentile for "
    "theirs. It steps each July, when portfolios are formed anew, and moves only with their "
    "weights in between. The ratio of a July is used once its file is out, two months later. "
    "Books miss what giants own most of: software and brands.",
)  # fmt: skip
WITHIN = Topic(
    "Valuation spread within a size", FAMILY,
    "How far apart are the cheap and the dear of one size?",
    "A wide spread among the large is the mark of a market carried by a few.",
    lean="high among the largest: mega-cap-led so far",
    trap=SPREAD.trap,
)  # fmt: skip
MARKET = Topic(
    "Market valuation", FAMILY,
    "Is the market near the dearest it has been?",
    "Dear markets have returned less over ten years, and said nothing of the next one.",
    lean="dear: mega-cap-led so far",
    trap="Earnings are known months after the month they belong to, so each ratio is shown four "
    "months late, at that month's price. The percentile is among the days known by then.",
)  # fmt: skip


def _percentile(series: str, window: int) -> Measure:
    return lambda panel: percentile(panel[series], window, LEAST)


def _weight(series: str, title: str, unit: str) -> Signal:
    return Signal(series, title, unit, (series,), column(series), CONCENTRATION)


def _and_percentile(
    name: str, title: str, series: str, unit: str, topic: Topic, *, window: int = YEARS_20
) -> list[Signal]:  # fmt: skip
    """A ratio and its percentile as known then."""
    among = "of twenty years" if window else "of all its history"
    return [
        Signal(name, title, unit, (series,), column(series), topic),
        Signal(f"{name}_percentile", f"{title}, percentile {among}", SHARE, (series,),
               _percentile(series, window), topic, ranked=False),
    ]  # fmt: skip


# None is a feature: they drift over decades, and would name the decade.
SIGNALS = [
    _weight("spy_top7_weight", "Weight of the seven giants in the S&P 500", SHARE),
    _weight("spy_top10_weight", "Weight of the ten largest companies in the S&P 500", SHARE),
    _weight("spy_effective_number", "Effective number of lines in the S&P 500", RATIO),
    _weight("mcapshare_hi_10", "Share of the top NYSE decile in total market value", SHARE),
    *_and_percentile("small_cheapness", "Book-to-market, smallest fifth over largest",
                     "log_bm_june_q1_minus_q5", Unit.LOG_RATIO, SPREAD),
    *_and_percentile("second_small_cheapness", "Book-to-market, second-smallest fifth over largest",
                     "log_bm_june_q2_minus_q5", Unit.LOG_RATIO, SPREAD),
    *_and_percentile("spread_within_small", "Book-to-market of the smallest fifth, cheap over dear",
                     "value_spread_q1", Unit.LOG_RATIO, WITHIN),
    *_and_percentile("spread_within_large", "Book-to-market of the largest fifth, cheap over dear",
                     "value_spread_q5", Unit.LOG_RATIO, WITHIN),
    *_and_percentile("cape", "Real price over mean earnings of ten years", "cape", RATIO, MARKET,
                     window=0),
    *_and_percentile("excess_yield", "Earnings yield of ten years less the real 10-year yield",
                     "excess_cape_yield", Unit.RATIO, MARKET, window=0),
]  # fmt: skip

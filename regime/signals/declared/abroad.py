"""Abroad: whether the US leads the world."""

from regime.signals.declaration import Pair, Topic
from regime.signals.windows import returns, run_of

FAMILY = "abroad"
COUNTRIES = {
    "EWJ": "Japan", "EWY": "South Korea", "VGK": "Europe", "EWU": "UK", "EWG": "Germany",
    "EWC": "Canada", "EWA": "Australia", "EWZ": "Brazil", "EWT": "Taiwan", "MCHI": "China",
    "INDA": "India",
}  # fmt: skip

WORLD = Topic(
    "Abroad", FAMILY,
    "Does the US lead the world, or lag it?",
    "The giants are American: money that leaves for the world leaves them first.",
    lean="low: away from mega-cap-led",
    trap="Funds in dollars: a falling dollar lifts all of them.",
)  # fmt: skip

SIGNALS = [
    *returns("us_over_developed", "S&P 500 less developed markets abroad", "SPY", WORLD,
             against="EFA", spans=(21, 63, 252)),
    *returns("us_over_emerging", "S&P 500 less emerging markets", "SPY", WORLD, against="EEM",
             spans=(21, 63, 252)),
    *(signal for fund, country in COUNTRIES.items()
      for signal in returns(f"us_over_{fund}", f"S&P 500 less {country} ({fund})", "SPY", WORLD,
                            against=fund, spans=(63,), ytd=False)),
    *returns("resources_over_asia", "Brazil, Canada and Australia less Taiwan and Korea",
             ("EWZ", "EWC", "EWA"), WORLD, against=("EWT", "EWY"), spans=(63,), ytd=False),
    run_of("us_streak", "S&P 500 ahead of developed markets", Pair("", ("SPY",), ("EFA",)), WORLD),
]  # fmt: skip

"""The bull and bear composite: six blocks of percentiles, declared."""

import pandas as pd

from regime.data.declared.holdings import shares_id
from regime.data.series import Unit
from regime.signals.composite import FEWEST_BLOCKS, block_means, composed, percentiles, share_above
from regime.signals.declaration import SHARE, TENTHS, Measure, Signal, Topic
from regime.signals.declared.positioning import creations, four_weeks
from regime.signals.measures import total

FAMILY = "composite"
COUNTRIES = ("EWJ", "EWY", "EWU", "EWG", "EWC", "EWA", "EWZ", "EWT", "MCHI", "INDA", "VGK", "EEM")
_QUARTER = 63  # sessions

TOPIC = Topic(
    "Bull and bear composite", FAMILY,
    "How far towards greed do positions, flows, credit and markets abroad stand?",
    "Where all have bought there is nobody left to buy, and one input alone seldom shows it.",
    lean="high: what has led is crowded",
    trap="Ours, and no published index: its numbers cannot be set beside those of others. Blocks "
    "without five years of known values are not live, and until they are the rest count for all: "
    "read the number of live blocks and the band from leaving one out beside it. "
    "`composite_test` says what it told of the market before.",
    supply="Some of its inputs have no long free history: flows (a table ici_weekly of your own), "
    "exposure of active managers (naaim_exposure in own_series), high-yield spreads (FRED shows "
    "three years) and shares of funds (from the first `regime fetch` on).",
)  # fmt: skip

Input = tuple[tuple[str, ...], Measure]


def _column(name: str, sign: float = 1.0) -> Input:
    return (name,), lambda panel: sign * panel[name]


def _created(fund: str) -> Input:
    shares, split = shares_id(fund), f"{fund}_split"
    return (shares, split), lambda panel: creations(panel[shares], panel[split])


def _flow(name: str) -> Input:
    return (name,), lambda panel: four_weeks(panel, name)


def _abroad(window: int) -> Input:
    return COUNTRIES, lambda panel: share_above(panel, COUNTRIES, window)


# Each so that more is more bullish.
BLOCKS: dict[str, tuple[str, dict[str, Input]]] = {
    "hedge_funds": ("Hedge funds", {
        "sp500": _column("cftc_sp500_leveraged"),
        "russell": _column("cftc_russell_leveraged"),
        "vix": _column("cftc_vix_leveraged", -1.0),
    }),
    "real_money": ("Asset managers", {
        "sp500": _column("cftc_sp500_asset_managers"),
        "russell": _column("cftc_russell_asset_managers"),
        "exposure": _column("naaim_exposure"),
    }),
    "equity_flows": ("Flows into equities", {
        "flow": _flow("ici_equity_flow"), "created": _created("IWM"),
    }),
    "bond_flows": ("Flows into bonds", {"flow": _flow("ici_bond_flow")}),
    "credit": ("Credit", {
        "high_yield": _column("BAMLH0A0HYM2", -1.0),
        "baa": _column("BAA10Y", -1.0),
        "funds": (("HYG", "IEF"),
                  lambda panel: total(panel["HYG"], _QUARTER) - total(panel["IEF"], _QUARTER)),
    }),
    "world": ("Markets abroad", {"above_50d": _abroad(50), "above_200d": _abroad(200)}),
}  # fmt: skip


def blocks(panel: pd.DataFrame, names: tuple[str, ...] = tuple(BLOCKS)) -> pd.DataFrame:
    """Mean percentile of each block's known inputs, a column for each block."""
    inputs = {
        f"{block} {name}": of(panel)
        for block in names
        for name, (_, of) in BLOCKS[block][1].items()
    }
    ranked = percentiles(pd.DataFrame(inputs))
    return block_means(
        ranked, {block: [f"{block} {name}" for name in BLOCKS[block][1]] for block in names}
    )


def _of_all(column: str) -> Measure:
    return lambda panel: composed(blocks(panel))[column]


def _of_block(block: str) -> Measure:
    return lambda panel: blocks(panel, (block,))[block]


def _series(block: str) -> tuple[str, ...]:
    found = (one for series, _ in BLOCKS[block][1].values() for one in series)
    return tuple(dict.fromkeys(found))


_ALL = tuple(dict.fromkeys(one for block in BLOCKS for one in _series(block)))
_TOLD = f"Told with {FEWEST_BLOCKS} live blocks at least."

SIGNALS = [
    Signal("composite", "Bull and bear composite, 10 is the most bullish", TENTHS, (),
           _of_all("value"), TOPIC, uses=_ALL, trap=_TOLD),
    Signal("composite_low", "Composite, the least with one block left out", TENTHS, (),
           _of_all("low"), TOPIC, uses=_ALL, ranked=False, trap=_TOLD),
    Signal("composite_high", "Composite, the most with one block left out", TENTHS, (),
           _of_all("high"), TOPIC, uses=_ALL, ranked=False, trap=_TOLD),
    Signal("composite_live_blocks", "Live blocks of the composite, of six", Unit.COUNT, (),
           _of_all("live"), TOPIC, uses=_ALL, ranked=False),
    *(Signal(f"composite_{block}", f"{title}, mean percentile of what was known", SHARE, (),
             _of_block(block), TOPIC, uses=_series(block))
      for block, (title, _) in BLOCKS.items()),
]  # fmt: skip

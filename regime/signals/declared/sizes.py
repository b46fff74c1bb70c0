"""Sizes: giants, the average company, small companies, and how far apart they are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from regime.data.catalog import DECILES
from regime.signals.declaration import POINTS, RANK, RETURN, SHARE, Measure, Pair, Signal, Topic
from regime.signals.measures import level_of, mean_of, total, year_to_date
from regime.signals.windows import SPANS, returns, run_of

FAMILY = "sizes"
TOP_50_WEIGHT = 0.55  # of the S&P 500, stated where no holdings say it; 0.45 to 0.60 since 2005

# From the smallest companies to the largest.
LADDER = {
    "IWC": "Micro caps", "IWM": "Russell 2000", "IJR": "S&P 600", "IJH": "S&P 400",
    "IWR": "Russell Midcap", "IWB": "Russell 1000", "SPY": "S&P 500", "OEF": "S&P 100",
}  # fmt: skip

EQUAL = Topic(
    "Equal weight against cap weight", FAMILY,
    "Does the average large company keep up with the index?",
    "Where the index leads its own average member, a few giants carry it.",
    lean="high: broadening; low: mega-cap-led",
    trap="The funds begin in 2003; before that the French deciles stand in.",
)  # fmt: skip
REST = Topic(
    "Top 50 against the other 450", FAMILY,
    "What did the index earn without its fifty largest?",
    "The index's return is mostly that of its largest; the rest can move the other way.",
    lean="high: broadening; low: mega-cap-led",
    trap=f"The rest is worked out from the weight of the top 50, lagged a day. Where no holdings "
    f"file says it, a stated constant of {TOP_50_WEIGHT:.0%} stands in.",
)  # fmt: skip
RUNGS = Topic(
    "Size ladder", FAMILY,
    "Do returns rise or fall from the smallest companies to the largest?",
    "A ladder that leans one way on every rung is leadership, and not one fund's accident.",
    lean="small rungs first: small-cap-led; large rungs first: mega-cap-led",
)  # fmt: skip
BURST = Topic(
    "Small against large in a burst", FAMILY,
    "Is a burst of small companies under way?",
    "Rotations into small companies begin with days that large ones never see.",
    lean="high: small-cap-led",
)  # fmt: skip
FALLS = Topic(
    "Nasdaq 100 falls", FAMILY,
    "Is the giants' own index breaking?",
    "Leadership of giants ends with days on which they fall and others do not.",
    lean="low: away from mega-cap-led",
)  # fmt: skip
RUNS = Topic(
    "Streaks", FAMILY,
    "How many sessions in a row has one side won?",
    "Thirteen sessions in a row are told of for years, but runs come by chance too.",
    trap="Of a fair coin, too, the longest run grows with the number of throws.",
)  # fmt: skip
MIDDLE = Topic(
    "Mid-cap growth", FAMILY,
    "Does the middle of the ladder pay?",
    "Mid-cap growth is said to offer the best risk and reward of the ladder.",
    lean="high: broadening",
)  # fmt: skip


def rest_returns(panel: pd.DataFrame) -> "pd.Series[float]":
    """Daily simple return of the S&P 500 without its top 50: (SPY - w XLG) / (1 - w)."""
    weight = top_50_weight(panel)
    whole, top = total(panel["SPY"], 1), total(panel["XLG"], 1)
    return (whole - weight * top) / (1 - weight)


def top_50_weight(panel: pd.DataFrame) -> "pd.Series[float]":
    """Weight of the top 50 that counts on each day: that known the day before, which the panel
    carries for ten days, or the stated constant.
    """
    weight = panel["spy_top50_weight"]
    weight = weight.where(weight < 1)  # else nothing would be left of the index
    return weight.shift(1).fillna(TOP_50_WEIGHT)


def _rest_less_top(days: int) -> Measure:
    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        return total(level_of(rest_returns(panel)), days) - total(panel["XLG"], days)

    return measure


def _rest(days: int) -> Measure:
    return lambda panel: total(level_of(rest_returns(panel)), days)


def _levels(panel: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Indices of daily returns: of French portfolios they are returns already."""
    return pd.DataFrame({name: level_of(panel[name]) for name in names})


def _deciles(days: int) -> Measure:
    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        large = mean_of(_levels(panel, ("dec_7", "dec_8", "dec_9")), ("dec_7", "dec_8", "dec_9"))
        return total(large, days) - total(level_of(panel["mkt_rf"] + panel["rf"]), days)

    return measure


def _small_deciles(days: int) -> Measure:
    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        level = _levels(panel, ("qnt_2", "hi_10"))
        return total(level["qnt_2"], days) - total(level["hi_10"], days)

    return measure


def _rungs(panel: pd.DataFrame, names: Sequence[str], days: int) -> pd.DataFrame:
    return pd.DataFrame({name: total(panel[name], days) for name in names})


def _slope(names: Sequence[str], days: int, *, of_returns: bool = False) -> Measure:
    """Least-squares slope of the return over the rung: points a rung towards larger companies."""

    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        levels = _levels(panel, names) if of_returns else panel
        rungs = _rungs(levels, names, days)
        place = np.arange(len(names), dtype=np.float64)
        place -= place.mean()
        # A product of matrices would round a row by how many rows there are.
        slope: pd.Series[float] = (rungs * place).sum(axis=1, skipna=False)
        return slope / float((place**2).sum())

    return measure


def _place(of: str, days: int) -> Measure:
    """Place of one rung among all, 1 for the best return."""

    def measure(panel: pd.DataFrame) -> "pd.Series[float]":
        rungs = _rungs(panel, tuple(LADDER), days)
        place = rungs.rank(axis=1, ascending=False, method="min")[of]
        return place.where(rungs.notna().all(axis=1))

    return measure


def _equal() -> list[Signal]:
    deciles = ("dec_7", "dec_8", "dec_9", "mkt_rf", "rf")
    return [
        *returns("equal_over_cap", "S&P 500, equal weight less cap weight", "RSP", EQUAL,
                 against="SPY", features=(5, 21, 63)),
        *(Signal(f"deciles_over_market_{days}d",
                 f"Size deciles 7 to 9 less the market, {SPANS[days]}", POINTS, deciles,
                 _deciles(days), EQUAL, feature=True,
                 trap="Deciles by NYSE size, from files that come one to two months late.")
          for days in (21, 63, 252)),
    ]  # fmt: skip


def _rest_of_index() -> list[Signal]:
    both, weight = ("SPY", "XLG"), ("spy_top50_weight",)
    return [
        *(Signal(f"rest_over_top50_{days}d", f"Other 450 less top 50, {SPANS[days]}", POINTS, both,
                 _rest_less_top(days), REST, uses=weight) for days in (5, 21, 63, 252)),
        Signal("rest_over_top50_ytd", "Other 450 less top 50, year to date", POINTS, both,
               lambda panel: year_to_date(level_of(rest_returns(panel)))
               - year_to_date(panel["XLG"]), REST, uses=weight),
        Signal("rest_of_index_21d", "Other 450, a month", RETURN, both, _rest(21), REST,
               uses=weight),
        *returns("top50", "Top 50", "XLG", REST, spans=(21,), ytd=False),
        Signal("top50_weight_used", "Weight of the top 50 that is used", SHARE, ("XLG",),
               lambda panel: top_50_weight(panel).where(panel["XLG"].notna()), REST, uses=weight,
               ranked=False),
    ]  # fmt: skip


def _ladder() -> list[Signal]:
    names = tuple(LADDER)
    return [
        *(signal for name, title in LADDER.items()
          for signal in returns(f"{name}", f"{title} ({name})", name, RUNGS, spans=(21, 63))),
        *returns("QQQ", "Nasdaq 100 (QQQ)", "QQQ", RUNGS, spans=(21, 63)),
        *(Signal(f"ladder_slope_{days}d", f"Slope along the ladder, a rung up, {SPANS[days]}",
                 POINTS, names, _slope(names, days), RUNGS) for days in (21, 63, 252)),
        *(Signal(f"decile_slope_{days}d", f"Slope along the size deciles, {SPANS[days]}", POINTS,
                 DECILES, _slope(DECILES, days, of_returns=True), RUNGS, feature=True)
          for days in (21, 63)),
        Signal("ladder_place_small_63d", "Place of the Russell 2000 among eight rungs, a quarter",
               RANK, names, _place("IWM", 63), RUNGS),
    ]  # fmt: skip


def _bursts() -> list[Signal]:
    small = ("qnt_2", "hi_10")
    return [
        *returns("small", "Russell 2000", "IWM", BURST, spans=(5,), ytd=False, features=(5,)),
        *returns("small_over_large", "Russell 2000 less S&P 500", "IWM", BURST, against="SPY",
                 features=(5, 21)),
        *returns("small_over_nasdaq", "Russell 2000 less Nasdaq 100", "IWM", BURST, against="QQQ"),
        *(Signal(f"small_over_giants_{days}d",
                 f"Second-smallest fifth less largest decile, {SPANS[days]}", POINTS, small,
                 _small_deciles(days), BURST, feature=True) for days in (5, 21, 63)),
    ]  # fmt: skip


SIGNALS = [
    *_equal(),
    *_rest_of_index(),
    *_ladder(),
    *_bursts(),
    *returns("nasdaq", "Nasdaq 100", "QQQ", FALLS, spans=(1, 3), ytd=False),
    run_of("small_streak", "Russell 2000 ahead of the S&P 500", Pair("", ("IWM",), ("SPY",)), RUNS,
           feature=True),
    run_of("equal_streak", "Equal weight ahead of cap weight", Pair("", ("RSP",), ("SPY",)), RUNS,
           feature=True),
    run_of("software_streak", "Software rising", Pair("", ("IGV",)), RUNS),
    run_of("tech_streak", "Technology rising", Pair("", ("XLK",)), RUNS),
    run_of("nasdaq_streak", "Nasdaq 100 rising", Pair("", ("QQQ",)), RUNS),
    run_of("small_rising_streak", "Russell 2000 rising", Pair("", ("IWM",)), RUNS),
    *returns("mid_growth", "Mid-cap growth less S&P 500", "IWP", MIDDLE, against="SPY"),
    *returns("mid_growth_over_value", "Mid-cap growth less mid-cap value", "IWP", MIDDLE,
             against="IWS", spans=(63, 252), ytd=False),
    *returns("mid", "S&P 400 less S&P 500", "IJH", MIDDLE, against="SPY", spans=(21, 63, 252)),
]  # fmt: skip

"""Every signal that the real market data folder allows, worked out from its raw tables."""

from bisect import bisect_left
from datetime import date
from functools import partial
from math import isnan, nan

import numpy as np
from golden.raw_market import (
    DECILES,
    At,
    Raw,
    above_mean,
    ahead_in_a_row,
    compounded,
    grown,
    in_a_row,
    less,
    place,
    rank_among,
    share,
    slope,
)

LADDER = ["IWC", "IWM", "IJR", "IJH", "IWR", "IWB", "SPY", "OEF"]
SECTORS = ["XLK", "XLF", "XLE", "XLI", "XLV", "XLY", "XLP", "XLU", "XLB", "XLRE", "XLC"]
TOP_50 = 0.55  # the stated constant: these data have no holdings
MONTH, QUARTER, YEAR = 21, 63, 252
YTD = "ytd"
# name: first fund, second fund ("" for none), windows in sessions
RETURNS = {
    **{fund: (fund, "", (21, 63, YTD)) for fund in [*LADDER, "QQQ"]},
    **{fund: (fund, "", (21, YTD)) for fund in [*SECTORS, "IYT", "KRE", "SMH"]},
    "small": ("IWM", "", (5,)), "top50": ("XLG", "", (21,)), "nasdaq": ("QQQ", "", (1, 3)),
    "equal_over_cap": ("RSP", "SPY", (5, 21, 63, 252, YTD)),
    "small_over_large": ("IWM", "SPY", (5, 21, 63, 252, YTD)),
    "small_over_nasdaq": ("IWM", "QQQ", (5, 21, 63, 252, YTD)),
    "mid": ("IJH", "SPY", (21, 63, 252, YTD)),
    "credit_over_treasuries": ("HYG", "IEF", (5, 21, 63, 252, YTD)),
    "tech_over_market": ("XLK", "SPY", (5, 21, 63, 252, YTD)),
    "tech_over_health": ("XLK", "XLV", (21, 63, YTD)),
    "equal_tech_over_tech": ("RSPT", "XLK", (21, 63, YTD)),
    "momentum_fund": ("MTUM", "SPY", (5, 21, 63, YTD)),
    "small_quality": ("IJR", "IWM", (21, 63, 252, YTD)),
    "quality": ("QUAL", "SPY", (21, 63, YTD)),
    "low_risk": ("SPLV", "SPHB", (21, 63, YTD)),
    "calm": ("USMV", "SPY", (21, 63, YTD)),
    "small_value": ("IWN", "IWO", (21, 63, 252, YTD)),
    "large_value": ("VTV", "VUG", (21, 63, 252, YTD)),
    "loss_makers_ahead": ("IWM", "IJR", (21, 63, 252)),
}  # fmt: skip
STREAKS = {
    "small_streak": ("IWM", "SPY"), "equal_streak": ("RSP", "SPY"), "tech_streak": ("XLK", ""),
    "nasdaq_streak": ("QQQ", ""), "small_rising_streak": ("IWM", ""),
    "tech_ahead_streak": ("XLK", "SPY"),
}  # fmt: skip
BREADTH = {
    "members_above_20d": "pct_above_20dma", "members_above_50d": "pct_above_50dma",
    "members_above_200d": "pct_above_200dma", "members_coverage": "coverage",
    **{f"members_ahead_{days}d": f"pct_beating_spy_{days}d" for days in (21, 63, 126, 252)},
}  # fmt: skip
RATES = [
    "DGS3MO", "DGS6MO", "DGS1", "DGS2", "DGS5", "DGS7", "DGS10", "DGS20", "DGS30", "DFII10",
    "T10YIE", "T10Y2Y", "T10Y3M", "BAA10Y", "BAMLH0A0HYM2",
]  # fmt: skip
RATIOS = {
    "small_cheapness": "log_bm_june_q1_minus_q5", "second_small_cheapness":
    "log_bm_june_q2_minus_q5", "spread_within_small": "value_spread_q1",
    "spread_within_large": "value_spread_q5",
}  # fmt: skip


def expected(raw: Raw) -> dict[str, At]:
    """By name of the signal."""
    return {
        **_of_funds(raw), **_of_portfolios(raw), **_of_breadth(raw), **_of_rates(raw),
        **_of_valuation(raw), **_of_economy(raw), **_of_extremes(raw), **_of_calendar(raw),
    }  # fmt: skip


def _window(raw: Raw, level: np.ndarray, days: int | str) -> At:
    if days == YTD:
        return lambda t: level[t] / level[raw.year_end(t)] - 1
    return grown(level, int(days))


def _of_funds(raw: Raw) -> dict[str, At]:
    fund = raw.daily
    found: dict[str, At] = {}
    for name, (of, against, windows) in RETURNS.items():
        for days in windows:
            value = _window(raw, fund[of], days)
            if against:
                value = less(value, _window(raw, fund[against], days))
            found[f"{name}_{days}" if days == YTD else f"{name}_{days}d"] = value
    for name, (of, against) in STREAKS.items():
        found[name] = in_a_row(fund[of], fund[against] if against else None)
    for days in (MONTH, QUARTER, YEAR):
        found[f"ladder_slope_{days}d"] = slope([grown(fund[one], days) for one in LADDER])
    quarter = {one: grown(fund[one], QUARTER) for one in [*LADDER, "SPHB", "SPLV"]}
    found["ladder_place_small_63d"] = place(quarter["IWM"], [quarter[one] for one in LADDER])
    month = {one: grown(fund[one], MONTH) for one in SECTORS}
    found["tech_place_21d"] = place(month["XLK"], [*month.values()])
    found["junk_lead_small"] = ahead_in_a_row(less(quarter["IWM"], quarter["IJR"]))
    found["junk_lead_large"] = ahead_in_a_row(less(quarter["SPHB"], quarter["SPLV"]))

    bold = _mean_return(raw, ["XLI", "XLB", "XLF", "XLY", "XLE"])
    shy = _mean_return(raw, ["XLV", "XLP", "XLU"])
    rest = (_daily(fund["SPY"]) - TOP_50 * _daily(fund["XLG"])) / (1 - TOP_50)
    for name, of, against, windows in (
        ("cyclical_over_defensive", bold, shy, (21, 63, YTD)),
        ("rest_over_top50", rest, _daily(fund["XLG"]), (5, 21, 63, 252, YTD)),
    ):
        for days in windows:
            span = f"{name}_{days}" if days == YTD else f"{name}_{days}d"
            found[span] = less(_compounded(raw, of, days), _compounded(raw, against, days))
    found["rest_of_index_21d"] = compounded(rest, MONTH)
    found["top50_weight_used"] = lambda t: TOP_50
    return found


def _compounded(raw: Raw, returns: np.ndarray, days: int | str) -> At:
    if days == YTD:
        return lambda t: compounded(returns, t - raw.year_end(t))(t)
    return compounded(returns, int(days))


def _daily(level: np.ndarray) -> np.ndarray:
    return np.concatenate([[nan], level[1:] / level[:-1] - 1])


def _mean_return(raw: Raw, funds: list[str]) -> np.ndarray:
    return sum(_daily(raw.daily[one]) for one in funds) / len(funds)


def _of_portfolios(raw: Raw) -> dict[str, At]:
    of = raw.daily
    average = (of["dec_7"] + of["dec_8"] + of["dec_9"]) / 3
    market = of["mkt_rf"] + of["rf"]
    found: dict[str, At] = {}
    for days in (21, 63, 252):
        found[f"deciles_over_market_{days}d"] = less(
            compounded(average, days), compounded(market, days)
        )
        found[f"profitable_{days}d"] = compounded(of["rmw"], days)
        found[f"value_{days}d"] = compounded(of["hml"], days)
    for days in (5, 21, 63, 252):
        found[f"momentum_{days}d"] = compounded(of["mom"], days)
    for days in (5, 21, 63):
        found[f"small_over_giants_{days}d"] = less(
            compounded(of["qnt_2"], days), compounded(of["hi_10"], days)
        )
    for days in (21, 63):
        found[f"decile_slope_{days}d"] = slope([compounded(of[one], days) for one in DECILES])
    return found


def _of_breadth(raw: Raw) -> dict[str, At]:
    def true(value: At, t: int) -> bool | None:
        return None if isnan(value(t)) else value(t) > 0

    def column(values: np.ndarray) -> At:
        return lambda t: float(values[t])

    of = raw.daily
    found = {name: column(of[series]) for name, series in BREADTH.items()}
    ratio = of["adv_minus_dec_ratio"]
    found["net_advances"] = lambda t: sum(ratio[t - 20 : t + 1].tolist()) / 21
    found["net_highs"] = less(column(of["pct_new_52w_high"]), column(of["pct_new_52w_low"]))
    for days in (50, 200):
        found[f"sectors_above_{days}d"] = share(
            [partial(true, above_mean(of[one], days)) for one in SECTORS]
        )
    for days in (MONTH, QUARTER):
        index = grown(of["SPY"], days)
        found[f"sectors_ahead_{days}d"] = share(
            [partial(true, less(grown(of[one], days), index)) for one in SECTORS]
        )
    found["tech_over_200d"] = above_mean(of["XLK"], 200)
    return found


def _of_rates(raw: Raw) -> dict[str, At]:
    of = {name: raw.rate(name, 1) for name in [*RATES, "DFF", "SOFR"]}
    assets = raw.told(raw.weekly["WALCL"], wait=1, oldest=18)
    high_yield, baa = of["BAMLH0A0HYM2"], of["BAA10Y"]
    lead = less(grown(raw.daily["HYG"], QUARTER), grown(raw.daily["IEF"], QUARTER))
    inputs = [lambda t: -high_yield(t), lambda t: -baa(t), lead]

    def credit(t: int) -> float:
        places = [_middle_place(one, t) for one in inputs]
        return sum(places) / len(places)

    return {
        **{name: of[name] for name in RATES},
        "one_year_over_funds": less(of["DGS1"], of["DFF"]),
        "two_year_over_funds": less(of["DGS2"], of["DFF"]),
        "one_year_over_sofr": less(of["DGS1"], of["SOFR"]),
        "ten_year_fall": lambda t: of["DGS10"](t) - of["DGS10"](t - QUARTER),
        "fed_assets": assets,
        "fed_assets_13w": lambda t: assets(t) - assets(t - QUARTER),
        "dollar_broad": raw.rate("DTWEXBGS", 7, oldest=20),
        "composite_credit": credit,
        # Of six blocks only credit has five years of values here.
        "composite_live_blocks": lambda t: 1.0,
    }


def _middle_place(value: At, t: int) -> float:
    """Place among all values so far, a tie in its middle."""
    past = [one for one in map(value, range(300, t + 1)) if not isnan(one)]
    lower, same = sum(one < value(t) for one in past), sum(one == value(t) for one in past)
    return (lower + (same + 1) / 2) / len(past)


def _of_valuation(raw: Raw) -> dict[str, At]:
    found: dict[str, At] = {}
    for name, column in RATIOS.items():
        found[name] = raw.told(raw.ratios[column], wait=60, oldest=130)
        found[f"{name}_percentile"] = partial(_ranked, found[name], 5040)
    found["mcapshare_hi_10"] = raw.told(raw.ratios["mcapshare_hi_10"], wait=60, oldest=130)
    for name, column in (("cape", "cape"), ("excess_yield", "excess_cape_yield")):
        found[name] = raw.told(raw.shiller[column], wait=120, oldest=190)
        found[f"{name}_percentile"] = partial(_ranked, found[name], 0)
    return found


def _ranked(value: At, window: int, t: int) -> float:
    return rank_among(value, window, t, least=1260)


def _of_economy(raw: Raw) -> dict[str, At]:
    of = {
        name: raw.prints(name)
        for name in ("CPIAUCSL", "CPILFESL", "UNRATE", "PAYEMS", "INDPRO", "RSAFS", "UMCSENT")
    }
    claimed = raw.weekly["ICSA"]
    weeks = [raw.told(claimed.rolling(4).mean().shift(back), 6, 25) for back in (0, 13, 52)]

    def growth(name: str, months: int, power: int = 1) -> At:
        one = of[name]
        return lambda t: 100 * ((one.ago(0, t) / one.ago(months, t)) ** power - 1)

    def since_print(value: At, name: str, months: int) -> At:
        return lambda t: value(t) - value(of[name].when_newest_was(months, t))

    def change(name: str, months: int) -> At:
        return lambda t: of[name].ago(0, t) - of[name].ago(months, t)

    def payrolls(t: int) -> float:
        return change("PAYEMS", 3)(t) / 3

    def sentiment(t: int) -> float:
        return of["UMCSENT"].ago(0, t)

    def unemployment(t: int) -> float:
        return of["UNRATE"].ago(0, t)

    def three_months(t: int, back: int) -> float:
        return sum(of["UNRATE"].ago(back + one, t) for one in range(3)) / 3

    better = [
        since_print(payrolls, "PAYEMS", 3), since_print(lambda t: -unemployment(t), "UNRATE", 3),
        lambda t: weeks[1](t) - weeks[0](t), since_print(growth("RSAFS", 12), "RSAFS", 3),
        since_print(growth("INDPRO", 12), "INDPRO", 3), since_print(sentiment, "UMCSENT", 3),
    ]  # fmt: skip
    found: dict[str, At] = {
        "unemployment_rise": lambda t: (
            three_months(t, 0) - min(three_months(t, back) for back in range(1, 13))
        )
    }
    for name, series in (("cpi", "CPIAUCSL"), ("core_cpi", "CPILFESL")):
        found[f"{name}_yoy"] = growth(series, 12)
        found[f"{name}_3m"] = growth(series, 3, power=4)
        found[f"{name}_surprise"] = since_print(found[f"{name}_yoy"], series, 1)
    return found | {
        "payrolls_3m": payrolls, "unemployment": unemployment, "sentiment": sentiment,
        "unemployment_12m": change("UNRATE", 12), "sentiment_12m": change("UMCSENT", 12),
        "retail_yoy": growth("RSAFS", 12), "output_yoy": growth("INDPRO", 12),
        "claims_4w": weeks[0], "claims_yoy": lambda t: 100 * (weeks[0](t) / weeks[2](t) - 1),
        "growth_direction": lambda t: sum(one(t) > 1e-9 for one in better) / len(better),
    }  # fmt: skip


def _of_extremes(raw: Raw) -> dict[str, At]:
    def below(level: np.ndarray, t: int) -> float:
        return nan if isnan(level[t]) else level[t] / np.nanmax(level[: t + 1]) - 1

    def since(level: np.ndarray, t: int) -> float:
        return nan if isnan(level[t]) else float(t - np.nanargmax(level[: t + 1]))

    def above(level: np.ndarray, t: int) -> float:
        return level[t] / min(level[t - 755 : t + 1].tolist()) - 1

    found: dict[str, At] = {"gold_below_record": partial(below, raw.daily["GLD"])}
    for fund in ("IWM", "SPY", "QQQ", "RSP", "IWC", "XLK"):
        for name, told in (("below_record", below), ("since_record", since), ("above_low", above)):
            found[f"{fund}_{name}"] = partial(told, raw.daily[fund])
    return found


def _of_calendar(raw: Raw) -> dict[str, At]:
    small, large = _daily(raw.daily["IWM"]), _daily(raw.daily["SPY"])
    portfolios = raw.daily["qnt_2"] - raw.daily["hi_10"]
    lead = np.where(np.isnan(small - large), portfolios, small - large)

    def turns(t: int) -> list[float]:
        """Five sessions before each New Year and ten after it, if they are over."""
        found = []
        for year in range(raw.days[0].year + 1, raw.days[t].year + 1):
            first = bisect_left(raw.days, date(year, 1, 1))
            if first + 9 <= t:
                found.append(sum(lead[first - 5 : first + 10].tolist()))
        return found

    def years(t: int) -> list[float]:
        """Whole years with the place in the four that the year of `t` has."""
        found = []
        for year in range(raw.days[t].year, raw.days[0].year, -4):
            of_year = [lead[s] for s in range(t + 1) if raw.days[s].year == year]
            found.append(sum(of_year))
        return found

    return {
        "turn_of_year_average": lambda t: sum(turns(t)) / len(turns(t)),
        "turn_of_year_last": lambda t: turns(t)[-1],
        "turn_of_year_count": lambda t: float(len(turns(t))),
        "cycle_year_lead": lambda t: sum(years(t)) / len(years(t)),
        "cycle_year_count": lambda t: float(len(years(t))),
        # The first Tuesday after a Monday of November 2026.
        "days_to_midterm": lambda t: float((date(2026, 11, 3) - raw.days[t]).days),
        # The newest of the dated events: the presidential election.
        "sessions_since_event": lambda t: float(t - raw.number[date(2024, 11, 5)]),
    }

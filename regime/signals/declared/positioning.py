"""Positioning: who is short, who buys funds, who holds futures, and what investors say."""

import pandas as pd

from regime.data.declared import cftc, ici
from regime.data.declared.cftc import POSITIONS
from regime.data.declared.finra import series_id
from regime.data.declared.holdings import COUNTED, shares_id
from regime.data.declared.ici import FLOWS
from regime.data.series import Unit
from regime.signals.declaration import (
    MILLION,
    RATE_POINTS,
    RETURN,
    SHARE,
    WEEKS,
    Signal,
    Topic,
    column,
    difference,
)
from regime.signals.measures import total
from regime.signals.weeks import (
    report_weeks,
    weekly_change,
    weekly_score,
    weekly_streak,
    weekly_sum,
)

FAMILY = "positioning"
MONTH, THREE_YEARS, YEAR = 4, 156, 52  # weeks
QUARTER = 13
_SINCE = 21  # sessions of creations
OF_ASSETS = "percent of net assets"
SCORE = "standard deviations"
_WEEK_OF = {one.id: report_weeks(one) for one in cftc.SERIES + ici.SERIES if one.id in
            {*POSITIONS, *FLOWS}}  # fmt: skip
_ASSETS = {"ici_equity_flow": "ici_equity_assets", "ici_bond_flow": "ici_bond_assets"}

SHORTS = Topic(
    "Short covering", FAMILY,
    "Is a rally of small companies bought back by those who were short?",
    "What is most sold short gains most when its sellers must buy, and loses that push after.",
    lean="high and falling: a small-cap burst that covering feeds",
    trap="Published on the seventh business day after settlement, twice a month, and only the "
    "latest revision is kept: what was first published may have been another number. Members are "
    "today's: of older days the survivors.",
)  # fmt: skip
FLOW = Topic(
    "Fund flows", FAMILY,
    "Where does the money of funds go?",
    "A long run of buying in one direction is how a crowd forms, and what it has to sell later.",
    trap="Estimates with a lag of seven days, fitted to monthly figures later (re-benchmarked): "
    "a week's number here is the newest known while it was the newest week. A report that does "
    "not come counts as a repetition for three weeks at most.",
    supply="The ICI shows its last four or five weeks, so the history grows from the first "
    "`regime fetch`. For an older one put a table ici_weekly, with a date and the columns "
    f"{', '.join(FLOWS)}, where `files` reads; for assets a table ici_monthly with "
    f"{', '.join(_ASSETS.values())}.",
)  # fmt: skip
CREATIONS = Topic(
    "Fund flows", FAMILY,
    "Are shares of size funds created or redeemed?",
    "A fund's shares grow only with money that comes in, whatever its price does.",
    lean="small funds created: small-cap-led",
    trap="No older files are to be had: the history begins with the first fetch. Shares can be "
    "created to be sold short. A split on its first day is counted with the file of the day after.",
)  # fmt: skip
FUTURES = Topic(
    "Positions in index futures", FAMILY,
    "Are hedge funds and asset managers long or short of an index?",
    "Those who are all on one side have only the other side to go to.",
    trap="Positions of a Tuesday, known a week later at most in ordinary times and much later "
    "when the government is shut. Leveraged funds are often short of futures against shares they "
    "hold, so a short position need not be a view.",
)  # fmt: skip
SURVEYS = Topic(
    "What investors say", FAMILY,
    "Are private investors and active managers bullish?",
    "Surveys are widest open at the turns.",
    trap="Few are asked, and they are not always the same.",
    supply="No publisher offers it free of charge: put a table own_series, with a date and the "
    "columns aaii_bull_less_bear (percentage points) and naaim_exposure (percent), where `files` "
    "reads.",
)  # fmt: skip


def four_weeks(panel: pd.DataFrame, flow: str) -> "pd.Series[float]":
    """Flow of the newest four reports, million USD."""
    return weekly_sum(panel[flow], MONTH, _WEEK_OF[flow])


def creations(shares: "pd.Series[float]", split: "pd.Series[float]") -> "pd.Series[float]":
    """Growth of a fund's shares over 21 sessions, splits apart, decimal.

    The shares known at a close are those of the session before, and so are the splits in them.
    """
    so_far = split.fillna(1.0).cumprod().shift(1, fill_value=1.0)
    return total(shares / so_far, _SINCE)


def _shorts() -> list[Signal]:
    told = [
        ("days", "days_to_cover", "Median days to cover", Unit.RATIO),
        ("change", "short_growth", "Shares sold short, log change over half a month",
         Unit.LOG_RATIO),
    ]  # fmt: skip
    found = []
    for measure, name, title, unit in told:
        small, large = series_id(measure, "small"), series_id(measure, "large")
        found += [
            Signal(f"{name}_small", f"{title}, small companies", unit, (small,), column(small),
                   SHORTS),
            Signal(f"{name}_large", f"{title}, large companies", unit, (large,), column(large),
                   SHORTS),
            Signal(f"{name}_small_less_large", f"{title}, small less large companies", unit,
                   (small, large), difference(small, large), SHORTS),
        ]  # fmt: skip
    return found + [
        Signal(f"members_with_shorts_{size}", f"Members with short interest told, {size} companies",
               SHARE, (name := series_id("coverage", size),), column(name), SHORTS,
               ranked=False)
        for size in ("small", "large")
    ]  # fmt: skip


def _flows(flow: str, title: str) -> list[Signal]:
    name, ends = flow.removeprefix("ici_"), _WEEK_OF[flow]

    def score(panel: pd.DataFrame) -> "pd.Series[float]":
        return weekly_score(four_weeks(panel, flow), THREE_YEARS, YEAR, ends)

    found = [
        Signal(f"{name}_week", f"{title}, newest week", MILLION, (flow,), column(flow), FLOW),
        Signal(f"{name}_4w", f"{title}, four weeks", MILLION, (flow,),
               lambda panel: four_weeks(panel, flow), FLOW),
        Signal(f"{name}_4w_score", f"{title}, four weeks against the three years before",
               SCORE, (flow,), score, FLOW,
               trap="Against a year of weeks at least. Sums of four weeks overlap."),
        Signal(f"{name}_streak", f"{title}, weeks in a row", WEEKS, (flow,),
               lambda panel: weekly_streak(panel[flow], ends), FLOW),
    ]  # fmt: skip
    if assets := _ASSETS.get(flow):
        found.append(
            Signal(f"{name}_4w_of_assets", f"{title}, four weeks over net assets", OF_ASSETS,
                   (flow, assets), lambda panel: 100 * four_weeks(panel, flow) / panel[assets],
                   FLOW, trap="Assets are of the newest month that is known, a month late or two.")
        )  # fmt: skip
    return found


def _creations(fund: str, title: str) -> Signal:
    shares, split = shares_id(fund), f"{fund}_split"
    return Signal(
        f"{fund}_creations_21d", f"{title} ({fund}), growth of shares over a month", RETURN,
        (shares,), lambda panel: creations(panel[shares], panel[split]), CREATIONS, uses=(split,),
    )  # fmt: skip


def _position(name: str, title: str) -> list[Signal]:
    told = name.removeprefix("cftc_")
    return [
        Signal(f"{told}_net", title, SHARE, (name,), column(name), FUTURES),
        Signal(f"{told}_net_13w", f"{title}, change over 13 weeks", SHARE, (name,),
               lambda panel: weekly_change(panel[name], QUARTER, _WEEK_OF[name]), FUTURES),
    ]  # fmt: skip


SIGNALS = [
    *_shorts(),
    *(signal for flow, title in FLOWS.items() for signal in _flows(flow, title)),
    *(_creations(fund, title) for fund, title in COUNTED.items()),
    *(signal for one in cftc.SERIES for signal in _position(one.id, one.title)),
    Signal("aaii", "Private investors, bullish less bearish", RATE_POINTS,
           ("aaii_bull_less_bear",), column("aaii_bull_less_bear"), SURVEYS),
    Signal("naaim", "Active managers, exposure to equities", SHARE, ("naaim_exposure",),
           lambda panel: panel["naaim_exposure"] * 0.01, SURVEYS,
           trap="Above 1 with borrowed money, below 0 when short."),
]  # fmt: skip

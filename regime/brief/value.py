"""What the probabilities were worth after costs: the numbers, and what may be said of them.

Portfolios are moved once and costs are laid on afterwards, so that another cost is a product.
Intervals are never made here: they come from the card of the version, with its period.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from regime.brief.deflation import CONVINCING, deflated
from regime.brief.snapshot import Snapshot
from regime.evaluation import rotation
from regime.evaluation.deflated import Tried
from regime.evaluation.rotation import EQUAL_MIX, FILTER, HORIZON, JUDGED_AT_BP, NO_EDGE
from regime.evaluation.scores import TRADING_DAYS
from regime.exceptions import EvaluationError
from regime.taxonomy import REGIMES, Regime
from regime.tracking.card_limits import ALWAYS
from regime.tracking.wording import day_words

MODEL = "model"
OURS = "ours, by the probabilities"
RIVALS = {
    EQUAL_MIX: "the equal mix",
    **ALWAYS,
    FILTER: "the filter",
}
_SAME = 1e-12  # of a daily return
_MOST_BEHIND = 63  # sessions after which a comparison is too old to be shortened to
_NO_FILTER = "Run `regime compare filter` to have it as a rival."


@dataclass(frozen=True, slots=True)
class Portfolios:
    """What each portfolio earned and traded, day by day, before costs.

    Attributes
    ----------
    gross : DataFrame of simple returns by day, a column for `MODEL` and each of `RIVALS`
    turnover : DataFrame of the same shape, 0 to 1: share of the portfolio that changed hands
    """

    gross: pd.DataFrame
    turnover: pd.DataFrame

    def net(self, cost_bp: float) -> pd.DataFrame:
        """Simple returns after costs of `cost_bp` hundredths of a percent of what is traded."""
        return (1 + self.gross) * (1 - cost_bp / 1e4 * self.turnover) - 1


@dataclass(frozen=True, slots=True)
class Worth:
    """All that is known of one snapshot.

    Attributes
    ----------
    judged : rows of `rotation.value` out of the card of the version in service; empty where it
        has none that was known on the snapshot's day
    deflated : of `deflated`, or None where trials are not known
    notes : what is missing and what brings it, a sentence each
    """

    portfolios: Portfolios
    judged: list[dict[str, Any]]
    deflated: dict[str, Any] | None
    notes: list[str]


def worth(
    snapshot: Snapshot,
    version: Mapping[str, Any] | None,
    tried: Tried | None,
    by_filter: pd.DataFrame | None,
) -> Worth:
    """What holding the baskets in proportion to the probabilities a month ahead was worth.

    Parameters
    ----------
    version : the one in service, of `tracking.roster`, if it was known on that day
    tried : what was scored on the same baskets, if that was known
    by_filter : DataFrame indexed by day, a column per regime, of `filter_of`

    Raises
    ------
    EvaluationError
        If nothing is said `HORIZON` days ahead, or of too few days.
    """
    if HORIZON not in snapshot.horizons:
        raise EvaluationError(
            f"The baskets are held in proportion to the probabilities {HORIZON} sessions ahead, "
            f"but the model in service speaks of {snapshot.horizons} sessions ahead. Add "
            f"{HORIZON} to labels.horizons of its experiment, then `regime retrain` and "
            "`regime promote`."
        )
    notes = []
    proba = snapshot.probabilities(HORIZON)
    held, known = rotation.on_same_days(proba, returns_of(snapshot))
    if by_filter is None:
        notes.append(f"The filter was not compared on these data. {_NO_FILTER}")
    else:
        spoken = proba[proba.index <= by_filter.index[-1]] if len(by_filter) else proba.iloc[:0]
        fits = spoken.index.isin(by_filter.index).all()
        if not fits or len(proba) - len(spoken) > _MOST_BEHIND:
            notes.append(f"The filter has not spoken of each of these days. {_NO_FILTER}")
            by_filter = None
        elif len(spoken) < len(proba):
            held, known = rotation.on_same_days(spoken, returns_of(snapshot))
            notes.append(
                f"All of it until {_day(by_filter.index[-1])}, the last day of which the filter "
                f"has spoken. {_NO_FILTER}"
            )
    found = portfolios(held, known, by_filter)
    card = None if version is None else version["card"]
    judged = list((card or {}).get("value") or [])
    if not judged:
        notes.append(
            "There is no interval for this day: one comes with the card of a version, from "
            "`regime retrain`, and holds from the day that was registered."
        )
    spread = found.net(JUDGED_AT_BP)
    return Worth(
        portfolios=found,
        judged=judged,
        deflated=None if tried is None else deflated(spread[MODEL] - spread[EQUAL_MIX], tried),
        notes=notes,
    )


def returns_of(snapshot: Snapshot) -> pd.DataFrame:
    """Daily log returns of the three baskets, a column per regime."""
    columns = [f"return_{name}" for name in REGIMES]
    frame: pd.DataFrame = snapshot.conditions.set_index("date")[columns]
    return pd.DataFrame(frame.to_numpy(), frame.index, list(REGIMES))


def filter_of(stored: Mapping[str, Any] | None, snapshot: Snapshot) -> pd.DataFrame | None:
    """The filter's probabilities up to the snapshot's day; None unless they are of this market.

    Parameters
    ----------
    stored : the comparison named "filter", of `tracking.results.load_result`; a walk-forward, so
        days that were added since change none of it
    """
    if stored is None or stored["about"]["simulated"] != snapshot.about["simulated"]:
        return None
    said = stored["predictions"]
    mine = (said["baskets"] == snapshot.about["baskets"]) & (said["horizon"] == HORIZON)
    known: pd.DataFrame = said[mine & (said["date"] <= snapshot.day)].set_index("date")
    return known[list(REGIMES)]


# Numbers


def portfolios(
    proba: pd.DataFrame, returns: pd.DataFrame, by_filter: pd.DataFrame | None = None
) -> Portfolios:
    """The probabilities as weights, beside portfolios that know nothing.

    Parameters
    ----------
    proba, returns : of `rotation.on_same_days`
    by_filter : DataFrame with a column per regime and at least the days of `proba`

    Raises
    ------
    EvaluationError
        As `rotation.rotate`.
    """
    weights = {MODEL: proba, EQUAL_MIX: _always(proba, dict.fromkeys(REGIMES, 1 / len(REGIMES)))}
    weights |= {name: _always(proba, {name: 1.0}) for name in REGIMES}
    if by_filter is not None:
        weights[FILTER] = by_filter.loc[proba.index]
    moves = {name: rotation.rotate(held, returns) for name, held in weights.items()}
    return Portfolios(
        *(
            pd.DataFrame({name: move[column] for name, move in moves.items()})
            for column in ("gross", "turnover")
        )
    )


def _always(proba: pd.DataFrame, shares: Mapping[str, float]) -> pd.DataFrame:
    each = np.tile([shares.get(name, 0.0) for name in REGIMES], (len(proba), 1))
    return pd.DataFrame(each, proba.index, list(REGIMES))


def growth(net: pd.DataFrame) -> pd.DataFrame:
    """What 1 has grown to by each close."""
    return pd.DataFrame(np.exp(np.log1p(net).cumsum()))


def drawdown(net: pd.DataFrame) -> pd.DataFrame:
    """Below the highest close so far, the start included; 0 or negative."""
    wealth = growth(net)
    return wealth / wealth.cummax().clip(lower=1.0) - 1


def against(found: Portfolios, cost_bp: float) -> list[dict[str, Any]]:
    """One row per rival: the numbers of `rotation.value` that need no bootstrap, same meaning."""
    net = found.net(cost_bp)
    own = net[MODEL]
    fell = -drawdown(net).min()
    paid = (1 + found.gross) * found.turnover
    rows = []
    for rival in net.columns.drop(MODEL):
        spread = own - net[rival]
        error = float(spread.std())
        beyond = float((paid[MODEL] - paid[rival]).mean())
        mean = float(spread.mean())
        rows.append(
            {
                "rival": str(rival),
                "cost_bp": float(cost_bp),
                "n_days": len(net),
                "spread": mean * TRADING_DAYS,
                "information_ratio": mean / error * TRADING_DAYS**0.5 if error > _SAME else None,
                "turnover": float(found.turnover[MODEL].mean()) * TRADING_DAYS,
                "break_even_bp": cost_bp + 1e4 * mean / beyond if beyond > _SAME else None,
                "growth": _yearly(own),
                "max_drawdown": float(fell[MODEL]),
                "rival_turnover": float(found.turnover[rival].mean()) * TRADING_DAYS,
                "rival_growth": _yearly(net[rival]),
                "rival_max_drawdown": float(fell[rival]),
            }
        )
    return rows


def _yearly(net: "pd.Series[float]") -> float:
    return float(np.expm1(np.log1p(net).mean() * TRADING_DAYS))


def interval_at(
    judged: Sequence[Mapping[str, Any]], rival: str, cost_bp: float
) -> tuple[float, float] | None:
    """The interval of a spread a year at any cost, from those of some; None without any.

    A spread falls by the same for each unit of cost, on every resample, so between two costs
    its interval lies on a line all but exactly, and beyond them close to it.

    Parameters
    ----------
    judged : rows of `rotation.value`, two costs or more, or the very one
    """
    mine = sorted(
        (row for row in judged if row["rival"] == rival and row["spread_low"] is not None),
        key=lambda row: row["cost_bp"],
    )
    exact = [row for row in mine if row["cost_bp"] == cost_bp]
    if exact:
        return float(exact[0]["spread_low"]), float(exact[0]["spread_high"])
    if len(mine) < 2:
        return None
    costs = [row["cost_bp"] for row in mine]
    upper = min(max(int(np.searchsorted(costs, cost_bp)), 1), len(mine) - 1)
    one, other = mine[upper - 1], mine[upper]
    share = (cost_bp - one["cost_bp"]) / (other["cost_bp"] - one["cost_bp"])
    low = one["spread_low"] + share * (other["spread_low"] - one["spread_low"])
    high = one["spread_high"] + share * (other["spread_high"] - one["spread_high"])
    return float(low), float(high)


# Words


def headline(found: Worth) -> str:
    """Whether there is a trading edge, in a few words that can stand large."""
    judged = _judged(found, EQUAL_MIX)
    if judged is None:
        return "Whether there is a trading edge is not known"
    words = str(judged["verdict"])
    if words.startswith(NO_EDGE):
        return "No trading edge"
    if judged["spread_low"] is None:
        return "Too few days to tell a trading edge"
    if not _is_convincing(found.deflated):
        return "No trading edge that stands out from luck"
    return "More than the equal mix after costs"


def table(found: Worth, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Portfolios beside one another as they are read, our own first.

    Parameters
    ----------
    rows : of `against`
    """
    own, lines = rows[0], []
    for row in rows:
        between = interval_at(found.judged, row["rival"], row["cost_bp"])
        even, ratio = row["break_even_bp"], row["information_ratio"]
        lines.append(
            {
                "portfolio": RIVALS[row["rival"]],
                "a year": f"{row['rival_growth']:+.1%}",
                "turnover a year": f"{row['rival_turnover']:.1f}",
                "deepest fall": f"{row['rival_max_drawdown']:.0%}",
                "ours, a year more": f"{row['spread']:+.2%}",
                "interval [90%]": ""
                if between is None
                else f"[{between[0]:+.2%}, {between[1]:+.2%}]",
                "information ratio": "" if ratio is None else f"{ratio:+.2f}",
                "break-even, bp": "none" if even is None else f"{even:.0f}",
            }
        )
    ours = {
        "portfolio": OURS,
        "a year": f"{own['growth']:+.1%}",
        "turnover a year": f"{own['turnover']:.1f}",
        "deepest fall": f"{own['max_drawdown']:.0%}",
    }
    return pd.DataFrame([ours, *lines]).fillna("")


def verdicts(found: Worth) -> list[str]:
    """What follows, a sentence each: over the equal mix, over the giants alone, and the period."""
    told = [
        f"At {JUDGED_AT_BP:g} bp, against {RIVALS[rival]}: {row['verdict']}."
        for rival in (EQUAL_MIX, Regime.MEGA_CAP_LED.value)
        if (row := _judged(found, rival)) is not None
    ]
    if told:
        first = found.judged[0]
        told.append(
            f"Those intervals hold {first['interval_level']:.0%} and are of "
            f"{_day(first['earned_from'])} to {_day(first['earned_to'])}, days that the version "
            "had not seen."
        )
    return told


def richer_words(found: Worth) -> str:
    """Which portfolios that know nothing earned more after costs; empty if none did."""
    rows = against(found.portfolios, JUDGED_AT_BP)
    own = rows[0]["growth"]
    more = [row for row in rows if row["rival"] != FILTER and row["rival_growth"] > own]
    if not more:
        return ""
    named = ", ".join(f"{RIVALS[row['rival']]} {row['rival_growth']:+.1%}" for row in more)
    since, until = (_day(found.portfolios.gross.index[place]) for place in (0, -1))
    return (
        f"Portfolios that know nothing and earned more at {JUDGED_AT_BP:g} bp: {named} a year, "
        f"against {own:+.1%} by the probabilities, {since} to {until}."
    )


def _day(told: object) -> str:
    return day_words(pd.Timestamp(str(told)))


def _judged(found: Worth, rival: str) -> dict[str, Any] | None:
    wanted = (rival, JUDGED_AT_BP)
    return next((row for row in found.judged if (row["rival"], row["cost_bp"]) == wanted), None)


def _is_convincing(found: Mapping[str, Any] | None) -> bool:
    ratio = None if found is None else found["deflated_sharpe"]
    return ratio is not None and bool(ratio >= CONVINCING)

"""The three baskets: their returns, and which of them led each day.

French portfolios give a century, funds are what one can hold. Leads are computed inside
each source and the leads are spliced, never the prices: a fund's lead is in units of its
own trailing scale, so nothing jumps where one source takes over from the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime.data import catalog
from regime.data.catalog import Unit
from regime.exceptions import ConfigError, PanelError
from regime.taxonomy import Regime

HALF_LIFE = 126  # trading days, of the trailing scale of a lead
WARM_UP = 60  # observations before a scale is trusted
LONGEST_GAP = 5  # sessions in a row that a basket may miss before it counts as broken


@dataclass(frozen=True, slots=True)
class BasketSet:
    """Three baskets from one source, and the source that stands for them before it began.

    Attributes
    ----------
    legs : for each regime, the series whose mean return is the basket's
    history : name of the basket set whose leads come first, or None
    """

    name: str
    legs: Mapping[Regime, tuple[str, ...]]
    history: str | None = None

    @property
    def series(self) -> list[str]:
        """Every series the set is made of."""
        return [identifier for legs in self.legs.values() for identifier in legs]


def _funds(name: str, mega: str = "OEF", broad: str = "RSP", small: str = "IWM") -> BasketSet:
    legs = dict(zip(Regime, ((mega,), (broad,), (small,)), strict=True))
    return BasketSet(name, legs, history="french")


# The alternatives ask whether a result hangs on one choice of fund.
BASKET_SETS = {
    basket_set.name: basket_set
    for basket_set in (
        BasketSet(
            "french",
            {
                Regime.MEGA_CAP_LED: ("hi_10",),
                Regime.BROADENING: ("dec_7", "dec_8", "dec_9"),
                Regime.SMALL_CAP_LED: ("qnt_2",),
            },
        ),
        _funds("funds"),
        _funds("funds_xlg", mega="XLG"),
        _funds("funds_ijr", small="IJR"),
    )
}


def get(name: str) -> BasketSet:
    """The basket set of that name; a ConfigError lists the names there are."""
    if name not in BASKET_SETS:
        raise ConfigError(f"There are no baskets {name!r}; choose from {', '.join(BASKET_SETS)}.")
    return BASKET_SETS[name]


def basket_returns(panel: pd.DataFrame, baskets: str) -> pd.DataFrame:
    """Daily log total return of each basket, from its own source only.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
    baskets : a name of `BASKET_SETS`

    Returns
    -------
    DataFrame of shape (n_days, n_regimes), daily log total returns, one column per regime
        On the days from the first on which all three have a return. A day on which one is missing
        is left out; the return of an index then runs from the last day that has all three.

    Raises
    ------
    PanelError
        If a series is missing, if there is no day with all three, or if one of them has a
        gap of more than `LONGEST_GAP` sessions or stops that much before the others.
    """
    chosen = get(baskets)
    _check_stored(panel, chosen)
    _check_gaps(panel, chosen)
    values = panel[chosen.series].dropna()
    if catalog.get(chosen.series[0]).unit is Unit.INDEX:
        simple = values.pct_change(fill_method=None).iloc[1:]
    else:
        simple = values
    # Daily French baskets are arithmetic means of simple returns, then logs.
    means = {regime: simple[list(legs)].mean(axis=1) for regime, legs in chosen.legs.items()}
    return pd.DataFrame({regime: np.log1p(means[regime]) for regime in Regime})


def _check_stored(panel: pd.DataFrame, chosen: BasketSet) -> None:
    missing = [name for name in chosen.series if name not in panel]
    if missing:
        raise PanelError(
            f"The {chosen.name} baskets need {', '.join(chosen.series)}, but the store has no "
            f"{', '.join(missing)}. `regime fetch --source files` looks for "
            f"{catalog.describe_location(missing)}; or leave {chosen.name!r} out of `baskets`."
        )


def _check_gaps(panel: pd.DataFrame, chosen: BasketSet) -> None:
    known = panel[chosen.series].notna()
    if not known.all(axis=1).any():
        spans = [
            f"{name} {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}" if len(days) else f"{name} nothing"
            for name in chosen.series
            for days in [known.index[known[name]]]
        ]
        raise PanelError(
            f"The {chosen.name} baskets have no day on which all three are known; the store has "
            f"{', '.join(spans)}. Fetch histories that overlap."
        )
    # A source that has not published yet ends all three together; that is no gap.
    missing = ~known[known.all(axis=1).idxmax() : known.any(axis=1)[::-1].idxmax()]
    run = missing.any(axis=1).groupby((~missing.any(axis=1)).cumsum()).cumsum()
    if run.max() > LONGEST_GAP:
        day = run.index[run > LONGEST_GAP][0]
        names = list(missing.columns[missing.loc[day]])
        raise PanelError(
            f"The {chosen.name} baskets need every session, but "
            + "; ".join(_gap(known[name], day) for name in names)
            + ". Fetch it again; `regime fetch --source files` looks for "
            f"{catalog.describe_location(names)}."
        )


def _gap(known: "pd.Series[bool]", day: pd.Timestamp) -> str:
    """Where a series ends, or where it is silent around a day."""
    before, after = known[:day], known[day:]
    last = before[::-1].idxmax()
    if not after.any():
        return f"{known.name} ends on {last:%Y-%m-%d} and the others go on"
    return f"{known.name} has nothing between {last:%Y-%m-%d} and {after.idxmax():%Y-%m-%d}"


def lead(returns: pd.DataFrame) -> pd.DataFrame:
    """Excess return of each basket over their mean, in its own trailing standard deviations.

    The scale is exponentially weighted with a half-life of 126 days and lagged one day,
    so that a day's own move does not shrink its lead. Rows before 60 observations are
    left out. Depends on nothing after the day.

    Parameters
    ----------
    returns : DataFrame of shape (n_days, n_regimes), daily log returns, one column per regime

    Returns
    -------
    DataFrame of shape (n_days - 60, n_regimes), trailing standard deviations

    Raises
    ------
    PanelError
        If there are no more than 60 days, or the baskets do not differ on so many.
    """
    excess = returns.sub(returns.mean(axis=1), axis=0)
    scale = excess.ewm(halflife=HALF_LIFE, min_periods=WARM_UP).std().shift(1)
    scaled = (excess / scale).dropna()
    if scaled.empty or not np.isfinite(scaled.to_numpy()).all():
        raise PanelError(
            f"A lead needs more than {WARM_UP} days of returns that differ between the three "
            f"baskets; found {len(returns)} days. Fetch a longer history."
        )
    return scaled


def splice_day(panel: pd.DataFrame, baskets: str) -> pd.Timestamp | None:
    """First day on which these baskets' own leads count: one year after the youngest began.

    By then their scales have settled. The day may lie after the panel's last. None for baskets
    without a history before them, and while one of theirs has no value yet.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`, with the baskets' series
    baskets : a name of `BASKET_SETS`
    """
    chosen = get(baskets)
    if chosen.history is None:
        return None
    known = panel[chosen.series].notna()
    if not known.any().all():
        return None
    return _first(known.cummax().all(axis=1)) + pd.DateOffset(years=1)


def spliced_lead(panel: pd.DataFrame, baskets: str) -> pd.DataFrame:
    """Lead of each basket over all of history: earlier source first, own source after.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
    baskets : a name of `BASKET_SETS`

    Returns
    -------
    DataFrame of shape (n_days, n_regimes), trailing standard deviations, one column per regime, on
    days with a lead.

    Raises
    ------
    PanelError
        As `basket_returns` and `lead`.
    """
    return _spliced(panel, baskets, lead)


def spliced_returns(panel: pd.DataFrame, baskets: str) -> pd.DataFrame:
    """Log returns of each basket over all of history, spliced on the same day as the leads.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`
    baskets : a name of `BASKET_SETS`

    Returns
    -------
    DataFrame of shape (n_days, n_regimes), daily log total returns, one column per regime

    Raises
    ------
    PanelError
        As `basket_returns`.
    """
    return _spliced(panel, baskets, lambda returns: returns)


def _spliced(
    panel: pd.DataFrame, baskets: str, measure: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    chosen = get(baskets)
    _check_stored(panel, chosen)
    if chosen.history is None or not any(name in panel for name in get(chosen.history).series):
        return measure(basket_returns(panel, baskets))
    day = splice_day(panel, baskets)
    if day is None or day > panel.index[-1]:
        return measure(basket_returns(panel, chosen.history))
    earlier = panel[: day - pd.Timedelta(days=1)]
    if not earlier[get(chosen.history).series].notna().all(axis=1).any():
        return measure(basket_returns(panel, baskets))  # a history that begins after the funds
    before = measure(basket_returns(earlier, chosen.history))
    return pd.concat([before, measure(basket_returns(panel, baskets))[day:]])


def market_return(panel: pd.DataFrame) -> "pd.Series[float]":
    """Log total return of the US market: the S&P 500 fund from its second year, CRSP before.

    Parameters
    ----------
    panel : DataFrame of shape (n_days, n_series), as of `data.panel`

    Returns
    -------
    Series of shape (n_days,), daily log total returns; NaN where not known

    Raises
    ------
    PanelError
        If the panel has neither `mkt_rf` and `rf` nor a value of `SPY`.
    """
    has_crsp = {"mkt_rf", "rf"} <= {*panel}
    has_fund = "SPY" in panel and panel["SPY"].notna().any()
    if not has_crsp and not has_fund:
        raise PanelError(
            "A market return needs mkt_rf and rf, or SPY. `regime fetch --source files` "
            f"looks for {catalog.describe_location(['mkt_rf', 'rf', 'SPY'])}."
        )
    empty = pd.Series(np.nan, index=panel.index)
    crsp = _log(1 + panel["mkt_rf"] + panel["rf"]) if has_crsp else empty
    fund = _log(panel["SPY"]).diff() if has_fund else empty
    start = _first(panel["SPY"].notna()) + pd.DateOffset(years=1) if has_fund else None
    from_fund = panel.index >= start if has_crsp and start else np.full(len(panel), has_fund)
    return fund.where(from_fund, crsp).rename("market_return")


def _log(values: "pd.Series[float]") -> "pd.Series[float]":
    return pd.Series(np.log(values.to_numpy(dtype=np.float64)), values.index)


def _first(known: "pd.Series[bool]") -> pd.Timestamp:
    """The first day that is true."""
    return pd.Timestamp(known.index[int(known.to_numpy().argmax())])

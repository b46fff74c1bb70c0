"""Which basket led the market, seen in hindsight. Looks ahead by design, but for
`path_as_known`, which says what the path looked like at each close."""

import numpy as np
import pandas as pd

from regime.exceptions import PanelError
from regime.survivors import Survivors, carry_forward
from regime.taxonomy import REGIMES


def leadership_path(lead: pd.DataFrame, *, switching_cost: float) -> pd.DataFrame:
    """Name each day's leader along the best path through the baskets.

    The path maximises the sum of its regimes' leads, less `switching_cost` for every
    change. Algebraically it is the Viterbi path of a sticky Gaussian chain; that links
    labels and hidden Markov models, and claims nothing about the market.

    Parameters
    ----------
    lead : DataFrame of shape (n_days, n_regimes)
        Daily excess log return of each basket over the basket mean, in trailing standard
        deviations; indexed by trading day, one column per `Regime`.
    switching_cost : float
        Standard deviations of lead that a change of leader must earn.

    Returns
    -------
    DataFrame of shape (n_days, 2)
        `regime`, and `confirmed_on`: the first day from which no later return can change
        the row; NaT while one still could. Confirmed rows are a prefix.

    Raises
    ------
    PanelError
        If a regime has no column, a lead is missing on some day, or the cost is negative.

    References
    ----------
    Forney (1973), Proceedings of the IEEE 61(3), 268-278: survivors of the Viterbi
    algorithm and their merging.

    Examples
    --------
    Ten days on which small companies, then the giants, beat the others by a deviation and a half
    a day.

    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-01-01", periods=10)
    >>> giants, small = [-0.5] * 5 + [1.0] * 5, [1.0] * 5 + [-0.5] * 5
    >>> lead = pd.DataFrame(
    ...     {"mega_cap_led": giants, "broadening": -0.5, "small_cap_led": small}, days
    ... )
    >>> path = leadership_path(lead, switching_cost=2.0)
    >>> path["regime"].tolist() == ["small_cap_led"] * 5 + ["mega_cap_led"] * 5
    True

    The giants led from Monday the eighth, but not before Thursday was that beyond undoing. Friday's
    row could still change with the next return.

    >>> path["confirmed_on"].iloc[[5, 9]].dt.strftime("%a %d").tolist()
    ['Thu 11', nan]
    """
    survivors = _survivors(lead, switching_cost)
    days = lead.index.to_numpy()
    # agreed_through never falls: a row is confirmed on the first day that reaches it.
    reached = np.searchsorted(survivors.agreed_through, np.arange(len(days)), side="left")
    confirmed_on = np.full(len(days), "NaT", dtype=days.dtype)
    confirmed_on[reached < len(days)] = days[reached[reached < len(days)]]
    regime = np.array(REGIMES, dtype=object)[survivors.path()]
    return pd.DataFrame({"regime": regime, "confirmed_on": confirmed_on}, index=lead.index)


def path_as_known(lead: pd.DataFrame, *, switching_cost: float) -> pd.DataFrame:
    """What the path looked like at each close; unlike the label, blind to the future.

    Parameters
    ----------
    lead : DataFrame of shape (n_days, n_regimes), standard deviations, as in `leadership_path`
    switching_cost : standard deviations of lead

    Returns
    -------
    DataFrame of shape (n_days, 4)
        `leader` and `leader_since`: who led the best path of that day, and since when on
        that path; both may change with the next return. `confirmed_leader` and
        `confirmed_through`: regime and day of the newest row confirmed by then, which no
        return can change; missing before there is one. A day's own row is never
        confirmed at its own close: the survivors end in different regimes.
    """
    survivors = _survivors(lead, switching_cost)
    names, days = np.array(REGIMES, dtype=object), lead.index.to_numpy()
    leader = survivors.score.argmax(axis=1)
    agreed = survivors.agreed_through
    known = pd.DataFrame(
        {
            "leader": names[leader],
            "leader_since": days[survivors.since[np.arange(len(days)), leader]],
            "confirmed_leader": names[survivors.path()[agreed]],
            "confirmed_through": days[agreed],
        },
        index=lead.index,
    )
    known.loc[agreed < 0, ["confirmed_leader", "confirmed_through"]] = None
    return known


def _survivors(lead: pd.DataFrame, switching_cost: float) -> Survivors:
    if missing := sorted({*REGIMES} - {*lead.columns}):
        raise PanelError(
            f"The path compares {', '.join(REGIMES)}, but there is no lead for "
            f"{', '.join(missing)}. Take leads from regime.data.baskets.lead or spliced_lead."
        )
    leads = lead[list(REGIMES)].to_numpy(dtype=np.float64)
    if not len(leads) or not np.isfinite(leads).all():
        bad = lead.index[~np.isfinite(leads).all(axis=1)]
        raise PanelError(
            "The path needs a lead of every basket on every day; "
            + (f"one is missing on {bad[0]:%Y-%m-%d}." if len(bad) else "there are no days.")
            + " Drop such days before, as regime.data.baskets.lead does."
        )
    if switching_cost < 0:
        raise PanelError(f"A switching cost is not negative; got {switching_cost}.")
    return carry_forward(leads, switching_cost=switching_cost)


def episodes(path: pd.DataFrame) -> pd.DataFrame:
    """Stretches of one leader.

    Parameters
    ----------
    path : DataFrame of shape (n_days, 2), from `leadership_path`
        `regime`, by name, and `confirmed_on`, by trading day.

    Returns
    -------
    DataFrame of shape (n_episodes, 5)
        `start`, `end`, `regime`, `n_days` (trading days) and `confirmed_on`, when the first day of
        the stretch was confirmed; NaT before that.
    """
    regime = path["regime"]
    number = (regime != regime.shift()).cumsum()
    days = path.index.to_series()
    table = pd.DataFrame(
        {
            "start": days.groupby(number).first(),
            "end": days.groupby(number).last(),
            "regime": regime.groupby(number).first(),
            "n_days": regime.groupby(number).size(),
            "confirmed_on": path["confirmed_on"].groupby(number).nth(0).to_numpy(),
        }
    )
    return table.reset_index(drop=True)


def target(path: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """What a forecast made on each day is judged by: the label `horizon` rows later.

    Parameters
    ----------
    path : DataFrame of shape (n_days, 2), from `leadership_path`
        `regime`, by name, and `confirmed_on`, by trading day.
    horizon : trading days (rows)

    Returns
    -------
    DataFrame of shape (n_days, 2), the columns of `leadership_path`
        Row t holds the regime of row t + horizon and the day that row was confirmed;
        missing and NaT for the last `horizon` rows and for whatever is unconfirmed.
    """
    ahead = path.shift(-horizon)
    return ahead.assign(regime=ahead["regime"].where(ahead["confirmed_on"].notna()))

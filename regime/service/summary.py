"""One line about a publication, for a terminal, a mail from cron or a log."""

import pandas as pd

from regime.scoring import State
from regime.service.publishing import Publication
from regime.taxonomy import Regime

_SHORT = {
    Regime.MEGA_CAP_LED: "mega",
    Regime.BROADENING: "broad",
    Regime.SMALL_CAP_LED: "small",
}


def summary(publication: Publication | None, day: pd.Timestamp, *, simulated: bool) -> str:
    """State, call, and today's probabilities.

    Parameters
    ----------
    publication : None where the baskets have been gone too long for any
    day : the last session that has closed
    """
    mark = "SIMULATED " if simulated else ""
    if publication is None:
        return f"{mark}{day:%Y-%m-%d} {State.HELD}"
    readiness = publication.readiness
    if readiness.state is State.HELD:
        return f"{mark}{readiness.words}"
    newest = publication.scores[publication.scores["date"] == publication.day]
    now = newest[newest["horizon"] == 0].iloc[0]
    shares = ", ".join(f"{name} {now[regime]:.0%}" for regime, name in _SHORT.items())
    missing = f" without {', '.join(readiness.missing)}" if readiness.missing else ""
    call = publication.calls["words"].iloc[-1]
    return (
        f"{mark}{publication.day:%Y-%m-%d} {readiness.state}{missing}: {call}; {shares}; "
        f"version {now['model_version']}"
    )

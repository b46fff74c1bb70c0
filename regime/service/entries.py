"""Between scores, calls and the ledger: one day's row in the shape of each."""

from collections.abc import Mapping

import pandas as pd

from regime.bundle import Bundle
from regime.call import regime_call
from regime.data.baskets import spliced_lead
from regime.data.panel import digest
from regime.experiment import call_conditions
from regime.labels.leadership import path_as_known
from regime.scoring import Readiness, State, with_fallback
from regime.taxonomy import REGIMES
from regime.tracking.ledger import CHAMPION
from regime.tracking.registry import Version
from regime.tracking.runs import code_version


def said_of(
    version: Version, rows: pd.DataFrame, panel: pd.DataFrame, state: State
) -> pd.DataFrame:
    """What a version says of the last day of a panel."""
    day = panel.index[-1]
    if state is State.DEGRADED and day > version.bundle.trained_until:
        return with_fallback(rows, version.fallback, panel, version=version.number)
    return rows


def calls_of(
    scores: pd.DataFrame, bundle: Bundle, panel: pd.DataFrame, ledger: pd.DataFrame
) -> pd.DataFrame:
    """The call of each scored day; those that were published stand."""
    made = ledger[ledger["horizon"] == 0].set_index("date")["call"]
    return regime_call(
        scores[scores["horizon"] == 0].set_index("date")[list(REGIMES)],
        path=path_as_known(
            spliced_lead(panel, bundle.baskets),
            switching_cost=bundle.config.labels.switching_cost,
        ),
        conditions=call_conditions(panel, bundle.baskets),
        published=made if len(made) else None,
    )


def entries(
    version: Version,
    said: pd.DataFrame,
    calls: pd.DataFrame,
    panel: pd.DataFrame,
    states: Mapping[pd.Timestamp, Readiness],
    simulated: bool,
    now: pd.Timestamp,
    role: str = CHAMPION,
) -> pd.DataFrame:
    """Scores as the ledger takes them."""
    digests = {day: digest(panel.loc[:day]) for day in said["date"].unique()}
    called = calls.loc[said["date"]]
    return said[["date", "horizon", *REGIMES, "model_version"]].assign(
        baskets=version.bundle.baskets,
        call=called["regime"].to_numpy(),
        call_status=called["status"].to_numpy(),
        state=[states[day].state.value for day in said["date"]],
        role=role,
        experiment=version.bundle.config.name,
        bundle_digest=version.digest,
        panel_digest=[digests[day] for day in said["date"]],
        code_version=code_version(),
        simulated=simulated,
        known_at=now,
    )

"""Scores kept for the app as a publication keeps them."""

import pandas as pd

from regime.bundle import Bundle
from regime.call import regime_call
from regime.data.baskets import spliced_lead
from regime.data.calendar import end_of_day
from regime.experiment import call_conditions
from regime.labels.leadership import path_as_known
from regime.scoring import Readiness
from regime.service.explaining import declarations, explained
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.ledger_rows import frame
from regime.tracking.published import publish


def show(
    rows: pd.DataFrame,
    bundle: Bundle,
    panel: pd.DataFrame,
    settings: Settings,
    *,
    readiness: Readiness,
) -> None:
    """Keep the rows of `score_days`, with the calls that follow from them, as version 3."""
    path = path_as_known(
        spliced_lead(panel, bundle.baskets), switching_cost=bundle.config.labels.switching_cost
    )
    calls = regime_call(
        rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)],
        path=path,
        conditions=call_conditions(panel, bundle.baskets),
    )
    told, notes = explained(bundle, panel, rows, calls)
    publish(
        rows, calls, bundle, panel, settings, version=str(rows["model_version"].iloc[-1]),
        readiness=readiness, simulated=True, known_at=end_of_day(panel.index[-1]),
        moved=pd.DataFrame(), speaker=bundle, ledger=frame([]), explained=told,
        features=declarations(bundle), notes=notes,
    )  # fmt: skip

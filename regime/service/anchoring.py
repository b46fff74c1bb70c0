"""A publication as a run in MLflow, which holds the head of the ledger after it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from regime.data.panel import digest
from regime.movement import CAUSES
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.ledger import Head
from regime.tracking.mlflow_client import DATA, market
from regime.tracking.operations import HEAD, log_operation

if TYPE_CHECKING:
    from regime.service.publishing import Publication


def log_publication(
    publication: "Publication",
    head: Head | None,
    settings: Settings,
    *,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> str:
    """Log what was published, and return the run's id.

    Parameters
    ----------
    head : of the ledger since; None while it has no row
    metrics, tags : more of them
    """
    return log_operation(
        settings,
        f"{publication.readiness.day:%Y-%m-%d} {publication.readiness.state}",
        tags=_tags(publication, head) | dict(tags),
        metrics=_metrics(publication) | dict(metrics),
    )


def _tags(publication: "Publication", head: Head | None) -> dict[str, str]:
    call = publication.calls.iloc[-1]
    return {
        "state": publication.readiness.state.value,
        "missing": ", ".join(publication.readiness.missing),
        "model_version": publication.version.number,
        "baskets": publication.version.bundle.baskets,
        "panel_digest": digest(publication.panel),
        DATA: market(publication.simulated),
        "call": f"{call['words']}",
        "days_published": ", ".join(sorted({f"{day:%Y-%m-%d}" for day in publication.new["date"]})),
        **({} if head is None else {HEAD: str(head)}),
    }


def _metrics(publication: "Publication") -> dict[str, float]:
    newest = publication.scores[publication.scores["date"] == publication.day]
    told = {
        f"probability_{row['horizon']}d/{name}": float(row[name])
        for row in newest.to_dict("records")
        for name in REGIMES
    }
    parts = {
        f"moved_{row['horizon']}d_{part}/{row['regime']}": float(row[part])
        for row in publication.moved.to_dict("records")
        for part in CAUSES
        if pd.notna(row[part])
    }
    return told | parts

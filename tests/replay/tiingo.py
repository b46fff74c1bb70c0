"""Tiingo's lists of days for the same market as `replay.yahoo` makes."""

import json
from collections.abc import Mapping

import pandas as pd
from replay.yahoo import SPLITS, Share, shares

PATH = "/tiingo/daily/{ticker}/prices"


def documents(
    observations: pd.DataFrame,
    *,
    now: pd.Timestamp,
    splits: Mapping[str, Mapping[str, float]] = SPLITS,
    since: pd.Timestamp | None = None,
) -> dict[str, bytes]:
    """A document for each fund, by path, from `since` (Tiingo's startDate) on."""
    made = shares(observations, now=now, splits=splits)
    return {
        PATH.format(ticker=ticker): document(share, since=since) for ticker, share in made.items()
    }


def document(share: Share, *, since: pd.Timestamp | None = None) -> bytes:
    """One fund's days, raw and adjusted."""
    rows = [
        {
            "date": f"{day:%Y-%m-%d}T00:00:00.000Z",
            **dict.fromkeys(("close", "high", "low", "open"), close),
            "volume": 1_000_000,
            **dict.fromkeys(("adjClose", "adjHigh", "adjLow", "adjOpen"), close),
            "adjVolume": 1_000_000,
            "divCash": 0.0 if paid != paid else paid,
            "splitFactor": 1.0 if new != new else new,
        }
        for day, close, paid, new in zip(
            share.close.index, share.close, share.dividend, share.split, strict=True
        )
        if since is None or day >= since
    ]
    return json.dumps(rows).encode()

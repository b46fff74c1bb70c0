"""A snapshot made by hand, of which every number is known."""

import numpy as np
import pandas as pd

from regime.brief.snapshot import Snapshot
from regime.call import regime_call
from regime.data.calendar import trading_days
from regime.explained import FLIPS, SHARES, SIMILAR
from regime.labels.leadership import leadership_path, path_as_known
from regime.scoring import Basis
from regime.service.explaining import OF_DRIVERS, OF_SHARES
from regime.taxonomy import REGIMES

DAYS = trading_days(pd.Timestamp("2019-01-02"), pd.Timestamp("2020-12-31"))
HORIZONS = (0, 21, 63)
_EMPTY = {"shares": OF_SHARES, "drivers": OF_DRIVERS, "similar": SIMILAR, "flips": FLIPS}


def snapshot(**changes) -> Snapshot:
    """Two years of one version, whose probabilities lean to who had led over a quarter."""
    rng = np.random.default_rng(2)
    leader = np.repeat(rng.integers(0, 3, size=len(DAYS) // 40 + 1), 40)[: len(DAYS)]
    values = rng.normal(size=(len(DAYS), 3)) + 0.8 * np.eye(3)[leader]
    leads = pd.DataFrame(values - values.mean(axis=1, keepdims=True), DAYS, list(REGIMES))
    odds = np.exp(0.15 * leads.rolling(20, min_periods=1).sum())
    proba = odds.div(odds.sum(axis=1), axis=0)
    scores = [
        (0.5 ** (horizon / 21) * (proba - 1 / 3) + 1 / 3).assign(horizon=horizon)
        for horizon in HORIZONS
    ]
    scores = pd.concat(scores).rename_axis("date").reset_index()
    scores = scores.assign(model_version="4", trained_until=pd.NaT, basis=Basis.WALK_FORWARD)
    conditions = pd.DataFrame({"market_return": 0.001}, DAYS)
    calls = regime_call(proba, path=path_as_known(leads, switching_cost=10), conditions=conditions)
    made = {
        "about": {
            "state": "PUBLISHED", "words": "PUBLISHED: 2020-12-31, everything known.",
            "known_at": "2021-01-01T06:00:00+00:00", "in_service": "4", "model_version": "4",
            "moved": [], "notes": [], "switching_cost": 10.0,
        },
        "day": DAYS[-1],
        "scores": scores.sort_values(["date", "horizon"], ignore_index=True),
        "calls": calls.rename_axis("date").reset_index(),
        "labels": leadership_path(leads, switching_cost=10).rename_axis("date").reset_index(),
        "leads": leads.rename_axis("date").reset_index(),
        "conditions": conditions.rename_axis("date").reset_index(),
        "ledger": ledger(DAYS[-1:]),
        **{name: pd.DataFrame(columns=columns) for name, columns in _EMPTY.items()},
    }  # fmt: skip
    about = made["about"] | changes.pop("about", {})
    return Snapshot(**(made | changes | {"about": about}))


def ledger(days, **changes) -> pd.DataFrame:
    """Rows of days that were published the morning after."""
    rows = pd.DataFrame({"date": days, "horizon": 0, "state": "PUBLISHED", "corrects": pd.NA})
    rows["published_at"] = rows["date"].dt.tz_localize("UTC") + pd.Timedelta("1D6h")
    return rows.assign(**changes)


def explained(shares: dict[str, tuple[float, ...]], before, now, *, horizon=0) -> pd.DataFrame:
    """Shares of one day, given by player in the order of the regimes."""
    rows = [
        (player, regime, share)
        for player, values in shares.items()
        for regime, share in zip(REGIMES, values, strict=True)
    ]
    table = pd.DataFrame(rows, columns=SHARES)
    said = {
        name: table["regime"].map(dict(zip(REGIMES, values, strict=True)))
        for name, values in (("before", before), ("now", now))
    }
    return table.assign(date=DAYS[-1], since=DAYS[-22], horizon=horizon, **said)[OF_SHARES]

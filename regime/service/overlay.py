"""What was published in place of what else is said of its days. Needs no model."""

import pandas as pd

from regime.data.calendar import session_closes
from regime.scoring import COLUMNS, Basis


def overlaid(rows: pd.DataFrame, over: pd.DataFrame) -> pd.DataFrame:
    """Scores, those of `over` in place of others of their days and horizons."""
    if over.empty:
        return rows
    keys = ["date", "horizon"]
    covered = pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(over[keys]))
    joined = pd.concat([rows[~covered], over], ignore_index=True)
    return joined[COLUMNS].sort_values(["date", "horizon"], ignore_index=True)


def as_scores(ledger: pd.DataFrame) -> pd.DataFrame:
    """Ledger rows in the shape of scores; live, or late where the next session had closed."""
    if ledger.empty:
        return pd.DataFrame(columns=COLUMNS)
    basis = basis_of(ledger["date"], ledger["published_at"])
    unknown = pd.Series(pd.NaT, ledger.index, dtype=ledger["date"].dtype)
    return ledger.assign(basis=basis, trained_until=unknown)[COLUMNS]


def basis_of(days: "pd.Series[pd.Timestamp]", at: "pd.Series[pd.Timestamp]") -> "pd.Series[str]":
    """Live, or late where the next session had closed when the day was published."""
    closes = session_closes(pd.Timestamp(days.max()))
    following = closes.index.searchsorted(pd.DatetimeIndex(days), side="right")
    late = at.to_numpy() > closes.iloc[following].to_numpy()
    return pd.Series(Basis.LIVE.value, days.index).mask(late, Basis.LATE.value)

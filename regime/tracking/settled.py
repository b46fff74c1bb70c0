"""What was said of days whose label is confirmed, beside what was so. Looks ahead by design."""

import pandas as pd

from regime.labels.leadership import target


def settled(
    predictions: pd.DataFrame, labels: pd.DataFrame, baskets: str, horizon: int
) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """The walk-forward of one basket set and horizon, on its settled days.

    Parameters
    ----------
    predictions, labels : as of `experiment.ExperimentResult`
    horizon : trading days

    Returns
    -------
    DataFrame indexed by day, the columns of `predictions`, and the regime of each of these days
    """
    mine = (predictions["baskets"] == baskets) & (predictions["horizon"] == horizon)
    said = predictions[mine].set_index("date")
    path = labels[labels["baskets"] == baskets].set_index("date")
    return on_settled_days(said, path, horizon)


def on_settled_days(
    said: pd.DataFrame, path: pd.DataFrame, horizon: int
) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """The same of rows indexed by day, and of a hindsight path indexed by day."""
    actual = target(path, horizon)["regime"].reindex(said.index).dropna()
    return said.loc[actual.index], actual

"""Past days on which the features stood as they do today, and what followed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from regime.exceptions import EvaluationError
from regime.explained import AHEAD, SIMILAR
from regime.explanation import place_of_day

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

RECENT, APART = 126, 63  # sessions to the day, and between two days like it, at least
_FAR, _KNOWN = 4.0, 0.5  # spreads; share of the rows on which a feature is known


def similar_days(
    X: pd.DataFrame,
    labels: pd.DataFrame,
    day: pd.Timestamp,
    *,
    n: int = 20,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Past days on which the features stood most as they do on `day`, and what followed.

    Parameters
    ----------
    X : DataFrame of shape (n_days, n_features)
        Features by day with a lead; days after `day` are not looked at.
    labels : DataFrame of shape (n_days, 2), as of `labels.leadership_path`
        On a later panel too: what `day` could not know yet does not count.
    day : the day to be compared
    n : how many, at most
    columns : features to compare, by default all

    Returns
    -------
    DataFrame of shape (n_found, n_columns) with `SIMILAR`, nearest first
        `distance`, the root mean square over the features of the difference in spreads;
        `regime`, the day's own; `followed`, that of `AHEAD` sessions later and `episode`, the
        first day of its stretch, both missing where not confirmed by `day`. How many
        `episode`s differ is how many outcomes there are; `attrs["episodes"]` counts them.

    Raises
    ------
    EvaluationError
        If `day` is no row of X, a column is missing, or none can be compared on `day`.

    Notes
    -----
    Candidates are days whose label was confirmed by `day`, more than `RECENT` sessions before
    it. The nearest is taken, then the nearest more than `APART` sessions from it, and so on; of
    equals the earlier. Spreads are half the distance between the 16th and the 84th percentile
    of all rows confirmed by `day`; values count as at most four of them from the median.
    Features unknown on `day`, or on more than half of those rows, or without a spread, are not
    compared; a day that lacks one that is compared is no candidate.

    Euclid, because a reader can check it. A whitened distance leans on directions in which
    features hardly ever differ, and finds days no more alike: over 160 days of 1983 to 2024 the
    regimes of the 20 nearest told the day's own at 0.87 nats by Euclid, at 0.90 to 0.92 by
    Mahalanobis. What had followed them told no more of what came than equal odds would: METHOD,
    section 10.
    """
    names = list(X.columns) if columns is None else list(columns)
    if missing := [name for name in names if name not in X]:
        raise EvaluationError(
            f"Days are compared by {', '.join(names)}; {', '.join(missing)} is not among the "
            "features. Give columns of `bundle.features_of`."
        )
    last = place_of_day(X.index, day)
    labels = labels.reindex(X.index[: last + 1])
    # Of a later panel's labels, those confirmed by then are what was known then.
    known = (labels["confirmed_on"] <= day).to_numpy()
    z = _in_spreads(X[names].iloc[: last + 1].to_numpy(np.float64), known)
    if not z.shape[1]:
        raise EvaluationError(
            f"No feature is known on {day:%Y-%m-%d} and on half of the {int(known.sum())} days "
            "confirmed by then. Choose a later day, or other columns."
        )
    distance = np.sqrt(((z - z[-1]) ** 2).mean(axis=1))
    distance[~known | (last - np.arange(last + 1) <= RECENT)] = np.nan
    chosen: list[int] = []
    for place in np.argsort(distance, kind="stable"):
        if len(chosen) >= n or np.isnan(distance[place]):
            break
        if all(abs(place - other) > APART for other in chosen):
            chosen.append(int(place))
    regime = labels["regime"]
    begun = labels.index.to_series().where(regime != regime.shift()).ffill()
    table = labels.assign(distance=distance, episode=begun)
    later = table.loc[known, ["regime", "episode"]].reindex(table.index).shift(-AHEAD)
    table = table.assign(followed=later["regime"], episode=later["episode"])
    table = table.iloc[chosen].rename_axis("date").reset_index()[SIMILAR]
    table.attrs["episodes"] = int(table["episode"].nunique())
    return table


def _in_spreads(values: FloatArray, known: BoolArray) -> FloatArray:
    """The features that can be compared with the last row's, in spreads of the known rows."""
    if not known.any():
        return np.empty((len(values), 0))
    values = values[
        :, np.isfinite(values[-1]) & (np.isfinite(values[known]).mean(axis=0) >= _KNOWN)
    ]
    cuts = np.nanquantile(values[known], (0.16, 0.5, 0.84), axis=0).reshape(3, -1)
    spread = (cuts[2] - cuts[0]) / 2
    moves = spread > 0
    z = (values[:, moves] - cuts[1, moves]) / spread[moves]
    clipped: FloatArray = np.clip(z, -_FAR, _FAR)
    return clipped

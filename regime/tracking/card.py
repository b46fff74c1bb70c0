"""What there is to say of a registered version before anybody relies on it, as plain values.

A card is made from what training and walking forward have left, and holds nothing but JSON:
`card_text` turns it into sentences and tables, here nothing is worded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from regime.bundle import Bundle, features
from regime.data import baskets as basket_sets
from regime.evaluation.calibration import calibration_error, when_we_said
from regime.evaluation.scores import count_episodes, log_losses
from regime.evaluation.significance import BLOCK, OTHER_BLOCKS, edge_over
from regime.exceptions import EvaluationError
from regime.experiment import ExperimentResult
from regime.labels.leadership import episodes, target
from regime.taxonomy import REGIMES
from regime.tracking.card_reads import features_read, series_read
from regime.tracking.settled import settled

SCHEMA = 1
SAID = 0.7  # the probability whose record is told in a sentence
N_WORST = 5  # episodes


class _Test(NamedTuple):
    """Settled days of one horizon: what was said, and what was so."""

    proba: pd.DataFrame
    actual: "pd.Series[str]"


def card_of(
    result: ExperimentResult,
    bundle: Bundle,
    *,
    simulated: bool,
    registered_at: pd.Timestamp,
    code_version: str,
    n_configurations: int | None = None,
    value: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Everything a card says, of the bundle's baskets only.

    Parameters
    ----------
    result : the walk-forward of the bundle's own experiment, on the panel it was fitted on
    n_configurations : how many were ever scored, this one included; None where nobody counted
    value : rows of `evaluation.rotation.value`, made from the probabilities of `result`

    Returns
    -------
    dict of plain JSON values; missing numbers are None, days are ISO dates. `schema` changes
    when a key changes its meaning. Looks ahead: scores and episodes are hindsight.

    Raises
    ------
    EvaluationError
        If the result says nothing of the bundle's baskets, or is of another panel.
    """
    path = result.labels[result.labels["baskets"] == bundle.baskets].set_index("date")
    scored = [row for row in result.scores if row["baskets"] == bundle.baskets]
    _check(path, scored, bundle)
    tests = {row["horizon"]: _test(result, bundle.baskets, row["horizon"]) for row in scored}
    reads = features_read(bundle)
    nowcast = tests[min(tests)]
    return {
        "schema": SCHEMA,
        "simulated": bool(simulated),
        "registered_at": registered_at.isoformat(timespec="seconds"),
        "code_version": code_version,
        "panel_digest": result.panel_digest,
        "model": _model(bundle),
        "features": reads,
        "series": series_read(bundle, reads),
        "training": _training(bundle, path),
        "test": {
            "from": _day(nowcast.actual.index[0]),
            "to": _day(nowcast.actual.index[-1]),
            "n_days": len(nowcast.actual),
            "n_episodes": count_episodes(nowcast.actual),
        },
        "horizons": [_horizon(row, tests[row["horizon"]]) for row in scored],
        "worst": _worst(nowcast),
        "value": None if value is None else [_plain(row) for row in value],
        "n_configurations": n_configurations,
    }


def _check(path: pd.DataFrame, scored: list[dict[str, Any]], bundle: Bundle) -> None:
    if path.empty or not scored:
        raise EvaluationError(
            f"A card needs the walk-forward of {bundle.config.name} on {bundle.baskets} baskets; "
            "the result holds none of it. Give the result of the experiment that was fitted."
        )
    if path.index[-1] != bundle.trained_until:
        raise EvaluationError(
            f"A card needs model and walk-forward of one panel; the model was trained until "
            f"{_day(bundle.trained_until)}, the walk-forward ends on {_day(path.index[-1])}. "
            "Run the experiment again on the panel the model is fitted on."
        )


def _test(result: ExperimentResult, baskets: str, horizon: int) -> _Test:
    said, actual = settled(result.predictions, result.labels, baskets, horizon)
    return _Test(said[list(REGIMES)], actual)


def _model(bundle: Bundle) -> dict[str, Any]:
    config = bundle.config
    chosen = basket_sets.get(bundle.baskets)
    return {
        "experiment": config.name,
        "question": config.question,
        "kind": config.model.kind,
        "params": _plain(config.model.model_dump(mode="json")["params"]),
        "members": [_member(bundle, number) for number in range(len(config.members))],
        "baskets": bundle.baskets,
        "legs": {str(regime): list(legs) for regime, legs in chosen.legs.items()},
        "history": chosen.history,
        "horizons": list(bundle.classifiers),
        "switching_cost": config.labels.switching_cost,
        "window": features(config, bundle.baskets).window,
        "refit_every": config.evaluation.refit_every,
    }


def _member(bundle: Bundle, number: int) -> dict[str, Any]:
    """One member of a stack, and its weight in the pool at each horizon."""
    member = bundle.config.members[number]
    weights = {
        str(horizon): float(classifier.pool.weight_[number])
        for horizon, classifier in bundle.classifiers.items()
    }
    params = _plain(member.model.model_dump(mode="json")["params"])
    return {
        "name": member.name,
        "kind": member.model.kind,
        "params": params,
        "weights": weights,
    }


def _training(bundle: Bundle, path: pd.DataFrame) -> dict[str, Any]:
    """Rows as `fit_bundle` chose them, and the episodes they come from."""
    learners = bundle.config.members or (bundle.config,)
    rows = []
    for horizon in bundle.classifiers:
        y = target(path, horizon)["regime"].dropna()
        for one in learners:
            seen = y[pd.Timestamp(one.training.since) :].iloc[:: one.training.every]
            rows.append(
                {
                    "horizon": horizon,
                    "member": one.name if bundle.config.members else None,
                    "n_rows": len(seen),
                    "every": one.training.every,
                    "from": _day(seen.index[0]),
                    "to": _day(seen.index[-1]),
                }
            )
    since = min(pd.Timestamp(one.training.since) for one in learners)
    settled = path[path["confirmed_on"].notna()]
    waited = path.index.searchsorted(settled["confirmed_on"]) - np.arange(len(settled))
    met = episodes(settled[since:])["regime"].value_counts()
    return {
        "trained_until": _day(bundle.trained_until),
        "horizons": rows,
        "episodes": {name: int(met.get(name, 0)) for name in REGIMES},
        "settled_after_median": int(np.median(waited)),
        "settled_after_95": int(np.quantile(waited, 0.95)),
    }


def _horizon(row: Mapping[str, Any], test: _Test) -> dict[str, Any]:
    losses = log_losses(test.proba, test.actual)
    shares = test.actual.value_counts(normalize=True)
    # The best that any unchanging forecast could have done, had it known the test: a bar
    # higher than climatology's, whose mean loss is the entropy of the test's labels.
    said_each = test.actual.map(shares).to_numpy(dtype=np.float64)
    unchanging = pd.Series(-np.log(said_each), index=losses.index)
    over = edge_over(unchanging, losses)
    faults = calibration_error(test.proba, test.actual)
    said = when_we_said(test.proba, test.actual, SAID)
    kept = (
        "horizon", "n_days", "n_episodes", "test_from", "test_to", "log_loss", "brier", "edge",
        "edge_se", "edge_low", "edge_high", "interval_level", "dm_p", "detectable_edge",
        "detection_delay_days",
    )  # fmt: skip
    return {
        **{name: _plain(row[name]) for name in kept},
        "filter_log_loss": float(row["log_loss"] + row["edge"]),
        "climatology_log_loss": _plain(row.get("climatology_log_loss")),
        "label_entropy": float(unchanging.mean()),
        "over_entropy": {"edge": over.edge, "low": over.low, "high": over.high},
        "edge_se_by_block": {
            str(block): _plain(row["edge_se" if block == BLOCK else f"edge_se_block_{block}"])
            for block in sorted((BLOCK, *OTHER_BLOCKS))
        },
        "by_decade": [_decade(entry, test.actual) for entry in row["by_decade"]],
        "calibration": asdict(faults) | {"beyond_chance": bool(faults.beyond_chance)},
        "when_said": _plain(said._asdict()) | {"around": SAID},
    }


def _decade(entry: Mapping[str, Any], actual: "pd.Series[str]") -> dict[str, Any]:
    days = pd.DatetimeIndex(actual.index).year // 10 * 10
    counted = count_episodes(actual[days == int(entry["decade"].rstrip("s"))])
    row: dict[str, Any] = {"n_episodes": counted, "edge_low": None, "edge_high": None, **entry}
    return {name: _plain(value) for name, value in row.items()}


def _worst(test: _Test) -> list[dict[str, Any]]:
    """Settled episodes of the test with the highest mean log loss, the worst first."""
    losses = log_losses(test.proba, test.actual)
    number = (test.actual != test.actual.shift()).cumsum()
    rows: list[dict[str, Any]] = [
        {
            "from": _day(days.index[0]),
            "to": _day(days.index[-1]),
            "regime": str(test.actual.loc[days.index[0]]),
            "n_days": len(days),
            "log_loss": float(days.mean()),
            "said": {name: float(test.proba.loc[days.index, name].mean()) for name in REGIMES},
        }
        for _, days in losses.groupby(number)
    ]
    return sorted(rows, key=lambda row: row["log_loss"], reverse=True)[:N_WORST]


def _day(day: Any) -> str:
    return f"{day:%Y-%m-%d}"


def _plain(value: Any) -> Any:
    """As JSON holds it: no NaN, no numpy, no tuples."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value

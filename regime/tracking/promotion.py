"""Who is in service: a challenger is judged, promoted, and can be taken back.

The registry's aliases say who it is: `champion`, and `former`, whom it was promoted over. Tags
of each version say how that came about: what the gate decided, `promoted_at`, `promoted_over`,
and where it ended, `rolled_back_at` and `rolled_back_why`.
"""

import json
from typing import Any

import numpy as np
import pandas as pd

from regime.bundle import Bundle
from regime.call import CHANGES_A_YEAR, regime_call
from regime.config import ExperimentConfig
from regime.data.baskets import spliced_lead
from regime.data.calendar import last_closed_session
from regime.data.checks.freshness import dated_by_closes, freshness
from regime.data.store import ObservationStore
from regime.evaluation.gate import Bounds, Check, Decision, Record, fresh_check, judge
from regime.evaluation.scores import TRADING_DAYS
from regime.exceptions import EvaluationError, StoreError
from regime.labels.leadership import leadership_path, target
from regime.models.matching import LEAST_OVERLAP, match_states
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.clean_process import check_apart
from regime.tracking.mlflow_client import LONGEST_TAG, client, plain_faults
from regime.tracking.names import CHAMPION, FORMER, MODEL
from regime.tracking.registry import (
    Version,
    find_version,
    iso,
    load_version,
    move_champion,
    sole_promoter,
    standing,
)

# A reader was promised CHANGES_A_YEAR; half as many again may be a restless year.
BOUNDS = Bounds(changes_a_year=1.5 * CHANGES_A_YEAR, overlap=LEAST_OVERLAP)
_HIDDEN = "gaussian_hmm"


def decide(
    settings: Settings,
    store: ObservationStore,
    panel: pd.DataFrame,
    number: str | None = None,
    *,
    ledger: pd.DataFrame,
    now: pd.Timestamp,
    record: bool = True,
    bounds: Bounds = BOUNDS,
) -> Decision:
    """Judge a version, the challenger by default, against the champion.

    Whatever the gate says is kept as tags of the version: `gate_decision`, "promote" or
    "reject", `gate_decided_at`, `gate_against`, for each check `gate_<check>` with "passed: "
    or "failed: " and its words, and all values and bounds in `gate_numbers`.

    Parameters
    ----------
    panel : DataFrame of `data.panel`, as it is known now
    ledger : rows of what was published, of `gate.judge`; may be empty
    now : the present moment, UTC
    record : whether to write the tags

    Raises
    ------
    StoreError
        If there is no such version, or it does not load whole.
    """
    number, in_service = standing(settings, number)
    version = load_version(settings, number)
    challenger = record_of(version)
    path = leadership_path(
        spliced_lead(panel, challenger.baskets), switching_cost=challenger.switching_cost
    )
    decision = judge(
        challenger,
        None if in_service is None else _champion(settings, in_service, challenger),
        {horizon: target(path, horizon) for horizon in challenger.horizons},
        ledger=ledger,
        found=[
            check_states(version, panel, bounds),
            check_fresh(version, store, now, bounds),
            check_apart(settings, version, panel, bounds),
        ],
        decided_at=now,
        bounds=bounds,
    )
    if record:
        _keep(settings, decision)
    return decision


def promote(settings: Settings, number: str, decision: Decision, *, why: str | None = None) -> None:
    """Make a version the champion, as the gate decided; against it only with a reason.

    Parameters
    ----------
    why : a rejected version is promoted all the same; tags `forced` and `forced_why` say so

    Raises
    ------
    EvaluationError
        If the gate rejected it and there is no reason, or judged another version.
    StoreError
        If another champion has come into service since, or the version does not load whole.
    """
    if decision.challenger != number:
        raise EvaluationError(
            f"The gate judged version {decision.challenger}, not version {number}. Judge the "
            f"version that is to be promoted: `regime promote {number}`."
        )
    forced = not decision.promote
    if forced and not (why and why.strip()):
        raise EvaluationError(
            f"The gate rejected version {number}: {', '.join(decision.failed)}. Retrain it, or "
            f'give a reason: `regime promote {number} --force --why "..."`.'
        )
    tags = {"promoted_at": iso(decision.decided_at)}
    if forced:
        tags |= {"forced": "true", "forced_why": str(why)[:LONGEST_TAG]}
    tracker = client(settings)
    with sole_promoter(settings), plain_faults(settings):
        _, in_service = standing(settings, number)
        if in_service not in (decision.champion, number):
            raise StoreError(
                f"Version {number} was judged against {_name(decision.champion)}, but "
                f"{_name(in_service)} is in service since. Judge it again: "
                f"`regime promote {number}`."
            )
        move_champion(tracker, find_version(tracker, number), tags)


def rollback(settings: Settings, *, why: str, now: pd.Timestamp) -> tuple[str, str]:
    """Go back to the version that the champion was promoted over; returns both numbers.

    The alias `champion` moves last, so that one who was killed on the way can begin again.

    Raises
    ------
    StoreError
        If there is no such version, it was itself taken back, or it does not load whole.
    """
    if not why.strip():
        raise EvaluationError("A rollback needs a reason for those who look at it later: --why.")
    tracker = client(settings)
    with sole_promoter(settings), plain_faults(settings):
        going = find_version(tracker, CHAMPION)
        number, back = str(going.version), _before(going)
        if back is None:
            raise StoreError(
                f"Version {number} was promoted over no other, so there is nothing to go back to. "
                "Promote another by its number: `regime promote VERSION`."
            )
        coming = find_version(tracker, back)
        if at := coming.tags.get("rolled_back_at"):
            raise StoreError(
                f"Version {number} was promoted over version {back}, which was itself taken back "
                f"on {at[:10]}: {coming.tags.get('rolled_back_why', 'no reason kept')}. Promote a "
                "version by its number: `regime promote VERSION`."
            )
        load_version(settings, back)
        for key, value in (("rolled_back_at", iso(now)), ("rolled_back_why", why[:LONGEST_TAG])):
            tracker.set_model_version_tag(MODEL, number, key, value)
        before = _before(coming)
        if before is not None:
            tracker.set_registered_model_alias(MODEL, FORMER, before)
        else:
            tracker.delete_registered_model_alias(MODEL, FORMER)
        tracker.set_registered_model_alias(MODEL, CHAMPION, back)
    return number, back


def record_of(version: Version) -> Record:
    """What a version said of days that it had not seen, and the calls that follow from it."""
    rows = version.walk_forward
    now = rows[rows["horizon"] == 0].set_index("date")[list(REGIMES)]
    return Record(
        number=version.number,
        baskets=version.bundle.baskets,
        switching_cost=version.bundle.config.labels.switching_cost,
        rows=rows,
        calls=regime_call(now)["regime"],
    )


def check_states(version: Version, panel: pd.DataFrame, bounds: Bounds) -> Check:
    """Whether the hidden states to be served stand for the regimes they stood for when judged.

    What is judged is the record of former fits; what is served is one more fit, from the
    start. On the record's last year each regime of the one must be the same of the other.
    """
    bundle = version.bundle
    if not _has_states(bundle.config):
        return Check("states", True, None, None, "the model has no hidden states")
    horizon = min(bundle.classifiers)
    rows = version.walk_forward
    record = rows[rows["horizon"] == horizon].set_index("date").sort_index().iloc[-TRADING_DAYS:]
    served = _said(bundle, panel, horizon, record.index[0])
    days = record.index.intersection(served.index)
    names = list(REGIMES)
    if not len(days):
        words = "the panel holds none of the record's last year"
        return Check("states", False, None, bounds.overlap, words)
    match = match_states(record.loc[days, names].to_numpy(), served.loc[days, names].to_numpy())
    least = int(match.overlap.argmin())
    moved = [names[at] for at in np.flatnonzero(match.order != np.arange(len(names)))]
    words = f"of the record's last year {names[least]} shares {match.overlap[least]:.2f} of itself"
    if moved:
        words = f"states have changed their meaning since the record: {', '.join(moved)}"
    value = float(match.overlap[least])
    return Check("states", not moved and value >= bounds.overlap, value, bounds.overlap, words)


def check_fresh(
    version: Version, store: ObservationStore, now: pd.Timestamp, bounds: Bounds
) -> Check:
    """Whether the store is as new as it should be for this version, and its training as well."""
    bundle = version.bundle
    if version.simulated != store.is_simulated():
        kinds = ("market data", "a SIMULATED market")
        words = (
            f"trained on {kinds[version.simulated]}, but the store holds "
            f"{kinds[store.is_simulated()]}"
        )
        return Check("fresh", False, None, None, words)
    newest = dated_by_closes({name: last for name, (_, last) in store.spans().items()})
    at_hand = {name: newest.get(name) for name in bundle.series_read()}
    return fresh_check(
        freshness(at_hand, now), bundle.trained_until, last_closed_session(now), bounds
    )


def _champion(settings: Settings, number: str, challenger: Record) -> Record:
    """The champion's record, or why there is none: a damaged champion must be replaceable."""
    try:
        return record_of(load_version(settings, number))
    except StoreError as error:
        rows = challenger.rows.iloc[:0]
        return Record(
            number, challenger.baskets, challenger.switching_cost, rows,
            challenger.calls.iloc[:0], fault=str(error),
        )  # fmt: skip


def _said(bundle: Bundle, panel: pd.DataFrame, horizon: int, since: Any) -> pd.DataFrame:
    rows = bundle.predict_proba(panel, pd.Timestamp(since))
    return rows[rows["horizon"] == horizon].set_index("date")


def _has_states(config: ExperimentConfig) -> bool:
    """Whether hidden states are learned anywhere in it."""
    kinds = (config.model.kind, config.model.params.get("start"))
    return _HIDDEN in kinds or any(_has_states(member) for member in config.members)


def _keep(settings: Settings, decision: Decision) -> None:
    numbers = {check.name: [check.value, check.bound] for check in decision.checks}
    tags = {
        f"gate_{check.name}": f"{'passed' if check.passed else 'failed'}: {check.words}"
        for check in decision.checks
    } | {
        "gate_numbers": json.dumps(numbers),
        "gate_against": decision.champion or "none",
        "gate_decided_at": iso(decision.decided_at),
        "gate_decision": "promote" if decision.promote else "reject",  # last: the rest is there
    }
    tracker = client(settings)
    with plain_faults(settings):
        for key, value in tags.items():
            tracker.set_model_version_tag(MODEL, decision.challenger, key, value[:LONGEST_TAG])


def _before(version: Any) -> str | None:
    """Number of the version that one was promoted over."""
    over = str(version.tags.get("promoted_over", ""))
    return over if over.isdigit() else None


def _name(number: str | None) -> str:
    return "no champion" if number is None else f"version {number}"

"""How far the model may be trusted: what is in service and why, and how its word came true.

What the registry says comes from the roster. On an earlier day only versions that were
registered by its end are known; everything else here is made from the snapshot alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from regime.brief.deflation import baskets_words
from regime.brief.snapshot import Snapshot
from regime.brief.value import returns_of
from regime.data.calendar import end_of_day
from regime.evaluation.deflated import Tried
from regime.evaluation.live_record import SLOW, fast_record, slow_record, summary
from regime.labels.leadership import target
from regime.scoring import number_of
from regime.taxonomy import REGIMES
from regime.tracking.names import CHALLENGER, CHAMPION, FORMER
from regime.tracking.settled import on_settled_days
from regime.tracking.wording import FEW_EPISODES, day_words, horizon_name

CHECKS = {
    "log_loss": "Not worse than the champion",
    "live": "Not worse than what was published",
    "calibration": "Comes true as often as it says",
    "turnover": "Not too restless",
    "climatology": "Better than knowing nothing",
    "states": "Hidden states keep their meaning",
    "fresh": "Data and training are new enough",
    "clean_process": "Loads and scores on its own",
}
N_BINS = 10
_Z = 1.645  # of a normal distribution, for the middle 90%

Version = Mapping[str, Any]


# What is registered


def known_versions(roster: Mapping[str, Any] | None, snapshot: Snapshot) -> list[Version]:
    """Versions registered by the end of the snapshot's day, the newest first, as known then."""
    versions: list[Version] = [] if roster is None else list(roster["versions"])
    if not snapshot.then:
        return versions
    until = end_of_day(snapshot.day)
    return [
        _as_known(one, until) for one in versions if pd.Timestamp(one["registered_at"]) <= until
    ]


def _as_known(version: Version, until: pd.Timestamp) -> Version:
    """Without what became of it later; who was promoted twice has the later date only."""

    def later(moment: str | None) -> bool:
        return moment is not None and pd.Timestamp(moment) > until

    told = {**version}
    if later((told.get("gate") or {}).get("decided_at")):
        told["gate"] = None
    if later(told.get("promoted_at")):
        told |= {"promoted_at": None, "promoted_over": None, "forced": False, "forced_why": None}
    if later(told.get("rolled_back_at")):
        told |= {"rolled_back_at": None, "rolled_back_why": None}
    return told


def in_service(roster: Mapping[str, Any] | None, snapshot: Snapshot) -> Version | None:
    """The version that spoke of the snapshot's day, if it was registered by then."""
    spoke = snapshot.about["model_version"] if snapshot.then else snapshot.about["in_service"]
    number = number_of(str(spoke))
    known = known_versions(roster, snapshot)
    return next((one for one in known if one["number"] == number), None)


def tried(roster: Mapping[str, Any] | None, snapshot: Snapshot) -> Tried | None:
    """What was scored on the snapshot's baskets; None where it is not known, as on a past day."""
    found = {} if roster is None or snapshot.then else roster["tried"]
    mine = found.get(snapshot.about["baskets"])
    if mine is None:
        return None
    return Tried(int(mine["n_trials"]), pd.Series(mine["sharpes"], dtype=float))


def roles(roster: Mapping[str, Any] | None, snapshot: Snapshot) -> list[tuple[str, Version]]:
    """Who is what, in the order of a page; on an earlier day only who spoke."""
    if snapshot.then:
        spoke = in_service(roster, snapshot)
        return [] if spoke is None else [(CHAMPION, spoke)]
    by_number = {one["number"]: one for one in known_versions(roster, snapshot)}
    named = [] if roster is None else [(role, roster[role]) for role in ROLES]
    return [(role, by_number[number]) for role, number in named if number in by_number]


ROLES = {CHAMPION: "In service", CHALLENGER: "Challenger", FORMER: "In service before"}


def story(version: Version) -> list[str]:
    """What became of a version, a sentence each, as plain text."""
    market = "a SIMULATED market" if version["simulated"] else "market data"
    made = (
        f"{version['experiment']}, trained on {baskets_words(version['baskets'])} baskets until "
        f"{_day(version['trained_until'])}, on {market}; registered "
        f"{_day(version['registered_at'])}."
    )
    told = [made, *_judgement(version["gate"])]
    if version["promoted_at"]:
        over = version["promoted_over"]
        told.append(
            f"Promoted {_day(version['promoted_at'])}"
            + (f" over version {over}." if over and over.isdigit() else ", the first in service.")
        )
    if version["forced"]:
        told.append(f"Promoted against the gate. The reason given: {version['forced_why']}.")
    if version["rolled_back_at"]:
        told.append(
            f"Taken back {_day(version['rolled_back_at'])}. The reason given: "
            f"{version['rolled_back_why']}."
        )
    return told


def _judgement(gate: Mapping[str, Any] | None) -> list[str]:
    if gate is None:
        return ["The gate has not judged it."]
    if not gate["checks"]:
        why = str(gate["decision"]).removesuffix("not gated").rstrip(": ")
        return [f"The gate was not asked{f' ({why})' if why else ''}."]
    failed = [one for one in gate["checks"] if not one["passed"]]
    rival = gate["against"]
    against = f" against version {rival}" if rival and rival.isdigit() else ""
    when = f" on {_day(gate['decided_at'])}" if gate["decided_at"] else ""
    verdict = "let it through" if gate["decision"] == "promote" else "rejected it"
    passed = f"{len(gate['checks']) - len(failed)} of {len(gate['checks'])} checks passed"
    return [f"The gate {verdict}{when}{against}: {passed}."]


def gate_table(version: Version) -> pd.DataFrame:
    """Every check of the gate as it is read: what it asks, its answer, and why."""
    gate = version["gate"] or {"checks": []}
    return pd.DataFrame(
        [
            {
                "check": CHECKS.get(one["name"], one["name"]),
                "answer": "passed" if one["passed"] else "FAILED",
                "why": one["words"],
            }
            for one in gate["checks"]
        ],
        columns=["check", "answer", "why"],
    )


def decades(card: Mapping[str, Any]) -> pd.DataFrame:
    """Edge over the filter by decade and horizon; no interval where episodes are too few.

    Returns
    -------
    DataFrame: `horizon`, `decade`, `edge`, `low`, `high` in nats, `n_days`, `n_episodes`
    """
    rows = []
    for row in card["horizons"]:
        for one in row["by_decade"]:
            few = one["n_episodes"] < FEW_EPISODES
            rows.append(
                {
                    "horizon": int(row["horizon"]),
                    "decade": one["decade"],
                    "edge": one["edge"],
                    "low": None if few else one["edge_low"],
                    "high": None if few else one["edge_high"],
                    "n_days": one["n_days"],
                    "n_episodes": one["n_episodes"],
                }
            )
    columns = ["horizon", "decade", "edge", "low", "high", "n_days", "n_episodes"]
    return pd.DataFrame(rows, columns=columns).astype({"low": float, "high": float})


# Said and so


def settled(snapshot: Snapshot, horizon: int) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """What was said of days whose label is confirmed, and what was so."""
    path = snapshot.labels.set_index("date")
    return on_settled_days(snapshot.probabilities(horizon), path, horizon)


def said_and_so(
    proba: pd.DataFrame, actual: "pd.Series[str]", regime: str | None = None
) -> pd.DataFrame:
    """How often it was so when so much was said, in tenths of probability.

    Parameters
    ----------
    proba, actual : of `settled`
    regime : one of them; all three together by default, each day counting thrice

    Returns
    -------
    DataFrame, one row per tenth that holds a day
        `said`, the mean probability; `so`, the share of cases in which it was so; `low` and
        `high`, the middle 90% by Wilson's score with one independent case per episode;
        `n_days`; `n_episodes`, stretches of one regime that those days belong to.

    References
    ----------
    Wilson (1927), JASA 22(158), 209-212: the interval of a share.
    """
    names = list(REGIMES) if regime is None else [regime]
    said = proba[names].to_numpy(dtype=np.float64)
    so = actual.to_numpy()[:, None] == np.array(names, dtype=object)[None, :]
    bins = np.minimum((said * N_BINS).astype(np.int64), N_BINS - 1)
    episode = (actual != actual.shift()).cumsum().to_numpy()
    rows = []
    for one in np.unique(bins):
        here = bins == one
        days = here.any(axis=1)
        n_episodes = len(np.unique(episode[days]))
        share = float(so[here].mean())
        low, high = wilson(share, n_episodes)
        rows.append(
            {
                "said": float(said[here].mean()),
                "so": share,
                "low": low,
                "high": high,
                "n_days": int(days.sum()),
                "n_episodes": n_episodes,
            }
        )
    return pd.DataFrame(rows, columns=["said", "so", "low", "high", "n_days", "n_episodes"])


def wilson(share: float, n_cases: int) -> tuple[float, float]:
    """The middle 90% of a share of so many independent cases."""
    middle = (share + _Z**2 / (2 * n_cases)) / (1 + _Z**2 / n_cases)
    spread = share * (1 - share) / n_cases + _Z**2 / (4 * n_cases**2)
    half = _Z / (1 + _Z**2 / n_cases) * float(np.sqrt(spread))
    # At the ends rounding would put the share itself outside.
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


# The live record


def live(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Rows of `live_record.summary` on what was published; empty while nothing was."""
    ledger = snapshot.ledger
    if ledger.empty:
        return []
    mine = ledger[ledger["baskets"] == snapshot.about["baskets"]]
    if mine.empty:
        return []
    path = snapshot.labels.set_index("date")
    targets = {horizon: target(path, horizon) for horizon in snapshot.horizons}
    return summary(fast_record(mine, returns_of(snapshot)), slow_record(mine, targets))


def live_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The live record as it is read."""
    return pd.DataFrame(
        [
            {
                "what": _what(row),
                "mean": _mean(row),
                "days": row["n_days"],
                "episodes": row["n_episodes"],
                "still open": row["n_open"],
                "too late": row["n_late"],
                "what that tells": row["verdict"],
            }
            for row in rows
        ]
    )


def _what(row: Mapping[str, Any]) -> str:
    if row["record"] == SLOW:
        return f"log loss of what was said, {horizon_name(row['sessions'])}"
    return f"return of the called basket over the equal mix, {row['sessions']} sessions"


def _mean(row: Mapping[str, Any]) -> str:
    if row["mean"] is None:
        return ""
    form, unit = ("{:.3f}", " nats") if row["record"] == SLOW else ("{:+.2%}", "")
    ends = (row["low"], row["high"])
    interval = "" if None in ends else f" [{form.format(ends[0])}, {form.format(ends[1])}]"
    return f"{form.format(row['mean'])}{interval}{unit}"


def _day(moment: str) -> str:
    return day_words(pd.Timestamp(moment))

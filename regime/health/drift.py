"""Whether the model in service has drifted off: what it reads, what was said, how sure it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from regime.call import Status
from regime.data.baskets import spliced_lead
from regime.data.calendar import last_closed_session, sessions_since
from regime.evaluation.drift import (
    RARE,
    WINDOW,
    FeatureDrift,
    Judged,
    feature_drift,
    judge_published,
)
from regime.exceptions import PanelError
from regime.health.checks import Check, State
from regime.labels.leadership import leadership_path, target
from regime.models.corrections import Correction
from regime.models.hmm import GaussianHMMClassifier
from regime.models.matching import LEAST_MARGIN, LEAST_OVERLAP, match_states
from regime.models.pooled import Pooled
from regime.scoring import Basis
from regime.threads import one_thread
from regime.tracking.registry import Version

_Reading = Callable[[pd.DataFrame], Any]  # features to what an estimator reads of them
_Hidden = tuple[GaussianHMMClassifier, _Reading]
_Found = tuple[float, float, bool]  # least overlap, margin, whether a match was a guess

A_MONTH = 21  # trading days
_RETRAIN = "`regime retrain --if-drifted` fits it anew; it serves only once it is promoted."
_COMPARE = "Compare both versions in `regime ui`; probabilities hang on no numbering of states."


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """How firm the calls are, and how sure it is which hidden state is which.

    Attributes
    ----------
    contested_share : share of the last 21 calls that are contested; NaN without calls
    n_calls : how many of them there are
    overlap, margin : of `models.matching`, the least of any fit; NaN without hidden states,
        or where the fit went on from none
    is_unsure : whether a numbering of the states was a guess
    """

    contested_share: float
    n_calls: int
    overlap: float
    margin: float
    is_unsure: bool

    @property
    def words(self) -> str:
        """The same as one sentence or two."""
        if not self.n_calls:
            told = "No call has been published yet."
        else:
            told = f"{self.contested_share:.0%} of the last {self.n_calls} calls are contested."
        if np.isnan(self.margin):
            return told
        sure = "a guess" if self.is_unsure else "clear"
        return (
            f"{told} Which hidden state is which of the fit before is {sure}: least overlap "
            f"{self.overlap:.2f} (below {LEAST_OVERLAP:g} unsure), least lead over another "
            f"numbering {self.margin:.2f} (below {LEAST_MARGIN:g} unsure)."
        )


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What one look at a version in service found.

    Attributes
    ----------
    number : of the version
    day : the newest day it read
    overall : features of the recent days against those of training
    calibration : what was published against what was so, one per horizon
    sessions : that have closed since the end of training
    refit_every : sessions after which its walk-forward trained anew
    """

    number: str
    day: pd.Timestamp
    overall: FeatureDrift
    calibration: tuple[Judged, ...]
    ambiguity: Ambiguity
    sessions: int
    refit_every: int

    @property
    def features(self) -> pd.DataFrame:
        """One row per feature, the least usual first; columns of `FeatureDrift.features`."""
        return self.overall.features.sort_values("rank", ascending=False, kind="stable")

    @property
    def is_stale(self) -> bool:
        """Whether its walk-forward would have trained anew by now."""
        return self.sessions >= self.refit_every

    @property
    def is_drifted(self) -> bool:
        """Whether features or calibration raise an alarm that a retraining could answer.

        Within a month of the last training there is nothing new to learn from, so that an
        alarm that stays does not retrain the model every night.
        """
        return self.sessions >= A_MONTH and bool(self._of_features() or self._of_calibration())

    @property
    def unusual(self) -> dict[str, str]:
        """By what it is that drifted, a sentence; the names stay while the figures change."""
        told = {"the market": self.overall.words} if self.overall.is_unlike else {}
        told |= dict(zip(self.overall.went_missing, self._missing(), strict=True))
        told |= {
            f"the record {one.horizon} days ahead": one.words
            for one in self.calibration
            if one.is_off
        }
        return told

    @property
    def alarms(self) -> tuple[str, ...]:
        """One line for each thing that is not as it should be."""
        lines = [*self._of_features(), *self._of_calibration()]
        if self.ambiguity.is_unsure:
            lines.append(self.ambiguity.words)
        if self.is_stale:
            lines.append(self._age())
        return tuple(lines)

    @property
    def metrics(self) -> dict[str, float]:
        """Finite numbers by the names MLflow shows them under."""
        ranks, ambiguity = self.overall.features["rank"], self.ambiguity
        found = {
            "drift/psi": self.overall.psi,
            "drift/psi_rank": self.overall.rank,
            "drift/features_unlike": float((ranks > RARE).sum()),
            "drift/features_went_missing": float(len(self.overall.went_missing)),
            "drift/contested_share": ambiguity.contested_share,
            "drift/match_overlap": ambiguity.overlap,
            "drift/match_margin": ambiguity.margin,
            "drift/sessions_since_training": float(self.sessions),
            "drift/alarms": float(len(self.alarms)),
        }
        for one in self.calibration:
            found[f"drift/episodes_h{one.horizon}"] = float(one.n_episodes)
            if one.error is not None:
                found[f"drift/ece_h{one.horizon}"] = one.error.error
                found[f"drift/ece_low_h{one.horizon}"] = one.error.low
                found[f"drift/ece_if_calibrated_high_h{one.horizon}"] = one.error.calibrated_high
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}

    @property
    def checks(self) -> list[Check]:
        """The same as `regime doctor` shows it; the age of training is told with the model."""
        features, calibration = self._of_features(), self._of_calibration()
        found = [
            _check("drift", " ".join(features) or self.overall.words, bool(features), self._mend()),
            _check("ambiguity", self.ambiguity.words, self.ambiguity.is_unsure, _COMPARE),
        ]
        if self.calibration:
            told = " ".join(calibration) or self._calibrated()
            found.insert(1, _check("calibration", told, bool(calibration), _RETRAIN))
        return found

    def _mend(self) -> str:
        if self.overall.went_missing:
            return f"Run `regime fetch`; where the figures are gone for good, {_RETRAIN}"
        return _RETRAIN

    def _calibrated(self) -> str:
        early = [one for one in self.calibration if one.error is None]
        if len(early) < len(self.calibration):
            return " ".join(one.words for one in self.calibration)
        return max(early, key=lambda one: one.n_episodes).words

    def _of_features(self) -> list[str]:
        return ([self.overall.words] if self.overall.is_unlike else []) + self._missing()

    def _missing(self) -> list[str]:
        lines = []
        for name in self.overall.went_missing:
            row = self.overall.features.loc[name]
            lines.append(
                f"{name} went missing: unknown on {row['missing_now']:.0%} of the last days, on "
                f"{row['missing_before']:.0%} in training."
            )
        return lines

    def _of_calibration(self) -> list[str]:
        return [one.words for one in self.calibration if one.is_off]

    def _age(self) -> str:
        return (
            f"Training ended {self.sessions} sessions ago; in its evaluation the model was trained "
            f"anew every {self.refit_every}."
        )


def look_at_drift(
    version: Version,
    panel: pd.DataFrame,
    published: pd.DataFrame,
    calls: pd.DataFrame,
    now: pd.Timestamp,
    *,
    before: Version | None = None,
    X: pd.DataFrame | None = None,
) -> DriftReport:
    """Hold what a version meets in service against what it was trained on.

    Parameters
    ----------
    panel : DataFrame of `data.panel`, as known now
    published : DataFrame with `date`, `horizon` and a column per regime
        Rows of the ledger, ascending by when they were published; may be empty. With a column
        `basis`, rows of training days are left out.
    calls : DataFrame of `call.regime_call` by ascending day, as published; may be empty
    now : the present moment (UTC)
    before : the version in service before it, against which hidden states are matched
    X : what `version.bundle.features_of` says of this panel, where it is known already

    Returns
    -------
    DriftReport
        The recent days are the last `WINDOW` with a lead; training rows among them are not
        held against themselves. Where a history is too short, numbers are NaN and no alarm
        is raised.

    Raises
    ------
    PanelError
        If the baskets have no lead, so that there is nothing to look at.
    EvaluationError
        If what was published are no probabilities.
    """
    bundle = version.bundle
    X = bundle.features_of(panel) if X is None else X
    if X.empty:
        raise PanelError(
            f"Drift is looked for on days with a lead of the {bundle.baskets} baskets; there are "
            "none. Fetch their history."
        )
    training = X[pd.Timestamp(bundle.config.training.since) : bundle.trained_until]
    recent = X[-WINDOW:]
    overall = feature_drift(training[training.index < recent.index[0]], recent)
    said, last = _live(published), last_closed_session(now)
    return DriftReport(
        number=version.number,
        day=pd.Timestamp(X.index[-1]),
        overall=overall,
        calibration=judge_published(said, _confirmed(version, panel, said)),
        ambiguity=_ambiguity(calls, version, before, panel, X),
        sessions=sessions_since(bundle.trained_until, last),
        refit_every=bundle.config.evaluation.refit_every,
    )


def _live(published: pd.DataFrame) -> pd.DataFrame:
    if "basis" not in published:
        return published
    return published[published["basis"] != Basis.IN_SAMPLE]


def _confirmed(
    version: Version, panel: pd.DataFrame, published: pd.DataFrame
) -> dict[int, "pd.Series[str]"]:
    """By horizon, the regimes that no later return can change."""
    if published.empty:
        return {}
    bundle = version.bundle
    cost = bundle.config.labels.switching_cost
    path = leadership_path(spliced_lead(panel, bundle.baskets), switching_cost=cost)
    horizons = [one for one in bundle.classifiers if (published["horizon"] == one).any()]
    return {horizon: target(path, horizon)["regime"].dropna() for horizon in horizons}


def _ambiguity(
    calls: pd.DataFrame,
    version: Version,
    before: Version | None,
    panel: pd.DataFrame,
    X: pd.DataFrame,
) -> Ambiguity:
    statuses = calls["status"].iloc[-A_MONTH:] if len(calls) else pd.Series(dtype=object)
    share = float((statuses == Status.CONTESTED).mean()) if len(statuses) else float("nan")
    matches = _recorded(version) if before is None else _matched(version, before, panel, X)
    if not matches:
        return Ambiguity(share, len(statuses), float("nan"), float("nan"), is_unsure=False)
    overlaps, margins, unsure = zip(*matches, strict=True)
    return Ambiguity(share, len(statuses), min(overlaps), min(margins), is_unsure=any(unsure))


def _recorded(version: Version) -> list[_Found]:
    """How states were matched when the version was fitted, if it went on from another."""
    return [
        (float(told["match_overlap"]), float(told["match_margin"]), bool(told["match_ambiguous"]))
        for hmm, _ in _all_hidden(version)
        if "match_margin" in (told := hmm.health_)
    ]


def _matched(
    version: Version, before: Version, panel: pd.DataFrame, X: pd.DataFrame
) -> list[_Found]:
    """How states match those of another version's same parts; nothing where there are none."""
    pairs = list(zip(_all_hidden(version), _all_hidden(before), strict=False))
    if not pairs:
        return []
    same = before.bundle.config == version.bundle.config
    old_X = X if same else before.bundle.features_of(panel)
    days = X.index.intersection(old_X.index)
    found = []
    with one_thread():
        for (hmm, read), (old, read_old) in pairs:
            if hmm.n_states_ != old.n_states_ or days.empty:
                found.append((0.0, 0.0, True))
                continue
            states = [
                one.state_proba(reading(rows))[rows.index.isin(days)]
                for one, reading, rows in ((old, read_old, old_X), (hmm, read, X))
            ]
            match = match_states(*states)
            found.append((float(match.overlap.min()), match.margin, match.ambiguous))
    return found


def _all_hidden(version: Version) -> list[_Hidden]:
    """Hidden Markov models of a version, horizon by horizon, and how each reads features."""
    classifiers = version.bundle.classifiers
    return [
        one
        for horizon in sorted(classifiers)
        for one in _hidden(classifiers[horizon], lambda rows: rows)
    ]


def _hidden(classifier: Any, read: _Reading) -> Iterator[_Hidden]:
    if isinstance(classifier, GaussianHMMClassifier):
        yield classifier, read
    elif isinstance(classifier, Pipeline):
        steps = classifier[:-1]
        yield from _hidden(classifier[-1], lambda rows: steps.transform(read(rows)))
    elif isinstance(classifier, Correction):
        yield from _hidden(classifier.start_, read)
    elif isinstance(classifier, Pooled):
        for member in classifier.members:
            yield from _hidden(member.classifier, _of_member(read, member.columns))


def _of_member(read: _Reading, columns: list[str]) -> _Reading:
    return lambda rows: read(rows)[columns]


def _check(name: str, words: str, alarmed: bool, advice: str) -> Check:
    return Check(name, State.WARNING if alarmed else State.OK, words, advice if alarmed else "")

"""Each way of seeing the future is planted, and caught by the detector that is named for it."""

from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from regime import studies
from regime.audit import books, certificate, chance, replay, structure
from regime.audit.leaks import LEAKS
from regime.audit.subject import made_at
from regime.data import as_of
from regime.evaluation.splits import ConfirmedWalkForward, Fold
from regime.experiment import Comparison
from regime.features import assembly
from regime.features.leadership import CONFIRMED, LEAD, SCORE, PathFeatures
from regime.labels.leadership import leadership_path
from regime.models.boosting import LaterBlock
from regime.models.hmm import GaussianHMMClassifier
from regime.scoring import Basis, score_days
from regime.service import explaining
from regime.service.entries import calls_of
from regime.taxonomy import REGIMES

pytestmark = [
    pytest.mark.usefixtures("few_signals"),
    pytest.mark.filterwarnings("ignore"),
]


def again(subject):
    """The same, made and walked again by the program as it is now."""
    bundle = subject.version.bundle
    made = made_at(subject.settings, subject.store, subject.version, subject.moment)
    walked = Comparison(made.panel.loc[: bundle.trained_until]).run(subject.config).predictions
    version = replace(subject.version, walk_forward=walked.drop(columns="baskets"))
    said = score_days(bundle, version.walk_forward, made.panel, version=version.number)
    calls = calls_of(said, bundle, made.panel, subject.published["ledger"].iloc[:0])
    return replace(subject, version=version, made=made, said=said, calls=calls)


def replayed(subject):
    days = [subject.days[at] for at in (-90, -1)]
    return replay.findings(replay.replays(subject, days))


def booked(subject):
    walk = books.Walk(subject)
    return [*books.walked(subject, walk), *books.published(subject), books.footing(subject),
            books.ledger(subject)]  # fmt: skip


def smoothed(subject, patch):
    true = PathFeatures.transform

    def hindsight(self, X):
        lead = X[list(LEAD.values())].set_axis(list(LEAD), axis=1)
        path = leadership_path(lead, switching_cost=self.switching_cost)["regime"]
        shown = pd.get_dummies(path, dtype=float).reindex(columns=list(CONFIRMED)).fillna(0.0)
        return true(self, X).assign(**shown.set_axis(list(CONFIRMED.values()), axis=1))

    patch.setattr(PathFeatures, "transform", hindsight)
    return replayed(again(subject))


def of_all(patch, change):
    for module in (assembly, explaining, studies):
        true = module.features_of
        patch.setattr(module, "features_of", lambda *asked, true=true: change(true(*asked)))


def scaled_by_the_full_sample(subject, patch):
    of_all(patch, lambda features: features / features.abs().mean())
    return replayed(again(subject))


def selected_on_the_full_sample(subject, patch):
    true = studies.Studies.features

    def selected(self, study):
        features = true(self, study)
        best = self.lead(study.baskets).iloc[-1].idxmax()  # the one that won on the last day
        others = [name for regime, name in SCORE.items() if regime != best]
        return features.assign(**dict.fromkeys(others, 0.0))

    patch.setattr(studies.Studies, "features", selected)
    return replayed(again(subject))


def calibrated_on_what_was_seen(subject, patch):
    patch.setattr(LaterBlock, "split", lambda self, X, y=None, groups=None: iter(
        [(np.arange(len(X)), np.arange(len(X)))]))  # fmt: skip
    config = subject.config.model_copy(
        update={"model": SimpleNamespace(kind="boosting", params={})}
    )
    return [structure.calibration(config)]


def named_by_the_future(subject, patch):
    true = studies.Studies.target

    def renamed(self, study):
        # The day's order of names hangs on the last lead there is.
        last = self.lead(study.baskets).iloc[-1].sort_values().index
        return true(self, study).replace({"regime": dict(zip(REGIMES, last, strict=True))})

    patch.setattr(studies.Studies, "target", renamed)
    return replayed(again(subject))


def states_numbered_anew(subject, patch):
    patch.setattr(GaussianHMMClassifier, "align_states", lambda self, before, X: self)
    return [structure.states(hidden_states(subject))]


def hidden_states(subject):
    model = {"kind": "gaussian_hmm", "params": {"n_states": 3, "n_init": 1}}
    config = subject.config.model_validate(
        subject.config.model_dump() | {"model": model, "features": {"sets": ("leads",)},
                                       "name": "hidden", "labels": {"horizons": (0,)},
                                       "training": {"every": 1}}
    )  # fmt: skip
    return Comparison(subject.made.panel).run(config).fits


def filled_backwards(subject, patch):
    true = as_of.point_in_time

    def filled(*asked):
        panel = true(*asked)
        slow = panel.columns[(panel.diff() == 0).mean() > 0.5]  # a value a month
        return panel.assign(**panel[slow].where(panel[slow].diff() != 0).bfill())

    patch.setattr(as_of, "point_in_time", filled)
    return replayed(again(subject))


def centred(subject, patch):
    of_all(patch, lambda features: features.rolling(5, center=True, min_periods=1).mean())
    return replayed(again(subject))


def known_without_lag(subject, patch):
    rows = subject.store.read()
    monthly = rows["series"].astype(str) == rows["series"].astype(str).iloc[0]
    month_before = rows["known_at"].where(~monthly, rows["known_at"] - pd.Timedelta(days=30))
    store = SimpleNamespace(read=lambda: rows.assign(known_at=month_before))
    return [structure.known_after(store)]


def revised(subject, patch):
    true, last = as_of.point_in_time, subject.moment

    def latest(observations, days, series=()):
        # What a month was revised to, at the moment its first figure came: ten percent a year.
        age = (observations["known_at"].max() - observations["known_at"]).dt.days / 365
        return true(observations.assign(value=observations["value"] * 1.1**age), days, series)

    assert last.tz is not None
    patch.setattr(as_of, "point_in_time", latest)
    return replayed(again(subject))


def estimated_anew(subject, patch):
    store = SimpleNamespace(series=lambda: ["NFCI", "DGS10"])
    return [structure.vintages(store, ("NFCI", "DGS10"))]


def unconfirmed(subject, patch):
    true = ConfirmedWalkForward.split

    def ignores(self, target):
        known = target["regime"].notna().to_numpy()
        for fold in true(self, target):
            before = np.flatnonzero(known[: fold.test[0]])
            yield Fold(before[:: self.every], fold.test, fold.fitted_on)

    patch.setattr(ConfirmedWalkForward, "split", ignores)
    return booked(subject)


def coded_as_a_class(subject, patch):
    true = studies.target

    def coded(path, horizon):
        target = true(path, horizon)
        own = target.index.to_series()
        unknown = ~(target["confirmed_on"] - own <= pd.Timedelta(days=30))
        return target.assign(
            regime=target["regime"].mask(unknown, REGIMES[0]),
            confirmed_on=target["confirmed_on"].mask(unknown, own),
        )

    patch.setattr(studies, "target", coded)
    return booked(subject)


def traded_at_the_same_close(subject, patch):
    def spread(proba, returns, cost_bp=0.0):
        simple = np.expm1(returns.loc[proba.index, list(REGIMES)])
        return (proba * simple).sum(axis=1) - simple.mean(axis=1)

    patch.setattr(chance, "daily_spread", spread)
    return [chance.random_walk(subject, 0)]


def chosen_where_judged(subject, patch, tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(
        "baskets = ['funds']\n[model]\nkind = 'filter'\n", encoding="utf-8"
    )  # in no commit, and scored already
    return [certificate.declared(subject, file)]


def todays_members(subject, patch):
    days = pd.DatetimeIndex(["1999-01-04", "2024-12-31"])
    store = SimpleNamespace(
        series=lambda: ["members_coverage", "pct_above_200dma"],
        read=lambda as_of, names: pd.DataFrame({"period": days, "value": [1.0, 1.0]}),
    )
    return [structure.members(store, ("pct_above_200dma",))]


def another_rule_in_service(subject, patch):
    record = subject.version.walk_forward.copy()
    record[list(REGIMES)] = record[list(REGIMES)].to_numpy()[:, [1, 0, 2]]
    return booked(replace(subject, version=replace(subject.version, walk_forward=record)))


def published_otherwise(subject, patch):
    scores = subject.published["scores"].copy()
    scores.loc[5, list(REGIMES)] = [0.2, 0.3, 0.5]
    return [*books.published(replace(subject, published={**subject.published, "scores": scores}))]


def in_sample_as_history(subject, patch):
    bundle, panel = subject.version.bundle, subject.made.panel
    rows = bundle.predict_proba(panel, subject.days[0])
    scores = rows.assign(
        basis=Basis.OUT_OF_SAMPLE.value, model_version=subject.version.number,
        trained_until=bundle.trained_until,
    )  # fmt: skip
    return [books.footing(replace(subject, published={**subject.published, "scores": scores}))]


PLANTED = (
    smoothed, scaled_by_the_full_sample, selected_on_the_full_sample, calibrated_on_what_was_seen,
    named_by_the_future, states_numbered_anew, filled_backwards, centred, known_without_lag,
    revised, estimated_anew, unconfirmed, coded_as_a_class, traded_at_the_same_close,
    chosen_where_judged, todays_members, another_rule_in_service, published_otherwise,
    in_sample_as_history,
)  # fmt: skip


# Each makes everything anew for two days; with the first of them plain tests see it work.
SLOW = PLANTED[1:3] + PLANTED[4:8] + PLANTED[9:10]


@pytest.mark.parametrize(
    ("leak", "plant"),
    [
        pytest.param(leak, plant, marks=[pytest.mark.long] if plant in SLOW else [])
        for leak, plant in zip(LEAKS, PLANTED, strict=True)
    ],
    ids=[one.__name__ for one in PLANTED],
)
def test_a_planted_leak_is_caught_by_the_detector_named_for_it(
    leak, plant, honest, monkeypatch, tmp_path
):
    more = (tmp_path,) if plant is chosen_where_judged else ()
    found = plant(honest, monkeypatch, *more)
    check, about = leak.detector
    named = [one for one in found if one.check == check and about in ("*", one.about)]
    assert named
    assert not all(one.holds for one in named)


def test_without_a_leak_every_detector_holds(honest, home):
    found = [*replayed(honest), *booked(honest)]
    found += structure.structure(honest, books.Walk(honest).fits)
    found += chance.chances(honest, 0)
    found.append(structure.states(hidden_states(honest)))
    assert [one for one in found if not one.holds] == []
    assert {one.check for one in found} == {"replay", "bookkeeping", "books", "structure", "chance"}
    with suppress(IndexError):
        assert int(found[0].counts["cells"]) > 0


def test_every_leak_of_the_method_is_named():
    assert {one.number for one in LEAKS} == {*range(1, 11)}

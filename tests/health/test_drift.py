"""A look at a version in service: what it reports, and what it leaves in peace."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.data.calendar import session_closes, trading_days
from regime.data.panel import point_in_time
from regime.data.sources import demo
from regime.evaluation import calibration
from regime.evaluation.drift import feature_drift
from regime.exceptions import PanelError
from regime.health.checks import State
from regime.health.drift import look_at_drift
from regime.taxonomy import REGIMES
from regime.tracking.registry import Version

UNTIL = pd.Timestamp("2006-12-29")
NO_ROWS = pd.DataFrame(columns=["date", "horizon", *REGIMES])
NO_CALLS = pd.DataFrame(columns=["status"])


def experiment(kind, **params):
    return ExperimentConfig(
        name=kind,
        baskets=("french",),
        labels={"horizons": (0, 21)},
        features={"sets": ("leadership",), "window": 504},
        evaluation={"refit_every": 252},
        model={"kind": kind, "params": params},
    )


def version_of(config, panel) -> Version:
    bundle = fit_bundle(config, "french", panel)
    return Version(
        number="3",
        bundle=bundle,
        fallback=bundle,
        walk_forward=NO_ROWS,
        simulated=True,
        digest="",
    )


@pytest.fixture(scope="module")
def version(market):
    return version_of(experiment("logistic"), market[:UNTIL])


@pytest.fixture(scope="module")
def hidden(market):
    params = {"n_states": 3, "n_init": 4}
    return version_of(experiment("gaussian_hmm", random_state=1, **params), market[:UNTIL])


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(calibration, "RESAMPLES", 100)
    monkeypatch.setattr(calibration, "SIMULATIONS", 100)


def after(sessions) -> pd.Timestamp:
    """The moment of the close that many sessions after the end of training."""
    closes = session_closes(UNTIL)
    return pd.Timestamp(closes[UNTIL:].iloc[sessions])


def day_after(sessions) -> pd.Timestamp:
    return after(sessions).tz_convert(None).normalize()


def look(version, market, *, sessions=200, published=NO_ROWS, calls=NO_CALLS, **more):
    now = after(sessions)
    return look_at_drift(version, market[: day_after(sessions)], published, calls, now, **more)


def said(version, market, *, boast=1.0, since="1995"):
    rows = version.bundle.predict_proba(market, pd.Timestamp(since))
    powers = rows[list(REGIMES)] ** boast
    rows[list(REGIMES)] = powers.div(powers.sum(axis=1), axis=0)
    return rows


# In peace -----------------------------------------------------------------------------


def test_a_model_in_its_first_year_on_an_unchanged_market_raises_no_alarm(version, market):
    report = look(version, market)
    assert report.alarms == ()
    assert not report.is_stale
    assert not report.is_drifted
    assert {check.state for check in report.checks} == {State.OK}
    assert {check.advice for check in report.checks} == {""}
    assert report.day == day_after(200)
    assert report.number == "3"
    assert 0 < report.metrics["drift/psi_rank"] <= 0.99
    assert report.metrics["drift/alarms"] == 0
    assert set(report.features.index) == set(version.bundle.features_of(market).columns)


def test_training_is_stale_on_the_session_its_walk_forward_would_have_refitted(version, market):
    day_before, on_the_day = (look(version, market, sessions=number) for number in (251, 252))
    assert not day_before.is_stale
    assert on_the_day.is_stale
    assert on_the_day.sessions == 252
    assert "252 sessions ago" in on_the_day.alarms[-1]
    # The doctor tells the age with the model, and would else tell it twice.
    assert {check.state for check in on_the_day.checks} == {State.OK}
    assert not on_the_day.is_drifted


def test_recent_days_the_model_was_trained_on_are_not_held_against_themselves(version, market):
    report = look(version, market, sessions=0)
    X = version.bundle.features_of(market[:UNTIL])
    assert report.sessions == 0
    apart = feature_drift(X[:-126], X[-126:])
    assert (report.overall.psi, report.overall.rank) == (apart.psi, apart.rank)


# Alarms -------------------------------------------------------------------------------


def test_features_that_shift_raise_an_alarm_but_not_within_a_month_of_training(version, market):
    X = version.bundle.features_of(market)
    last = X.index.get_loc(day_after(200))
    far = X.copy()
    far.iloc[last - 125 : last + 1] += 5 * X.std()
    report = look(version, market, X=far[: far.index[last]])
    assert report.overall.is_unlike
    assert report.is_drifted
    assert report.metrics["drift/psi_rank"] == 1.0
    assert report.checks[0].state is State.WARNING
    assert "--if-drifted" in report.checks[0].advice
    assert list(report.features["rank"]) == sorted(report.features["rank"], reverse=True)
    young = replace(report, sessions=20)
    assert young.alarms == report.alarms
    assert not young.is_drifted


def test_a_feature_that_went_missing_is_an_alarm_with_its_name(version, market):
    X = version.bundle.features_of(market[: day_after(200)])
    X.iloc[-64:, 2] = np.nan
    report = look(version, market, X=X)
    (line,) = report.alarms
    assert line.startswith(f"{X.columns[2]} went missing")
    assert report.is_drifted
    assert "regime fetch" in report.checks[0].advice
    assert report.metrics["drift/features_went_missing"] == 1


def test_boasts_are_an_alarm_and_few_outcomes_are_none(version, market, few_draws):
    honest, boasts = said(version, market), said(version, market, boast=8.0)
    assert not any(one.is_off for one in look(version, market, published=honest).calibration)
    report = look(version, market, published=boasts)
    assert any(one.is_off for one in report.calibration)
    assert report.is_drifted
    assert report.checks[1].state is State.WARNING
    assert report.metrics["drift/ece_low_h0"] > report.metrics["drift/ece_if_calibrated_high_h0"]
    early = look(version, market, published=boasts[boasts["date"] >= "2007-06-01"])
    assert early.alarms == ()
    assert "too early to tell" in early.checks[1].words
    assert early.metrics["drift/episodes_h0"] < 8
    assert "drift/ece_h0" not in early.metrics


def test_rows_of_training_days_are_no_evidence(version, market):
    rows = said(version, market, boast=8.0).assign(basis="in_sample")
    report = look(version, market, published=rows)
    assert report.calibration == ()


def test_only_outcomes_that_no_return_can_change_are_judged(version, market):
    rows = said(version, market, since="2007-01-03")
    settled, ahead = look(version, market, published=rows).calibration
    assert 0 < settled.n_days < 200
    assert ahead.n_days == settled.n_days - 21


# Ambiguity ----------------------------------------------------------------------------


def test_contested_calls_are_counted_over_the_last_month(version, market):
    calls = pd.DataFrame({"status": ["contested"] * 30 + ["confirmed"] * 14 + ["contested"] * 7})
    report = look(version, market, calls=calls)
    assert report.metrics["drift/contested_share"] == pytest.approx(1 / 3)
    assert report.ambiguity.words == "33% of the last 21 calls are contested."
    assert report.alarms == ()
    assert "drift/contested_share" not in look(version, market).metrics


def test_states_match_their_own_and_not_those_of_a_market_without_memory(hidden, market):
    alone = look(hidden, market)
    assert np.isnan(alone.ambiguity.margin)
    assert not alone.ambiguity.is_unsure
    same = look(hidden, market, before=hidden)
    assert same.metrics["drift/match_overlap"] == pytest.approx(1.0)
    assert same.alarms == ()
    assert "clear" in same.ambiguity.words
    other = version_of(experiment("gaussian_hmm", n_states=4, n_init=2), market[:UNTIL])
    unsure = look(hidden, market, before=other)
    assert unsure.metrics["drift/match_margin"] == 0.0
    assert any("is a guess" in line for line in unsure.alarms)
    assert unsure.checks[-1].state is State.WARNING
    assert not unsure.is_drifted  # another fit would have no better name for them


def test_states_numbered_otherwise_are_recognised_as_the_same(hidden, market):
    """Renumbered, they are as sure as before; two made alike, they are not."""
    fresh = version_of(
        experiment("gaussian_hmm", n_states=3, n_init=4, random_state=1), market[:UNTIL]
    )
    for pipeline in fresh.bundle.classifiers.values():
        hmm = pipeline[-1]
        order = [2, 0, 1]
        for name in ("startprob_", "means_", "covars_", "regime_given_state_"):
            setattr(hmm, name, getattr(hmm, name)[order])
        hmm.transmat_ = hmm.transmat_[np.ix_(order, order)]
    assert look(fresh, market, before=hidden).ambiguity.overlap == pytest.approx(1.0)
    for pipeline in fresh.bundle.classifiers.values():
        hmm = pipeline[-1]
        hmm.means_[1], hmm.covars_[1] = hmm.means_[0], hmm.covars_[0]
    assert look(fresh, market, before=hidden).ambiguity.is_unsure


def test_what_a_warm_start_recorded_is_told_without_another_version(hidden, market):
    for pipeline in hidden.bundle.classifiers.values():
        assert "match_margin" not in pipeline[-1].health_
    warm = version_of(
        experiment("gaussian_hmm", n_states=3, n_init=4, random_state=1), market[:UNTIL]
    )
    X = warm.bundle.features_of(market[:UNTIL])
    for horizon, pipeline in warm.bundle.classifiers.items():
        before = hidden.bundle.classifiers[horizon]
        pipeline[-1].align_to(before[-1], pipeline[:-1].transform(X))
    assert look(warm, market).metrics["drift/match_overlap"] == pytest.approx(1.0)


def test_a_version_without_hidden_states_before_it_matches_nothing(version, hidden, market):
    for one, before in ((version, hidden), (hidden, version)):
        assert np.isnan(look(one, market, before=before).ambiguity.margin)


# The whole ----------------------------------------------------------------------------


def test_every_alarm_is_one_line_and_every_metric_a_finite_number(hidden, market, few_draws):
    X = hidden.bundle.features_of(market[: day_after(260)])
    X.iloc[-126:, 1:] += 8 * X.std()
    X.iloc[-100:, 0] = np.nan
    other = version_of(experiment("gaussian_hmm", n_states=4, n_init=1), market[:UNTIL])
    rows = said(hidden, market, boast=20.0)
    report = look(hidden, market, sessions=260, published=rows, before=other, X=X)
    assert len(report.alarms) >= 5
    assert all("\n" not in line and line.endswith(".") for line in report.alarms)
    assert all(np.isfinite(value) for value in report.metrics.values())
    assert report.metrics["drift/alarms"] == len(report.alarms)
    assert [check.name for check in report.checks] == ["drift", "calibration", "ambiguity"]


def test_a_panel_without_leads_is_refused_in_one_line(version, market):
    X = version.bundle.features_of(market)[:0]
    with pytest.raises(PanelError, match="there are none") as error:
        look(version, market, X=X)
    assert "\n" not in str(error.value)


def test_fifteen_thousand_days_take_less_than_a_second_and_a_half(version):
    days = trading_days(pd.Timestamp("1955-01-03"), pd.Timestamp("2014-12-31"))
    panel = point_in_time(demo.simulate(days).observations, days)
    assert len(panel) > 15_000
    bundle = replace(version.bundle, trained_until=pd.Timestamp("2013-12-31"))
    long = replace(version, bundle=bundle)
    rows = said(long, panel, since="1975")
    now = pd.Timestamp(session_closes(days[-1])[days[-1]])
    look_at_drift(long, panel[-3000:], rows, NO_CALLS, now)  # arch is imported on first use
    begin = time.process_time()
    look_at_drift(long, panel, rows, NO_CALLS, now)
    assert time.process_time() - begin < 1.5

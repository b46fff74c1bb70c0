"""The gate refuses what is worse, by each of its checks alone, and nothing for being the same."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn.dummy import DummyClassifier

from regime.call import CHANGES_A_YEAR, regime_call
from regime.data.calendar import session_closes, trading_days
from regime.evaluation.gate import (
    CHECKS,
    Bounds,
    Check,
    Decision,
    Record,
    climatology,
    fresh_check,
    judge,
)  # fmt: skip
from regime.evaluation.scores import log_losses
from regime.evaluation.splits import ConfirmedWalkForward
from regime.evaluation.walk_forward import walk_forward_proba
from regime.exceptions import EvaluationError
from regime.labels.leadership import target
from regime.models.filtering import forward_filter
from regime.taxonomy import REGIMES

DAYS = trading_days(pd.Timestamp("1990-01-02"), pd.Timestamp("1999-12-31"))
NOW = pd.Timestamp("2000-01-03 12:00", tz="UTC")
STAY, SHIFT, SETTLED_AFTER, FIRST_TEST, YEAR = 0.99, 0.35, 40, 504, 252
HORIZONS = (0, 21)
CHAIN = np.full((3, 3), (1 - STAY) / 2) + np.eye(3) * (STAY - (1 - STAY) / 2)
BOUNDS = Bounds(changes_a_year=1.5 * CHANGES_A_YEAR, overlap=0.5)
FOUND = tuple(Check(name, True, None, None, "") for name in ("states", "fresh", "clean_process"))
NOBODY = pd.DataFrame()


def chain() -> np.ndarray:
    rng = np.random.default_rng(3)
    leader = np.zeros(len(DAYS), dtype=int)
    for day in range(1, len(DAYS)):
        leader[day] = rng.choice(3, p=CHAIN[leader[day - 1]])
    return leader


LEADER = chain()
PATH = pd.DataFrame({"regime": np.array(REGIMES, dtype=object)[LEADER]}, DAYS)
PATH["confirmed_on"] = pd.Series(DAYS, DAYS).shift(-SETTLED_AFTER)
TARGETS = {horizon: target(PATH, horizon) for horizon in HORIZONS}


def nowcast(seed: int = 0, shift: float = SHIFT) -> np.ndarray:
    """What follows from noisy evidence of the leader by Bayes: without fault, so calibrated."""
    evidence = np.random.default_rng(seed).normal(size=(len(DAYS), 3)) + shift * np.eye(3)[LEADER]
    return forward_filter(np.full(3, 1 / 3), CHAIN, shift * evidence).proba


def record(now: np.ndarray, number: str = "2", **changes) -> Record:
    """Of probabilities now, and by the chain of those ahead; refits once a year."""
    fitted_on = DAYS[(np.arange(len(DAYS)) - FIRST_TEST) // YEAR * YEAR + FIRST_TEST - 1]
    parts = []
    for horizon in HORIZONS:
        ahead = now @ np.linalg.matrix_power(CHAIN, horizon)
        part = pd.DataFrame(ahead, columns=list(REGIMES))
        part = part.assign(date=DAYS, horizon=horizon, fitted_on=fitted_on)
        parts.append(part[FIRST_TEST:])
    calls = regime_call(pd.DataFrame(now, DAYS, list(REGIMES))[FIRST_TEST:])["regime"]
    values = {"baskets": "funds", "switching_cost": 10.0, "rows": pd.concat(parts), "calls": calls}
    return Record(number, **{**values, **changes})


CHAMPION = record(nowcast(0), "1")
EQUAL = record(0.9 * nowcast(0) + 0.1 * nowcast(1))


def decision(challenger=EQUAL, champion=CHAMPION, ledger=NOBODY, found=FOUND) -> Decision:
    return judge(
        challenger, champion, TARGETS,
        ledger=ledger, found=found, decided_at=NOW, bounds=BOUNDS,
    )  # fmt: skip


AS_GIVEN = decision()


def check(name: str, *given_, **changes) -> Check:
    found = decision(*given_, **changes) if given_ or changes else AS_GIVEN
    return next(one for one in found.checks if one.name == name)


def test_an_equal_of_the_champion_is_promoted_and_every_check_says_why_in_order():
    found = AS_GIVEN
    assert found.promote, found
    assert found.failed == ()
    assert tuple(one.name for one in found.checks) == CHECKS
    assert (found.challenger, found.champion, found.decided_at) == ("2", "1", NOW)
    assert all(one.words and "\n" not in one.words for one in found.checks[:5])


def test_a_champion_is_no_worse_than_itself():
    found = check("log_loss", CHAMPION)
    assert found.passed
    assert found.value == 0


def test_the_first_version_needs_no_champion_but_all_the_rest():
    found = decision(champion=None)
    assert found.promote
    assert found.champion is None
    assert "no champion" in found.checks[0].words
    found = decision(record(shuffled()), champion=None)
    assert {*found.failed} == {"calibration", "climatology"}


def shuffled() -> np.ndarray:
    """The champion's probabilities, years in another order: as calm, as sure, and of no use."""
    years = np.array_split(nowcast(0), 10)
    return np.vstack([years[at] for at in (7, 2, 9, 0, 5, 1, 3, 8, 6, 4)])


def test_a_shuffled_champion_is_worse_than_it_and_worth_less_than_climatology():
    found = decision(record(shuffled()))
    assert {"log_loss", "climatology"} <= {*found.failed}
    assert found.checks[0].value < 0
    assert "in 21 days" in found.checks[0].words


def test_one_significantly_worse_horizon_is_enough():
    rows = EQUAL.rows.copy()
    later = rows["horizon"] == 21
    rows.loc[later, list(REGIMES)] = np.roll(rows.loc[later, list(REGIMES)].to_numpy(), 1, axis=1)
    found = {one.name: one for one in decision(replace(EQUAL, rows=rows)).checks}
    assert not found["log_loss"].passed
    assert not found["climatology"].passed
    assert "worse in 21 days" in found["climatology"].words


def test_an_overconfident_champion_is_out_of_calibration_and_a_modest_one_is_not():
    sure = softmax(6 * np.log(nowcast(0, shift=0.12)), axis=1)
    found = check("calibration", record(sure))
    assert not found.passed
    assert found.value > found.bound >= BOUNDS.calibration
    assert check("calibration", record(nowcast(0, shift=0.12))).passed


def test_a_flickering_champion_turns_over_too_much():
    now = nowcast(0)
    flicker = now.copy()
    flicker[::2] = 0.5 * now[::2] + 0.5 * np.roll(now, 1, axis=1)[::2]
    found = check("turnover", record(flicker))
    assert not found.passed
    assert found.value > found.bound


def test_calls_that_change_too_often_fail_without_any_champion():
    restless = pd.Series(np.array(REGIMES)[np.arange(len(DAYS)) // 20 % 3], DAYS)
    found = check("turnover", replace(EQUAL, calls=restless), None)
    assert not found.passed
    assert_allclose(found.value, 252 / 20, rtol=0.02)
    assert found.bound == 9.0
    calm = pd.Series(np.array(REGIMES)[np.arange(len(DAYS)) // 30 % 3], DAYS)
    assert check("turnover", replace(EQUAL, calls=calm), None).passed


def test_probabilities_that_stand_still_bind_nobody_to_stand_still():
    still = record(0.9999 / 3 + 0.0001 * nowcast(0), "1")
    slow = record(0.7 / 3 + 0.3 * nowcast(1))
    found = check("turnover", slow, still)
    assert found.passed
    assert found.bound == BOUNDS.changes_a_year


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"baskets": "french"}, "baskets funds, not french"),
        ({"switching_cost": 7.5}, "labels of cost 10, not 7.5"),
        ({"rows": CHAMPION.rows[CHAMPION.rows["horizon"] == 0]}, "horizons [0, 21], not [0]"),
        ({"fault": "its file was changed"}, "its file was changed"),
    ],
)
def test_records_of_other_questions_are_not_compared_and_the_way_out_is_named(changes, said):
    found = check("log_loss", champion=replace(CHAMPION, **changes))
    assert not found.passed
    assert said in found.words
    assert "--force" in found.words


def test_a_version_that_shares_no_days_with_the_champion_is_refused():
    early = CHAMPION.rows[CHAMPION.rows["date"] < "1994-01-01"]
    late = EQUAL.rows[EQUAL.rows["date"] > "1994-01-01"]
    found = check("log_loss", replace(EQUAL, rows=late), replace(CHAMPION, rows=early))
    assert not found.passed
    assert found.value == 0
    assert "--force" in found.words


def test_what_a_version_says_of_days_it_was_trained_on_is_not_looked_at():
    perfect = 0.98 * np.eye(3)[LEADER] + 0.02 / 3
    rows = record(perfect).rows
    assert check("log_loss", record(perfect)).passed  # were it out of sample
    seen = replace(EQUAL, rows=rows.assign(fitted_on=DAYS[-1]))
    found = decision(seen)
    assert {"log_loss", "calibration", "climatology"} <= {*found.failed}
    assert "0 settled days out of sample" in " ".join(
        found.checks[0].words.replace("only ", "").split()
    )


def test_days_whose_label_is_not_settled_change_nothing():
    rows = EQUAL.rows.copy()
    open_ = rows["date"] > DAYS[-SETTLED_AFTER - 1]
    rows.loc[open_, list(REGIMES)] = rows.loc[open_, list(REGIMES)].to_numpy()[:, ::-1]
    found = decision(replace(EQUAL, rows=rows))
    for at, one in enumerate(CHECKS):
        if one in ("log_loss", "calibration", "climatology"):
            assert found.checks[at] == AS_GIVEN.checks[at]


def published(now: np.ndarray, days: slice, *, by="1", hours=2) -> pd.DataFrame:
    rows = record(now).rows.drop(columns="fitted_on")
    rows = rows[rows["date"].isin(DAYS[FIRST_TEST:][days])]
    closes = session_closes(DAYS[-1])
    at = closes.loc[rows["date"]].to_numpy() + pd.Timedelta(hours=hours)
    at = pd.DatetimeIndex(at, tz="UTC") if getattr(at, "tz", None) is None else at
    return rows.assign(model_version=by, published_at=at, baskets="funds")


def test_a_challenger_that_would_have_done_worse_live_is_refused():
    ledger = published(nowcast(0), slice(-1200, None))
    assert check("live", ledger=ledger).passed
    found = check("live", record(shuffled()), ledger=ledger)
    assert not found.passed
    assert found.value < 0


def test_the_days_a_champion_spoke_live_are_judged_by_what_it_said_then():
    better = nowcast(0, shift=0.6)
    found = check("live", ledger=published(better, slice(-1800, None)))
    assert not found.passed  # though its record is no better than the challenger's
    assert check("log_loss").passed


@pytest.mark.parametrize(
    ("changes", "n_days"),
    [
        ({"days": slice(-300, None)}, 300 - SETTLED_AFTER),
        ({"days": slice(0, None), "by": "7"}, 0),
        ({"days": slice(0, None), "hours": 240}, 0),
    ],
)
def test_too_few_days_of_its_own_live_cannot_tell_and_say_how_many(changes, n_days):
    ledger = published(nowcast(0, shift=0.6), **changes)
    found = check("live", record(shuffled()), ledger=ledger)
    assert found.passed
    assert found.value == n_days
    assert str(n_days) in found.words


def test_days_on_which_the_filter_spoke_for_the_champion_are_its_own():
    ledger = published(nowcast(0, shift=0.6), slice(-1800, None), by="1 (filter)")
    assert not check("live", ledger=ledger).passed


def test_what_was_corrected_later_is_judged_as_it_was_published():
    ledger = published(nowcast(0), slice(-1200, None))
    corrections = published(nowcast(0, shift=0.9), slice(-1200, None), hours=9)
    both = pd.concat([corrections, ledger])
    assert check("live", ledger=both) == check("live", ledger=ledger)


def test_a_check_that_was_not_made_is_no_check_that_passed():
    with pytest.raises(EvaluationError, match="nothing was found of clean_process"):
        decision(found=FOUND[:2])


@pytest.mark.parametrize("at", range(3))
def test_a_fault_of_the_files_or_the_data_rejects_alone(at):
    found = [*FOUND]
    found[at] = replace(found[at], passed=False)
    assert decision(found=found).failed == (FOUND[at].name,)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_climatology_is_that_of_the_estimators_own_walk_forward_to_the_bit(horizon):
    since = pd.Timestamp("1990-06-01")
    splits = ConfirmedWalkForward(DAYS[FIRST_TEST], YEAR, since)
    X = pd.DataFrame({"nothing": 0.0}, DAYS)
    walked = walk_forward_proba(DummyClassifier(strategy="prior"), X, TARGETS[horizon], splits)
    shares = climatology(TARGETS[horizon], pd.DatetimeIndex(walked["fitted_on"]), since)
    assert_allclose(shares.to_numpy(), walked[list(REGIMES)].to_numpy(), rtol=0, atol=1e-15)


def test_the_edge_over_climatology_is_the_mean_over_horizons_of_loss_spared():
    gains = {}
    for horizon in HORIZONS:
        said = EQUAL.said(horizon)
        actual = TARGETS[horizon]["regime"].reindex(said.index).dropna()
        shares = [
            TARGETS[horizon].query("confirmed_on <= @day")["regime"]
            .value_counts(normalize=True).reindex(list(REGIMES))
            for day in said.loc[actual.index, "fitted_on"].unique()
        ]  # fmt: skip
        at = said.loc[actual.index, "fitted_on"].factorize()[0]
        known = pd.DataFrame(np.array(shares)[at], actual.index, list(REGIMES))
        mine = said.loc[actual.index, list(REGIMES)]
        gains[horizon] = log_losses(known, actual) - log_losses(mine, actual)
    expected = pd.DataFrame(gains).dropna().mean(axis=1).mean()
    assert f"nats: {expected:+.3f} [" in check("climatology").words


def test_nobody_is_refused_for_not_being_proved_better_at_one_horizon():
    """As the default on real data at 63 days: better on average, and there no one can tell."""
    rows = EQUAL.rows.copy()
    later = (rows["horizon"] == 21).to_numpy()
    on = pd.DatetimeIndex(rows.loc[later, "fitted_on"])
    shares = climatology(TARGETS[21], on, pd.Timestamp(BOUNDS.learn_since)).to_numpy()
    rng = np.random.default_rng(0)
    wobble = np.exp(rng.normal(scale=0.01, size=shares.shape))
    rows.loc[later, list(REGIMES)] = shares * wobble / (shares * wobble).sum(axis=1, keepdims=True)
    found = check("climatology", replace(EQUAL, rows=rows))
    assert found.passed
    assert found.value > 0


@given(st.lists(st.integers(0, len(DAYS) - 1), min_size=1, max_size=5))
def test_climatology_knows_only_what_was_confirmed(at):
    on = DAYS[sorted(at)]
    since = pd.Timestamp("1980-01-01")
    whole = climatology(TARGETS[0], on, since)
    cut = TARGETS[0].copy()
    cut.loc[~(cut["confirmed_on"] <= on[-1]), ["regime", "confirmed_on"]] = [None, pd.NaT]
    assert_allclose(climatology(cut, on, since), whole, rtol=0, atol=0)
    assert_allclose(whole.sum(axis=1), 1)


def series(*states: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "series": [f"s{at}" for at in range(len(states))],
            "newest_period": pd.Timestamp("2004-06-30"),
            "state": list(states),
        }
    )


@pytest.mark.parametrize(
    ("states", "trained_until", "passed", "said"),
    [
        (("fresh", "fresh"), "2004-12-31", True, "0 sessions"),
        (("fresh",), "2004-12-02", True, "20 sessions"),
        (("fresh",), "2004-11-01", False, "trained until 2004-11-01"),
        (("fresh", "late"), "2004-12-31", False, "s1 ends on 2004-06-30"),
        (("missing",) * 6, "2004-12-31", False, "and 2 more"),
    ],
)
def test_old_data_and_old_training_are_refused(states, trained_until, passed, said):
    found = fresh_check(
        series(*states), pd.Timestamp(trained_until), pd.Timestamp("2004-12-31"), BOUNDS
    )
    assert found.passed is passed
    assert said in found.words

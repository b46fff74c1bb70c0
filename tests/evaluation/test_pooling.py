"""A pool walked forward: brute force agrees, and nothing unsettled is learned from."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from regime.evaluation.pooling import fit_pool, pool_walks, settled_by, side_by_side
from regime.evaluation.splits import ConfirmedWalkForward
from regime.evaluation.walk_forward import Walk
from regime.exceptions import EvaluationError
from regime.models.log_pool import LogPool
from regime.taxonomy import REGIMES

NAMES = np.array(REGIMES, dtype=object)
POOL = LogPool(C=0.01, C_constant=0.01)
N = 300
DAYS = pd.bdate_range("2001-01-01", periods=N)


def outcomes(seed=0) -> pd.DataFrame:
    """Regimes in stretches, each settled some days later, and never out of order."""
    rng = np.random.default_rng(seed)
    regime = np.repeat(rng.integers(0, 3, size=N), rng.integers(1, 30, size=N))[:N]
    wait = np.maximum.accumulate(np.arange(N) + rng.integers(0, 60, size=N))
    confirmed = pd.Series([DAYS[at] if at < N else pd.NaT for at in wait], DAYS)
    settled = confirmed.notna().to_numpy()
    return pd.DataFrame(
        {"regime": np.where(settled, NAMES[regime], None), "confirmed_on": confirmed}, DAYS
    )


def walk(first: int, seed: int, *, columns=REGIMES) -> Walk:
    """Probabilities of all days from the first on."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([1, 1, 1], size=N)[first:]
    days = DAYS[first:]
    table = pd.DataFrame(proba, days, list(REGIMES))[list(columns)].assign(fitted_on=DAYS[0])
    return Walk(table, pd.DataFrame({"fitted_on": [DAYS[0]], "n_rows": [9]}))


def splits(first=150, refit_every=40) -> ConfirmedWalkForward:
    return ConfirmedWalkForward(DAYS[first], refit_every, DAYS[0])


def by_hand(walks, target, first, refit_every):
    """The same, a day at a time."""
    rows, learned = {}, []
    for start in range(first, N, refit_every):
        X, y = [], []
        for day in DAYS[:start]:
            spoken = all(day in walk.proba.index for walk in walks)
            settled = target.loc[day, "confirmed_on"]
            if spoken and not pd.isna(settled) and settled <= DAYS[start - 1]:
                X.append(np.concatenate([walk.proba.loc[day, list(REGIMES)] for walk in walks]))
                y.append(target.loc[day, "regime"])
        width = 3 * len(walks)
        pool = LogPool(C=0.01, C_constant=0.01).fit(
            np.array(X, dtype=float).reshape(len(X), width), y
        )
        learned.append((DAYS[start - 1], len(y), pool))
        for day in DAYS[start : start + refit_every]:
            said = np.concatenate([walk.proba.loc[day, list(REGIMES)] for walk in walks])
            rows[day] = pool.predict_proba(said.astype(float)[None, :])[0]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(REGIMES)), learned


@pytest.mark.parametrize(
    ("seed", "firsts", "first", "refit_every"),
    [
        (0, [20], 150, 40),
        (1, [40, 20], 130, 70),
        (2, [90, 20, 119], 120, 60),
        (3, [30, 30], 299, 5),
    ],
)
def test_brute_force_a_day_at_a_time_says_the_same_to_the_bit(seed, firsts, first, refit_every):
    target = outcomes(seed)
    walks = [walk(begin, seed + number) for number, begin in enumerate(firsts)]
    pooled = pool_walks(POOL, walks, target, splits(first, refit_every))
    expected, learned = by_hand(walks, target, first, refit_every)
    assert_array_equal(pooled.proba.index, expected.index)
    assert_array_equal(pooled.proba[list(REGIMES)], expected)
    assert list(pooled.fits["fitted_on"]) == [fitted_on for fitted_on, *_ in learned]
    assert list(pooled.fits["n_rows"]) == [n for _, n, _ in learned]
    assert list(pooled.fits["n_learned_from"]) == [n for _, n, _ in learned]
    for number in range(len(walks)):
        assert_array_equal(
            pooled.fits[f"weight_{number}"], [pool.weight_[number] for *_, pool in learned]
        )
    assert_array_equal(
        pooled.proba["fitted_on"],
        [fitted_on for fitted_on, *_ in learned for _ in range(refit_every)][: N - first],
    )


def test_outcomes_that_were_not_settled_by_a_refit_do_not_move_its_weights():
    target = outcomes()
    walks = [walk(20, 1), walk(40, 2)]
    honest = pool_walks(POOL, walks, target, splits())
    assert len(honest.fits) == 4
    for number, fitted_on in enumerate(honest.fits["fitted_on"]):
        unknown = ~(target["confirmed_on"] <= fitted_on)
        assert unknown.sum() > 50
        absurd = target.copy()
        # the least likely regime of each such day, which no honest weight would go with
        spoken = walks[0].proba.reindex(DAYS)[list(REGIMES)].fillna(0).to_numpy()
        absurd.loc[unknown, "regime"] = NAMES[spoken.argmin(axis=1)][unknown]
        found = pool_walks(POOL, walks, absurd, splits())
        assert_frame_equal(found.fits[: number + 1], honest.fits[: number + 1], check_exact=True)
        served = honest.proba["fitted_on"] <= fitted_on
        assert_frame_equal(found.proba[served], honest.proba[served], check_exact=True)
        known = target["confirmed_on"] <= fitted_on
        turned = target.assign(regime=absurd["regime"].where(~known, NAMES[0]))
        moved = pool_walks(POOL, walks, turned, splits()).fits["weight_0"][number]
        assert moved != honest.fits["weight_0"][number]  # while those that were settled do


def test_probabilities_said_after_a_refit_do_not_move_what_was_served_before():
    target = outcomes()
    walks = [walk(20, 1), walk(40, 2)]
    honest = pool_walks(POOL, walks, target, splits())
    for fitted_on in honest.fits["fitted_on"][1:]:
        later = walks[0].proba.index > fitted_on
        other = walks[0].proba.copy()
        other.loc[later, list(REGIMES)] = [0.98, 0.01, 0.01]
        found = pool_walks(POOL, [Walk(other, walks[0].fits), walks[1]], target, splits())
        served = honest.proba.index <= fitted_on
        assert_frame_equal(found.proba[served], honest.proba[served], check_exact=True)
        assert not found.proba[~served].equals(honest.proba[~served])


def test_a_shorter_history_gives_the_same_rows():
    target = outcomes()
    walks = [walk(20, 1), walk(40, 2)]
    whole = pool_walks(POOL, walks, target, splits())
    for n in (151, 189, 190, 191, 260):
        known = target[:n].copy()
        open_ = ~(known["confirmed_on"] <= DAYS[n - 1])
        known.loc[open_, "confirmed_on"] = pd.NaT
        known["regime"] = known["regime"].where(~open_)
        short = [Walk(one.proba[one.proba.index <= DAYS[n - 1]], one.fits) for one in walks]
        found = pool_walks(POOL, short, known, splits())
        assert_frame_equal(found.proba, whole.proba[: n - 150], check_exact=True, check_freq=False)


def test_days_before_the_first_test_are_learned_from_and_never_in_the_result():
    target = outcomes()
    early, late = [walk(20, 1), walk(20, 2)], [walk(150, 1), walk(150, 2)]
    warm = pool_walks(POOL, early, target, splits())
    cold = pool_walks(POOL, late, target, splits())
    for found in (warm, cold):
        assert_array_equal(found.proba.index, DAYS[150:])
    settled = (target["confirmed_on"] <= DAYS[149]).to_numpy()[20:].sum()
    assert settled > 50
    assert warm.fits["n_rows"][0] == settled
    assert cold.fits["n_rows"][0] == 0
    assert (cold.fits[["weight_0", "weight_1"]].iloc[0] == 0.5).all()
    assert not (warm.fits[["weight_0", "weight_1"]].iloc[0] == 0.5).any()


def test_the_fold_of_a_pool_holds_the_rows_it_learned_from():
    target = outcomes()
    said = side_by_side([walk(20, 1), walk(45, 2)])
    assert said.shape == (N - 45, 6)
    learned = settled_by(said, target, DAYS[149])
    assert (target.loc[learned, "confirmed_on"] <= DAYS[149]).all()
    assert learned[0] == DAYS[45]
    assert fit_pool(POOL, said, target, DAYS[149]).health_["n_learned_from"] == len(learned)
    assert not hasattr(POOL, "weight_")


@pytest.mark.parametrize("gap", [DAYS[150:151], DAYS[-1:], DAYS[200:220]])
def test_a_member_that_is_silent_on_a_day_to_be_served_is_a_clear_error(gap):
    silent = walk(20, 2)
    silent = Walk(silent.proba.drop(gap), silent.fits)
    with pytest.raises(EvaluationError, match="not every member spoke") as refused:
        pool_walks(POOL, [walk(20, 1), silent], outcomes(), splits())
    assert "\n" not in str(refused.value)


def test_the_order_of_a_member_s_columns_does_not_matter():
    target = outcomes()
    one = pool_walks(POOL, [walk(20, 1), walk(20, 2)], target, splits())
    turned = walk(20, 2, columns=sorted(REGIMES))
    other = pool_walks(POOL, [walk(20, 1), turned], target, splits())
    assert_frame_equal(one.proba, other.proba, check_exact=True)

"""A stack end to end: its members walked forward, pooled, fitted, and blind to the future."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from regime.bundle import columns_read, fit_bundle
from regime.config import ExperimentConfig, load_experiment
from regime.evaluation.kept import KeptWalks
from regime.evaluation.walk_forward import joined, run_tasks
from regime.exceptions import EvaluationError
from regime.experiment import Comparison, _reference, count_fits
from regime.models.pooled import Pooled
from regime.studies import A_DECADE, Studies, Study
from regime.taxonomy import REGIMES

FILES = {
    "filter": 'training = { every = 3 }\nmodel = { kind = "filter" }',
    "hmm": 'features = { sets = ["stress"], window = 504 }\n'
    'model = { kind = "gaussian_hmm", params = { n_init = 1, n_iter = 5 } }',
    "corrected": 'features = { sets = ["leadership", "stress"], window = 504 }\n'
    'model = { kind = "logistic_correction", params = { start = "filter" } }',
    "climatology": 'model = { kind = "climatology" }',
    "stack": 'members = ["filter", "hmm", "corrected", "climatology"]\nbaskets = ["french"]\n'
    "features = { window = 504 }\nlabels = { horizons = [0, 21] }\n"
    "evaluation = { first_test = { french = 2006-01-03 }, refit_every = 200 }\n"
    'model = { kind = "stack", params = { warm_up = 650, C = 0.01, C_constant = 0.01 } }',
}
FIRST = pd.Timestamp("2006-01-03")


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> ExperimentConfig:
    folder = tmp_path_factory.mktemp("experiments")
    for name, text in FILES.items():
        (folder / f"{name}.toml").write_text(text)
    return load_experiment(folder / "stack.toml")


def run(stack, panel, kept=None):
    """A comparison that has run the stack, its result, and how many fits it told of."""
    told = []
    comparison = Comparison(panel, on_fit=lambda: told.append(1), kept=kept)
    return comparison, comparison.run(stack), len(told)


@pytest.fixture(scope="module")
def ran(stack, market):
    return run(stack, market)


@pytest.fixture(scope="module")
def bundle(stack, market, ran):
    """The stack fitted on the whole market."""
    return fit_bundle(stack, "french", market, ran[0].pools(stack, "french"))


def walks_of(comparison, stack, horizon):
    """Members' walk-forwards, in their order."""
    return comparison._of(Study(stack, "french", horizon))


def pooled_by_hand(members, weights, constants):
    """The weighted geometric mean of frames of probabilities."""
    logs = [np.log(np.maximum(one[list(REGIMES)].to_numpy(), 1e-6)) for one in members]
    odds = sum(weight * log for weight, log in zip(weights, logs, strict=True)) + constants
    proba = np.exp(odds)
    return proba / proba.sum(axis=1, keepdims=True)


# The walk-forward


@pytest.mark.parametrize("horizon", [0, 21])
def test_members_are_refitted_when_the_stack_is_and_on_days_before_it(stack, ran, horizon):
    comparison, result, _ = ran
    fitted = result.fits.query("horizon == @horizon")["fitted_on"]
    assert len(fitted) == 4
    for walk in walks_of(comparison, stack, horizon):
        assert list(walk.fits["fitted_on"][-4:]) == list(fitted)
        assert len(walk.fits) == 4 + 650 // 200
        assert walk.proba.index[-1] == result.predictions["date"].max()
        begun = walk.proba.index.searchsorted(FIRST)
        assert begun == 3 * 200


@pytest.mark.parametrize("horizon", [0, 21])
def test_what_is_served_is_the_members_weighed_as_the_fit_in_service_said(stack, ran, horizon):
    comparison, result, _ = ran
    said = result.predictions.query("horizon == @horizon").set_index("date")
    assert said.index[0] == FIRST
    walks = walks_of(comparison, stack, horizon)
    fits = result.fits.query("horizon == @horizon").set_index("fitted_on")
    for fitted_on, fit in fits.iterrows():
        days = said.index[said["fitted_on"] == fitted_on]
        expected = pooled_by_hand(
            [walk.proba.loc[days] for walk in walks],
            [fit[f"weight_{number}"] for number in range(4)],
            [fit[f"constant_{name}"] for name in REGIMES],
        )
        assert_allclose(said.loc[days, list(REGIMES)], expected, rtol=1e-10)
    assert fits["n_learned_from"].is_monotonic_increasing
    assert fits["n_learned_from"].iloc[0] > 300
    assert (fits.filter(like="weight_").to_numpy() != 0.25).all()


@pytest.mark.parametrize(
    "until", [pytest.param("2008-12-30", marks=pytest.mark.long), "2008-03-05", "2006-01-31"]
)
def test_a_shorter_history_gives_the_same_predictions_to_the_bit(stack, market, ran, until):
    comparison = Comparison(market[:until])
    found = walks(comparison, Study(stack, "french", 0)).proba
    whole = ran[1].predictions.query("horizon == 0").set_index("date")[:until]
    assert_array_equal(found.index, whole.index)
    assert_array_equal(found[list(REGIMES)], whole[list(REGIMES)])
    assert_array_equal(found["fitted_on"], whole["fitted_on"])


def walks(comparison, study):
    """The pooled walk-forward of a study, without scores: few days may have no settled one."""
    found = []
    for member in comparison.studies.members(study):
        served = [one for part in run_tasks(comparison.studies.pieces(member)) for one in part]
        found.append(joined(served))
    return comparison.studies.pool(study, found)


def test_members_begin_as_early_as_they_may_and_no_earlier(stack, market):
    long = stack.model_copy(update={"model": stack.model.model_copy(update={"params": {}})})
    studies = Studies(market)
    study = Study(long, "french", 21)
    target, days = studies.target(study), studies.frame("french").index
    late = long.members[0].model_copy(
        update={"training": {"since": date(1993, 1, 4), "every": 1}}, deep=True
    )
    late = ExperimentConfig.model_validate(late.model_dump(warnings=False))
    study = study._replace(config=long.model_copy(update={"members": (*long.members, late)}))
    first = days.searchsorted(FIRST)
    begun = []
    for member, found in zip(study.config.members, studies.members(study), strict=True):
        begin = days.searchsorted(pd.Timestamp(found.config.first_test("french")))
        assert (first - begin) % 200 == 0

        def rows(at, member=member):
            since = days >= pd.Timestamp(member.training.since)
            return (since & (target["confirmed_on"] <= days[at - 1])).sum()

        assert rows(begin) >= A_DECADE > rows(begin - 200)
        begun.append(begin)
    assert begun[-1] > begun[0]
    assert begun[0] < first - 200


@pytest.mark.parametrize("warm_up", [0, 199])
def test_without_a_warm_up_the_first_pool_weighs_members_alike(stack, market, warm_up):
    cold = stack.model_copy(
        update={
            "model": stack.model.model_copy(update={"params": {"warm_up": warm_up}}),
            "members": (stack.members[0], stack.members[3]),
        }
    )
    _, result, told = run(cold, market)
    assert told == 2 * 2 * 4
    first = result.fits.groupby("horizon").first()
    assert (first["n_learned_from"] == 0).all()
    assert (first[["weight_0", "weight_1"]] == 0.5).all(axis=None)
    assert count_fits([cold], market) == told


def test_each_fit_is_told_of_once_and_there_are_no_more_than_counted(stack, market, ran):
    comparison, _, told = ran
    fits = sum(len(walk.fits) for h in (0, 21) for walk in walks_of(comparison, stack, h))
    assert told == fits == 2 * 4 * 7
    assert fits <= count_fits([stack], market) <= 2 * fits


def walked(comparison, stack):
    """What a comparison walks forward: members, and the filter they are held against."""
    for horizon in (0, 21):
        study = Study(stack, "french", horizon)
        yield from (_reference(study), *comparison.studies.members(study))


def test_walk_forwards_that_were_kept_change_no_bit(stack, market, ran, tmp_path):
    kept = KeptWalks(tmp_path)
    for name in {*map(ran[0]._name, walked(ran[0], stack))}:
        kept.keep(name, ran[0]._walks[name])
    files = sorted(tmp_path.glob("*.parquet"))
    gone = files[len(files) // 2]
    gone.unlink()  # one of the members is to be computed again
    comparison, again, told = run(stack, market, kept)
    assert told == ran[2]
    assert gone.exists()
    assert_frame_equal(again.predictions, ran[1].predictions, check_exact=True)
    assert_frame_equal(again.fits, ran[1].fits, check_exact=True)
    for horizon, pool in comparison.pools(stack, "french").items():
        expected = ran[0].pools(stack, "french")[horizon]
        assert_array_equal(pool.weight_, expected.weight_)


# In service


def test_a_pool_by_now_learns_from_all_that_is_settled_by_the_last_close(stack, ran):
    comparison = ran[0]
    pools = comparison.pools(stack, "french")
    assert sorted(pools) == [0, 21]
    assert comparison.pools(stack, "funds") == {}
    assert comparison.pools(stack.members[0], "french") == {}
    for horizon, pool in pools.items():
        settled = comparison.studies.target(Study(stack, "french", horizon))["regime"].notna()
        days = walks_of(comparison, stack, horizon)[0].proba.index
        assert pool.health_["n_learned_from"] == settled.reindex(days).sum()


@pytest.mark.parametrize("pools", [None, {}, {0: object()}])
def test_a_stack_without_the_pools_of_its_walk_forward_is_refused_in_one_line(stack, market, pools):
    with pytest.raises(EvaluationError, match=r"weights at .*21.* `regime retrain`") as refused:
        fit_bundle(stack, "french", market, pools)
    assert "\n" not in str(refused.value)


def test_a_fitted_stack_weighs_its_members_fitted_alone(stack, market, bundle):
    own = {"labels": stack.labels, "baskets": stack.baskets}
    alone = [
        fit_bundle(member.model_copy(update=own), "french", market).predict_proba(market)
        for member in stack.members
    ]
    whole = bundle.predict_proba(market)
    for horizon, classifier in bundle.classifiers.items():
        assert isinstance(classifier, Pooled)
        expected = pooled_by_hand(
            [one[one["horizon"] == horizon] for one in alone],
            classifier.pool.weight_,
            classifier.pool.constant_,
        )
        found = whole.loc[whole["horizon"] == horizon, list(REGIMES)]
        assert_allclose(found, expected, rtol=1e-10)
        X = bundle.features_of(market)
        assert_array_equal(classifier.predict(X), np.array(REGIMES)[found.to_numpy().argmax(1)])


def test_a_stack_reads_what_its_members_read_and_nothing_else(stack, market, bundle):
    X = bundle.features_of(market)
    own = {"labels": stack.labels, "baskets": stack.baskets}
    read = set()
    for number, config in enumerate(stack.members):
        alone = fit_bundle(config.model_copy(update=own), "french", market)
        mine = alone.features_of(market)
        assert bundle.classifiers[0].members[number].columns == list(mine.columns)
        assert_frame_equal(X[list(mine.columns)], mine, check_exact=True)
        read |= {*mine.columns}
    assert {*X.columns} == read
    assert len(X.columns) == len(read)
    few = stack.model_copy(update={"members": stack.members[:2]})
    left = columns_read(few, [*X.columns, "lead_broadening_today"])
    assert {"path_score_broadening", "vix"} <= {*left}
    assert not {"mega_over_small_5d", "path_confirmed_broadening", "lead_broadening_today"} & {
        *left
    }


@pytest.mark.parametrize("back", [1, 2, 17, 400])
def test_the_newest_days_alone_are_the_tail_of_the_whole_to_the_bit(market, bundle, back):
    X = bundle.features_of(market)
    whole = bundle.predict_proba(market, X=X)
    since = X.index[-back]
    tail = whole[whole["date"] >= since].reset_index(drop=True)
    assert_frame_equal(bundle.predict_proba(market, since, X=X), tail, check_exact=True)
    assert len(tail) == 2 * back


def test_a_fitted_stack_is_blind_to_the_future(market, bundle):
    whole = bundle.predict_proba(market)
    part = bundle.predict_proba(market[:"2004-06-30"])
    before = whole[whole["date"] <= part["date"].max()].reset_index(drop=True)
    assert_frame_equal(before, part, check_exact=True)

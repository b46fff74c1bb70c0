"""The simulation study: its arithmetic, what is kept of it, and that it can be had again."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks import simulated, simulation_study
from benchmarks.simulated import (
    LENGTHS,
    MOVES,
    SETTINGS,
    SLOW,
    START,
    STARTS,
    STICKINESS,
    balanced_accuracy,
    contestants,
    delays,
    jump_features,
    kept,
    likeliest_path,
    log_densities,
    path,
    quick_dp,
    series,
)
from benchmarks.simulation_study import MARGIN, TUNING
from hmmlearn.hmm import GaussianHMM
from hypothesis import given, settings
from hypothesis import strategies as st
from jumpmodels import jump
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import balanced_accuracy_score

RESULTS = Path(__file__).parent / "simulation.json"
PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


# What it computes -----------------------------------------------------------------------


@given(st.integers(1, 8), st.integers(1, 3), st.booleans(), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_the_likeliest_path_is_the_likeliest_of_all_paths(n, k, zeros, seed):
    rng = np.random.default_rng(seed)
    startprob, moves = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), size=k)
    if zeros:
        moves = np.where(np.eye(k, dtype=bool) | (rng.random((k, k)) < 0.5), moves, 0)
        moves /= moves.sum(axis=1, keepdims=True)
    log_density = rng.normal(scale=3, size=(n, k))
    paths = np.array(list(itertools.product(range(k), repeat=n)))
    with np.errstate(divide="ignore"):
        weight = np.log(startprob)[paths[:, 0]] + log_density[np.arange(n), paths].sum(axis=1)
        weight += np.log(moves)[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    assert_array_equal(likeliest_path(startprob, moves, log_density), paths[weight.argmax()])


def test_the_likeliest_path_is_hmmlearns():
    x, _ = series("gaussian", 1000, 3)
    hmm = GaussianHMM(2, "diag", init_params="")
    hmm.startprob_, hmm.transmat_ = START, MOVES
    hmm.means_, hmm.covars_ = simulated.MEANS[:, None], simulated.DEVIATIONS[:, None] ** 2
    density = log_densities(x, simulated.MEANS, simulated.DEVIATIONS**2)
    assert_array_equal(likeliest_path(START, MOVES, density), hmm.predict(x[:, None]))


@pytest.mark.parametrize("penalty", [0.0, 0.7, 50.0])
def test_the_dynamic_program_of_jumpmodels_is_theirs_to_the_bit(penalty):
    loss = np.random.default_rng(0).gamma(1.0, 20.0, size=(500, 2))
    moves = np.array([[0.0, penalty], [penalty, 0.0]])
    ours, theirs = quick_dp(loss, moves), jump.dp(loss, moves)
    assert_array_equal(ours[0], theirs[0])
    assert ours[1] == theirs[1]
    assert_array_equal(quick_dp(loss, moves, True), jump.dp(loss, moves, True))


def test_a_state_may_be_called_by_the_other_number():
    rng = np.random.default_rng(1)
    states, called = rng.integers(2, size=(2, 60))
    share, numbered = balanced_accuracy(states, called)
    assert share == pytest.approx(balanced_accuracy_score(states, numbered))
    assert share == balanced_accuracy(states, 1 - called)[0] >= 0.5


def test_delays_by_hand():
    states = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0])
    called = np.array([0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 1])
    # to 1: called already; to 0: a day late; to 1: never, in two days; to 0: at once
    # wrong changes: to 1 on day 1, to 0 on day 3, to 1 on day 10
    assert delays(states, called) == (4, 0 + 1 + 2 + 0, 3)


def test_chains_settle_where_they_start():
    assert_allclose(START @ MOVES, START, rtol=1e-12)


@pytest.mark.parametrize("setting", SETTINGS)
def test_returns_have_the_moments_of_their_state(setting):
    every = [series(setting, 2000, seed) for seed in range(150)]
    x, states = (np.concatenate([one[part] for one in every]) for part in (0, 1))
    for state in (0, 1):
        found = x[states == state]
        far = 5 * simulated.DEVIATIONS[state] / np.sqrt(len(found))
        assert found.mean() == pytest.approx(simulated.MEANS[state], abs=far)
        assert found.std() == pytest.approx(simulated.DEVIATIONS[state], rel=0.05)
    assert states.mean() == pytest.approx(START[1], abs=0.03)


def test_states_are_the_same_in_every_setting():
    assert_array_equal(series("gaussian", 500, 1)[1], series("student_t", 500, 1)[1])


def test_online_jump_models_see_no_day_ahead():
    x, _ = series("gaussian", 250, 0)
    whole, past = jump_features(x, ahead=False), jump_features(x[:100], ahead=False)
    assert_allclose(whole[:100], past, rtol=1e-9, atol=1e-15)
    assert not np.allclose(jump_features(x, ahead=True)[:100], jump_features(x[:100], ahead=True))


def test_a_run_that_was_killed_goes_on_from_its_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(simulation_study, "LENGTHS", (250,))
    monkeypatch.setattr(
        simulation_study, "contestants",
        lambda setting, seed: {n: contestants(setting, seed)[n] for n in ("ours", SLOW)},
    )  # fmt: skip
    rows = simulation_study.run([2, 1], 0, tmp_path, 1)
    file = tmp_path / "rows.jsonl"
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.rindex('"found"')], encoding="utf-8")  # killed while writing
    again = simulation_study.run([2, 1], 0, tmp_path, 1)
    assert "2 series were read before, 1 are to be read." in capsys.readouterr().out
    assert [without_time(row) for row in again] == [without_time(row) for row in rows]
    assert len(simulation_study.rows_in(file)) == 3


# What is kept of it ---------------------------------------------------------------------


def without_time(row):
    found = {
        name: {key: value for key, value in one.items() if key != "seconds"}
        for name, one in row["found"].items()
    }
    return row | {"found": found}


def test_what_is_kept_is_of_these_settings_and_of_500_series_of_each_length(results):
    assert results["stickiness"] == STICKINESS
    assert results["starts"] == STARTS
    assert results["seeds"] >= 500
    for record in results["summary"]:
        least = 500 if record["setting"] == "gaussian" else 200
        assert record["n"] >= (100 if record["contestant"] == SLOW else least)
    said = {(r["setting"], r["n_days"], r["contestant"]) for r in results["summary"]}
    assert said == {(s, n, name) for s in SETTINGS for n in LENGTHS for name in contestants(s, 0)}


@pytest.mark.parametrize("n_days", LENGTHS)
def test_seeds_passed_over_are_those_whose_path_stays_in_one_state(n_days, results):
    passed_over = results["passed_over"][str(n_days)]
    seeds, again = kept(n_days, results["seeds"])
    assert again == passed_over
    assert max(seeds) < TUNING
    stays = START @ np.diag(MOVES) ** (n_days - 1)
    drawn = results["seeds"] + passed_over
    assert passed_over / drawn == pytest.approx(stays, abs=4 * np.sqrt(stays / drawn) + 1e-3)
    assert np.ptp(path(n_days, seeds[0]))


@pytest.mark.parametrize("n_days", LENGTHS)
@pytest.mark.parametrize("decoded", ["smoothed", "path"])
def test_ours_is_not_inferior_to_hmmlearn_nor_to_jump_models(n_days, decoded, results):
    here = {
        record["contestant"]: record
        for record in results["summary"]
        if (record["setting"], record["n_days"]) == ("gaussian", n_days)
    }
    jumps = [name for name in here if name.startswith("jumpmodels")]
    best = max(jumps, key=lambda name: here[name][decoded]["mean"])
    for rival in ("hmmlearn", "jumpmodels 50", best):
        gain = here["ours"][decoded]["mean"] - here[rival][decoded]["mean"]
        assert here[rival][decoded]["gain"][0] == pytest.approx(gain, abs=2e-6)
        assert gain >= -MARGIN, rival


def test_the_page_shows_what_is_kept(results):
    told = PAGE.read_text(encoding="utf-8").split(simulation_study.BEGIN)[1]
    assert "\n".join(simulation_study.tables(results["summary"])) in told


@pytest.mark.long
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("n_days", [250, 500])
def test_rows_that_are_kept_can_be_had_again(setting, n_days, results):
    rows = [r for r in results["rows"] if (r["setting"], r["n_days"]) == (setting, n_days)]
    assert [row["seed"] for row in rows] == kept(n_days, len(rows))[0]
    for row in rows[:2]:
        again = simulated.judge(setting, n_days, row["seed"], list(row["found"]))
        assert without_time(again) == without_time(row)

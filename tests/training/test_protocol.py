"""The proof can fail: whatever peeks, is scored too early or comes too late is caught."""

import json
import subprocess
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from regime import experiment, studies
from regime.audit.walks import another_market, check_walks, chosen_cuts, of_baskets, watched
from regime.config import ExperimentConfig, ModelConfig
from regime.evaluation.splits import ConfirmedWalkForward, Fold
from regime.experiment import Comparison
from regime.models.assembly import build_classifier
from regime.tracking.trials import check_bookkeeping
from training.cli import cli

FILTER = ExperimentConfig(
    name="filter",
    baskets=("french",),
    labels={"horizons": (21,)},
    training={"every": 3},
    evaluation={"first_test": {"french": date(2002, 1, 2)}, "refit_every": 504},
    model={"kind": "filter"},
)


@pytest.fixture(scope="module")
def panel(market):
    """The last twelve years of the simulated market."""
    return market["1997":]


@pytest.fixture(autouse=True)
def _quick_scores(monkeypatch):
    """Intervals are not looked at here, and take most of the time."""
    monkeypatch.setattr("regime.evaluation.significance.RESAMPLES", 10)


def verdicts(config, panel, **options):
    found = list(check_walks(config, panel, **{"cuts": 2, "seed": 0, **options}))
    return {one.check: one for one in found}


def test_an_honest_walk_passes_with_its_counts_and_to_the_bit(panel):
    steps = []
    found = verdicts(FILTER, panel, on_walk=lambda: steps.append(1))
    assert [one.holds for one in found.values()] == [True, True, True]
    assert len(steps) == 1 + 2 * 2
    books = found["bookkeeping"].counts
    assert books["fits"] == 4
    assert books["served_rows"] == len(panel["2002-01-02":])
    assert 0 < books["scored_rows"] < books["served_rows"]
    assert "rows in both: 0" in found["bookkeeping"].words
    for check in ("cut short", "another market"):
        for replay in found[check].counts["replays"]:
            assert replay["rows"] == len(panel["2002-01-02" : replay["cut"]])
            assert replay["exact"] == replay["rows"]
    for replay in found["another market"].counts["replays"]:
        assert replay["labels_changed"] > replay["labels_after"] / 2


def test_a_stack_is_proven_with_the_walks_of_its_members(market):
    other = FILTER.model_copy(update={"name": "other", "model": ModelConfig(kind="climatology")})
    stack = {
        **dict(FILTER), "name": "stack", "model": {"kind": "stack"}, "training": {},
        "members": (FILTER, other),
        "evaluation": {"first_test": {"french": date(2005, 1, 3)}, "refit_every": 504},
    }  # fmt: skip
    found = verdicts(ExperimentConfig(**stack), market, cuts=1)
    assert [one.holds for one in found.values()] == [True, True, True]
    # Two of its own and of the reference, and of each member those and earlier ones.
    assert found["bookkeeping"].counts["fits"] > 2 * (1 + 1 + 2)


def test_features_scaled_by_the_whole_sample_are_caught_by_both_replays(panel, monkeypatch):
    honest = studies.features_of

    def peeks(*words):
        features = honest(*words)
        return features / features.abs().mean()

    monkeypatch.setattr(studies, "features_of", peeks)
    # A model that standardises by its training rows takes any common scale out again.
    monkeypatch.setattr(
        studies, "build_classifier", lambda *asked: build_classifier(*asked).steps[-1][1]
    )
    found = verdicts(FILTER, panel)
    assert found["bookkeeping"].holds
    for check in ("cut short", "another market"):
        assert not found[check].holds


class Peeking(TransformerMixin, BaseEstimator):
    """Scales by the rows it is given, and so by rows later than the one it scales."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X / X.std()

    def get_feature_names_out(self, names):
        return names


def test_a_model_that_scales_by_the_rows_it_serves_is_caught_by_both_replays(panel, monkeypatch):
    def peeks(config, horizon):
        honest = build_classifier(config, horizon)
        return make_pipeline(Peeking(), *(step for _, step in honest.steps))

    monkeypatch.setattr(studies, "build_classifier", peeks)
    found = verdicts(FILTER, panel)
    assert found["bookkeeping"].holds
    for check, what in (("cut short", "cut off"), ("another market", "replaced by one that")):
        assert not found[check].holds
        assert f"change when the market after it is {what}" in found[check].words
        assert "came later" in found[check].words


def test_a_split_that_ignores_confirmation_is_caught_by_the_books_and_the_other_market(
    panel, monkeypatch
):
    honest = ConfirmedWalkForward.split

    def ignores(self, target):
        settled_in_hindsight = target["confirmed_on"].notna().to_numpy()
        for fold in honest(self, target):
            before = np.flatnonzero(settled_in_hindsight[: fold.test[0]])
            yield Fold(before[:: self.every], fold.test, fold.fitted_on)

    monkeypatch.setattr(ConfirmedWalkForward, "split", ignores)
    found = verdicts(FILTER, panel)
    books = found["bookkeeping"]
    assert not books.holds
    assert "training rows not confirmed by the close they were learned at" in books.words
    assert "first with french baskets, 21 days ahead, fitted on 2001-12-31" in books.words
    assert "regime/evaluation/splits.py" in books.words
    assert not found["another market"].holds


@pytest.fixture(scope="module")
def walked(panel):
    """A comparison, its result, and what it handed out."""
    comparison = Comparison(panel)
    pieces = watched(comparison)
    return comparison, comparison.run(FILTER), pieces


def with_folds(pieces, change):
    return [piece._replace(folds=[change(fold) for fold in piece.folds]) for piece in pieces]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda fold: Fold(np.append(fold.train, fold.test[0]), fold.test, fold.fitted_on),
         "4 rows both learned from and served by one fit"),
        (lambda fold: Fold(fold.train, fold.test, fold.fitted_on + pd.Timedelta(days=7)),
         "4 fits that serve a day not after their own close"),
        (lambda fold: Fold(fold.train, fold.test[1:], fold.fitted_on),
         "4 days served by another fit than was made for them"),
    ],
)  # fmt: skip
def test_a_fit_that_is_not_what_it_should_be_is_counted(walked, change, said):
    comparison, result, pieces = walked
    found = check_bookkeeping(result, comparison.studies, with_folds(pieces, change))
    assert not found.holds
    assert said in found.words


def test_a_label_that_was_not_known_at_the_close_is_counted(walked):
    comparison, result, pieces = walked
    flipped = [piece._replace(labels=np.roll(piece.labels, 100)) for piece in pieces]
    found = check_bookkeeping(result, comparison.studies, flipped)
    assert "training rows with a label that was not theirs at that close" in found.words


def test_a_day_served_twice_or_not_at_all_is_counted(walked):
    comparison, result, pieces = walked
    rows = result.predictions
    for changed, said in (
        (pd.concat([rows, rows.tail(3)]), "3 days served twice"),
        (rows.iloc[2:], "2 days of the test not served"),
    ):
        other = experiment.ExperimentResult(
            **{name: getattr(result, name) for name in result.__slots__} | {"predictions": changed}
        )
        assert said in check_bookkeeping(other, comparison.studies, pieces).words


def test_cuts_span_the_test_follow_its_seed_and_fall_soon_after_refits(walked, panel):
    _, result, _ = walked
    whole = of_baskets(result, "french")

    def cuts(seed, number=3):
        return chosen_cuts(whole, panel, number, np.random.default_rng(seed))

    assert cuts(1) == cuts(1) != cuts(2)
    first, second, third = cuts(1)
    assert first < pd.Timestamp("2005-01-01") < third
    by_fit = whole.said.droplevel("horizon")["fitted_on"]
    for day in (second, third):
        assert (by_fit[:day] == by_fit[day]).sum() <= 10
    assert chosen_cuts(whole, panel[:15], 3, np.random.default_rng(0)) == []


def test_another_market_shares_the_past_alone_and_goes_on_from_its_levels(walked, panel):
    comparison, result, _ = walked
    cut = pd.Timestamp("2004-03-01")
    rng = np.random.default_rng(0)
    other, leader = another_market(
        of_baskets(result, "french"), comparison.studies, "french", cut, rng
    )
    pd.testing.assert_frame_equal(other[:cut], panel[:cut], check_freq=False)
    after, true = other[cut:].iloc[1:], panel[cut:].iloc[1:].loc[other[cut:].index[1:]]
    assert len(after) == 126 + 21
    assert (after["hi_10"] != true["hi_10"]).all()
    assert after["OEF"].iloc[0] == pytest.approx(panel.loc[cut, "OEF"], rel=0.1)
    lead = Comparison(other).studies.lead("french")[cut:].iloc[1:]
    assert lead.mean().idxmax() == leader


# The command


QUESTION = """
# Which shrinkage?
baskets = ["french"]
labels = { horizons = [21] }
training = { since = 1963-01-01, every = 3 }
evaluation = { first_test = { french = 1984-01-03 }, refit_every = 1000 }
"""


def git(folder, *words):
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_the_command_proves_a_question_and_says_what_broke_it(tmp_path, monkeypatch):
    folder = tmp_path / "experiments" / "questions" / "shrinkage"
    folder.mkdir(parents=True)
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "home"))

    def regime(*words):
        return CliRunner().invoke(cli, [str(word) for word in words])

    def candidate(name, value):
        model = f'model = {{ kind = "filter", params = {{ C = {value} }} }}\n'
        (folder / f"{name}.toml").write_text(QUESTION + model)

    candidate("a", 0.1)
    (tmp_path / ".gitignore").write_text("home\n*.json\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Which shrinkage?")
    assert regime("fetch", "--source", "demo", "--until", "1987-06-30").exit_code == 0
    compared = regime("compare", folder / "a.toml", "--jobs", 1)
    assert "1 configuration has been scored here so far; read the best" in compared.stderr

    out = tmp_path / "out.json"
    done = regime("protocol", folder, "--cuts", 1, "--jobs", 1, "--json", out)
    assert done.exit_code == 0, done.output
    assert "5 of 5 checks hold." in done.stdout
    said = [line.split()[:2] for line in done.stdout.splitlines()[:5]]
    assert said == [
        ["ok", "candidates"], ["ok", "declared"], ["ok", "bookkeeping"], ["ok", "cut"],
        ["ok", "another"],
    ]  # fmt: skip
    assert "(experiments/questions/shrinkage/a.toml@" in done.stdout
    found = json.loads(out.read_text())
    assert [one["holds"] for one in found] == [True] * 5
    assert found[2]["counts"]["training_rows"] > 1000

    candidate("a", 0.5)
    git(tmp_path, "commit", "-qam", "another")
    for number in range(5):
        candidate(f"b{number}", 1 + number)
    done = regime("protocol", folder / "a.toml", "--cuts", 1, "--jobs", 1)
    assert done.exit_code == 1
    assert "FAIL  candidates      shrinkage: 6 in the folder" in done.stdout
    assert "1 scored from it and no longer there" in done.stdout
    assert "FAIL  declared        shrinkage/a: changed after it was scored" in done.stdout
    assert "3 of 5 checks hold." in done.stdout


def test_help_has_an_example_both_ways(regime):
    for done in (regime("protocol", "--help"), regime("--help", module="protocol")):
        assert done.returncode == 0
        assert "Example: regime protocol" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["experiments/fliter.toml"], 1, "Did you mean experiments/filter.toml?"),
        (["docs"], 1, "docs holds no experiment"),
        (["experiments/filter.toml", "experiments"], 1, "filter.toml comes twice"),
        (["experiments/filter.toml"], 1, "is empty"),
        (["experiments/filter.toml", "--cuts", "0"], 2, "--cuts"),
        ([], 2, "Missing argument"),
    ],
)
def test_a_fault_is_one_clear_line(regime, fails, tmp_path, words, code, said):
    fails(regime("protocol", *words, home=tmp_path), said, code=code)

"""A model card says what training and walking forward have found, and trusts no text."""

import html
import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from registered import HOSTILE, experiment, register_one, trained
from tracked import tracked

from regime.bundle import fit_bundle
from regime.data import catalog
from regime.evaluation.rotation import verdict
from regime.evaluation.scores import log_losses
from regime.exceptions import EvaluationError, StoreError
from regime.experiment import Comparison, reference_filter
from regime.labels.leadership import episodes, target
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.card import card_of
from regime.tracking.card_limits import BETTER, SAME, TOO_FEW, UNCLEAR, WORSE, limits, versus
from regime.tracking.card_sections import sections
from regime.tracking.card_text import SIMULATED, card_markdown, escaped, first_paragraph
from regime.tracking.mlflow_client import client
from regime.tracking.names import MODEL
from regime.tracking.registry import list_versions, load_card
from regime.tracking.storage import sha256

WHEN = pd.Timestamp("2009-01-02 12:00", tz="UTC")


@pytest.fixture(scope="module")
def found(market):
    return trained(market, experiment())


@pytest.fixture(scope="module")
def card(found):
    return make(*found)


@pytest.fixture(scope="module")
def home(found, market, tmp_path_factory):
    folder = tracked(tmp_path_factory.mktemp("registered"), tmp_path_factory).home
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        assert register_one(*found, market, folder) == "1"
    return Settings(home=folder)


def make(result, bundle, **changes):
    given = {"simulated": True, "registered_at": WHEN, "code_version": "abc"}
    return card_of(result, bundle, **{**given, **changes})


def rendered(text):
    return MarkdownIt("commonmark", {"linkify": False}).enable("table").render(text)


def test_a_card_is_json_without_loss(card):
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_the_filters_loss_is_that_of_the_filter_walked_forward_alone(card, found, market):
    result, _ = found
    alone = Comparison(market).run(reference_filter(result.config))
    expected = {row["horizon"]: row["log_loss"] for row in alone.scores}
    told = {row["horizon"]: row["filter_log_loss"] for row in card["horizons"]}
    assert told == pytest.approx(expected, abs=1e-12)


def test_the_bar_to_clear_is_the_entropy_of_the_labels_of_the_test(card, found):
    result, _ = found
    path = result.labels.set_index("date")
    for row in card["horizons"]:
        actual = target(path, row["horizon"])["regime"].dropna()[row["test_from"] : row["test_to"]]
        share = actual.value_counts() / len(actual)
        assert row["n_days"] == len(actual)
        assert row["label_entropy"] == pytest.approx(-(share * np.log(share)).sum(), abs=1e-12)
        gained = row["over_entropy"]["edge"]
        assert gained == pytest.approx(row["label_entropy"] - row["log_loss"], abs=1e-12)


def test_training_rows_are_those_the_classifiers_were_given(card, found, market, monkeypatch):
    from sklearn.dummy import DummyClassifier

    _, bundle = found
    given = {}

    class Recorder(DummyClassifier):
        def fit(self, X, y):
            given[self.constant] = X.index
            return self

    def build(config, horizon):
        return Recorder(constant=horizon)

    monkeypatch.setattr("regime.bundle.build_classifier", build)
    fit_bundle(bundle.config, "funds", market)
    for row in card["training"]["horizons"]:
        days = given[row["horizon"]]
        assert row["n_rows"] == len(days)
        assert (row["from"], row["to"]) == (f"{days[0]:%Y-%m-%d}", f"{days[-1]:%Y-%m-%d}")


def test_the_worst_episodes_are_those_with_the_highest_mean_loss_now(card, found):
    result, _ = found
    path = result.labels.set_index("date")
    now = result.predictions[result.predictions["horizon"] == 0].set_index("date")
    settled = path[path["confirmed_on"].notna()].loc[now.index[0] :]
    losses = log_losses(now.loc[settled.index], settled["regime"])
    expected = episodes(settled)
    expected["loss"] = [
        losses[one.start : one.end].mean() for one in expected.itertuples(index=False)
    ]
    expected = expected.sort_values("loss", ascending=False)[:5]
    assert [row["from"] for row in card["worst"]] == list(expected["start"].dt.strftime("%Y-%m-%d"))
    assert [row["regime"] for row in card["worst"]] == list(expected["regime"])
    assert [row["log_loss"] for row in card["worst"]] == pytest.approx(list(expected["loss"]))
    first = card["worst"][0]
    said = now.loc[first["from"] : first["to"], list(REGIMES)].mean()
    assert first["said"] == pytest.approx(dict(said))


def test_features_and_series_are_as_declared_and_what_was_thrown_away_says_so(card, found):
    _, bundle = found
    left = {row["name"] for row in card["features"] if not row["used"]}
    kept = [classifier[0].known_ for classifier in bundle.classifiers.values()]
    assert len(left) == int((~np.any(kept, axis=0)).sum()) > 0
    for row in card["series"]:
        series = catalog.get(row["id"])
        assert (row["unit"], row["lag"], row["basis"]) == (series.unit, series.lag, series.basis)
    named = {row["id"] for row in card["series"]}
    assert {"OEF", "RSP", "IWM", "hi_10", "qnt_2", "DGS10", "SPY", "mkt_rf"} <= named
    assert "DFII10" not in named  # begins after most of training: its feature was left out
    assert any("real_yield_change_63d" in words for words in limits(card))


def test_intervals_by_decade_are_shown_where_they_were_computed(found):
    result, bundle = found
    scores = json.loads(json.dumps(result.scores))
    for entry in scores[0]["by_decade"]:  # as where a decade is too short for an interval
        entry.pop("edge_low", None)
    card = make(replace(result, scores=scores), bundle)
    table = next(s for s in sections(card) if "decade" in s.title).table
    assert not table["now"].str.contains("[", regex=False).any()
    for entry in scores[0]["by_decade"]:
        entry.update(edge_low=-0.25, edge_high=0.5, n_episodes=12)
    card = make(replace(result, scores=scores), bundle)
    table = next(s for s in sections(card) if "decade" in s.title).table
    assert table["now"].str.endswith("[-0.250, +0.500]").all()


def test_a_card_is_of_one_panel_and_of_its_own_baskets(found, market):
    result, bundle = found
    with pytest.raises(EvaluationError, match="one panel; the model was trained until 2007"):
        make(result, replace(bundle, trained_until=pd.Timestamp("2007-12-31")))
    with pytest.raises(EvaluationError, match="on french baskets"):
        make(result, replace(bundle, baskets="french"))


@pytest.mark.parametrize(
    ("edge", "n_episodes", "said"),
    [
        ((0.0, 0.0, 0.0), 100, SAME),
        ((0.1, 0.05, 0.2), 9, TOO_FEW),
        ((0.1, 0.05, 0.2), 10, BETTER),
        ((-0.1, -0.2, -0.05), 10, WORSE),
        ((0.1, 0.0, 0.2), 10, UNCLEAR),
        ((0.1, -0.05, 0.2), 10, UNCLEAR),
    ],
)
def test_an_edge_is_claimed_only_where_its_interval_lies_above_zero(edge, n_episodes, said):
    assert versus(*edge, n_episodes) == said


def test_limits_follow_from_the_numbers_and_go_when_they_change(card):
    worse = {"edge": -0.1, "edge_low": -0.2, "edge_high": -0.05, "n_episodes": 20}
    better = {"edge": 0.1, "edge_low": 0.05, "edge_high": 0.2, "n_episodes": 20}

    def told(**changes):
        rows = [{**row, "by_decade": [], **changes} for row in card["horizons"]]
        return " ".join(limits({**card, "horizons": rows}))

    assert "Now and 21 days ahead it is worse than the filter" in told(**worse)
    assert "than the filter" not in told(**better)
    assert "from the filter" not in told(**better)
    assert "too few episodes" in told(**better | {"n_episodes": 4})
    over = {"edge": 0.1, "low": -0.1, "high": 0.2}
    assert "climatology at its best" in told(over_entropy=over, n_episodes=20)
    assert "climatology" not in told(over_entropy={**over, "low": 0.05}, n_episodes=20)
    faults = card["horizons"][0]["calibration"]
    assert "come true" in told(calibration={**faults, "beyond_chance": True})
    assert "come true" not in told(calibration={**faults, "beyond_chance": False})
    assert "Nobody has counted" in told()
    assert "7 configurations" in " ".join(limits({**card, "n_configurations": 7}))
    assert "survivors" in told()
    no_members = [row for row in card["series"] if not row["survivors"]]
    assert "survivors" not in " ".join(limits({**card, "series": no_members}))


def test_what_it_earned_is_told_in_the_words_of_its_verdict(found):
    rows = [
        {"rival": "equal_mix", "cost_bp": 10.0, "spread": 0.01, "spread_low": low,
         "spread_high": 0.03, "turnover": 3.0, "break_even_bp": None, "n_days": 2000}
        for low in (-0.01, 0.002)
    ]  # fmt: skip
    rows = [row | {"verdict": verdict(row)} for row in rows]
    card = make(*found, value=rows)
    assert card["value"] == rows
    for row, none in zip(rows, (True, False), strict=True):
        text = card_markdown({**card, "value": [row]})
        assert row["verdict"] in text
        assert ("no trading edge over the equal mix" in text) == none


def test_an_edge_is_judged_at_one_cost_and_the_others_change_no_word_of_it(card):
    def told(**verdicts):
        rows = [
            {"rival": "equal_mix", "cost_bp": float(name[3:]), "verdict": words}
            for name, words in verdicts.items()
        ]
        return " ".join(limits({**card, "value": rows}))

    edge, none = "a trading edge of 1.00% a year", "no trading edge"
    assert "no trading edge" not in told(at_0=none, at_10=edge, at_20=none)
    assert "cost of 10 bp, its probabilities show no trading edge over the equal mix." in told(
        at_5=edge, at_10=none, at_20=edge
    )
    assert "at a cost of 10 bp was not measured" in told(at_5=edge)


def test_a_simulated_market_is_said_first_and_a_real_one_is_not(card):
    assert card["simulated"]
    assert first_paragraph(card).startswith(SIMULATED)
    assert card_markdown(card).index("SIMULATED") < 100
    assert "SIMULATED" not in card_markdown({**card, "simulated": False})


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"])))
def test_escaped_text_is_shown_as_it_is(text):
    assert html.unescape(rendered(escaped(text))).strip() == (f"<p>{text}</p>" if text else "")


@example("&amp; &#42;")
@example("1. one")
@given(st.text(alphabet="`*_{}[]()<>#+-.!|~$&;:\\ 1a/\n", max_size=30))
def test_escaped_marks_are_shown_as_they_are(text):
    line = " ".join(text.split())
    assert html.unescape(rendered(escaped(text))).strip() == (f"<p>{line}</p>" if line else "")


def test_streamlits_own_marks_are_escaped_too():
    assert escaped(":red[x] :material/home: $x$") == r"\:red[x] \:material/home: \$x\$"


def test_no_word_of_an_experiment_becomes_markup(card):
    page = rendered(card_markdown(card))
    assert html.escape(HOSTILE, quote=False) in page
    assert not re.search(r"<(a|b|em|code|img|script)\b", page)
    assert page.count("<table>") == sum(one.table is not None for one in sections(card))


def test_a_version_is_described_and_its_card_comes_back(home, card, found):
    tracker = client(home)
    version = tracker.get_model_version(MODEL, "1")
    told = load_card(home, "1")
    assert told["version"] == "1"
    assert told["n_configurations"] == 1
    later = {"registered_at", "code_version", "n_configurations"}
    assert {k: v for k, v in told.items() if k in card and k not in later} == {
        k: v for k, v in card.items() if k not in later
    }
    assert version.description == escaped(first_paragraph(card))
    files = {file.path for file in tracker.list_artifacts(version.run_id, "model")}
    assert {"model/card.json", "model/card.md"} <= files
    text = card_file(home, "md")
    assert text.read_text(encoding="utf-8") == card_markdown(told)
    assert version.tags["card_text_sha256"] == sha256(text)
    assert list_versions(home) == ["1"]


def card_file(home, kind):
    (path,) = home.home.glob(f"artifacts/*/artifacts/model/card.{kind}")
    return path


@pytest.fixture
def broken(home):
    """The card's file and its digest tag, both put back afterwards."""
    path, tracker = card_file(home, "json"), client(home)
    whole = path.read_bytes()
    yield path, tracker
    path.write_bytes(whole)
    tracker.set_model_version_tag(MODEL, "1", "card_sha256", sha256(path))


def test_a_changed_card_is_refused(broken, home):
    path, _ = broken
    path.write_bytes(path.read_bytes().replace(b'"simulated": true', b'"simulated": 1234'))
    with pytest.raises(StoreError, match="not what was registered"):
        load_card(home, "1")


def test_a_missing_card_says_what_to_do(broken, home):
    path, tracker = broken
    path.unlink()
    with pytest.raises(StoreError, match=r"cannot be read.*regime retrain"):
        load_card(home, "1")
    tracker.delete_model_version_tag(MODEL, "1", "card_sha256")
    with pytest.raises(StoreError, match=r"has no model card.*regime retrain"):
        load_card(home, "1")


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"schema": 99}', "has schema 99; this program reads 1"), ("[1]", "cannot be read"),
     ("{", "cannot be read")],
)  # fmt: skip
def test_a_card_this_program_does_not_know_is_refused(broken, home, text, said):
    path, tracker = broken
    path.write_text(text)
    tracker.set_model_version_tag(MODEL, "1", "card_sha256", sha256(path))
    with pytest.raises(StoreError, match=said):
        load_card(home, "1")


def test_to_ask_an_empty_home_for_versions_creates_nothing(tmp_path):
    assert list_versions(Settings(home=tmp_path / "none")) == []
    assert not (tmp_path / "none").exists()


def test_a_stack_tells_its_members_their_weights_and_what_each_learned_from(market):
    members = (
        experiment(name="plain", features={}, model={"kind": "filter"}),
        experiment(name="fed", training={"every": 5}),
    )
    config = experiment(
        name="both", features={}, training={}, members=members, model={"kind": "stack"}
    )
    comparison = Comparison(market)
    result = comparison.run(config)
    bundle = fit_bundle(config, "funds", market, comparison.pools(config, "funds"))
    card = make(result, bundle)
    told = card["model"]["members"]
    assert [(one["name"], one["kind"]) for one in told] == [
        ("plain", "filter"),
        ("fed", "logistic"),
    ]
    for horizon, classifier in bundle.classifiers.items():
        weights = [one["weights"][str(horizon)] for one in told]
        assert weights == pytest.approx(list(classifier.pool.weight_))
    rows = {(row["horizon"], row["member"]): row for row in card["training"]["horizons"]}
    ratio = rows[0, "plain"]["n_rows"] / rows[0, "fed"]["n_rows"]
    assert ratio == pytest.approx(5 / 3, rel=0.01)
    assert {row["family"] for row in card["features"]} == {"path", "rates", "breadth"}
    assert any(not row["used"] for row in card["features"])
    assert "plain (filter; weight now" in card_markdown(card)

"""What is said of versions and runs, and of how the model's word came true."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rostered import roster

from regime.brief import models, runs
from regime.data.calendar import trading_days
from regime.taxonomy import REGIMES


def at(day, *, then, **about):
    known = {"in_service": "2", "model_version": "2", "baskets": "funds"} | about
    return SimpleNamespace(day=pd.Timestamp(day), then=then, about=known)


def test_on_an_earlier_day_only_versions_registered_by_then_are_known():
    told = roster()
    assert [one["number"] for one in models.known_versions(told, at("2024-06-03", then=False))] == [
        "3", "2", "1",
    ]  # fmt: skip
    earlier = at("2023-03-01", then=True, model_version="1 (the filter)")
    assert [one["number"] for one in models.known_versions(told, earlier)] == ["1"]
    assert models.in_service(told, earlier)["number"] == "1"
    assert models.in_service(told, at("2021-03-01", then=True)) is None
    assert models.tried(told, earlier) is None
    assert models.tried(told, at("2024-06-03", then=False)).n_trials == 4
    assert models.in_service(None, earlier) is None


def test_on_an_earlier_day_nothing_is_known_of_what_became_of_a_version_later():
    told = roster()
    first = models.in_service(told, at("2023-01-04", then=True, model_version="1"))
    assert "Promoted 4 January 2023" in " ".join(models.story(first))
    assert "Taken back" not in " ".join(models.story(first))
    assert told == roster()
    second = told["versions"][1]
    second["promoted_at"] = second["gate"]["decided_at"] = "2024-01-05T01:00:00+00:00"
    found = models.in_service(told, at("2024-01-03", then=True))
    assert models.gate_table(found).empty
    assert "romoted" not in " ".join(models.story(found))


def test_champion_challenger_and_former_come_in_this_order():
    found = models.roles(roster(), at("2024-06-03", then=False))
    assert [(role, one["number"]) for role, one in found] == [
        ("champion", "2"), ("challenger", "3"), ("former", "1"),
    ]  # fmt: skip
    then = models.roles(roster(), at("2023-03-01", then=True, model_version="1"))
    assert [(role, one["number"]) for role, one in then] == [("champion", "1")]


def test_the_story_of_a_version_tells_who_forced_it_and_who_took_it_back():
    newest, second, first = roster()["versions"]
    words = " ".join(models.story(second))
    assert "The gate rejected it on 4 January 2024 against version 1: 1 of 2 checks" in words
    assert "Promoted 4 January 2024 over version 1" in words
    assert "The reason given: files end early" in words
    assert "Taken back 6 January 2023. The reason given: calls changed daily" in " ".join(
        models.story(first)
    )
    assert "The gate has not judged it" in " ".join(models.story(newest))
    demo = second | {"gate": second["gate"] | {"checks": [], "decision": "demo: not gated"}}
    assert "The gate was not asked (demo)." in models.story(demo)
    demo["gate"]["decision"] = "not gated"
    assert "The gate was not asked." in models.story(demo)
    table = models.gate_table(second)
    assert list(table["answer"]) == ["passed", "FAILED"]
    assert list(table["check"]) == [
        "Not worse than the champion",
        "Data and training are new enough",
    ]
    assert models.gate_table(newest).empty


# Said and so


@pytest.fixture(scope="module")
def told():
    """Probabilities that come true as often as they say, of episodes of sixty days."""
    rng = np.random.default_rng(2)
    days = trading_days(pd.Timestamp("2001-01-02"), pd.Timestamp("2010-12-31"))
    stretches = len(days) // 60 + 1
    each = rng.dirichlet([1, 1, 1], stretches)
    so = [rng.choice(REGIMES, p=odds) for odds in each]
    proba = pd.DataFrame(np.repeat(each, 60, axis=0)[: len(days)], days, list(REGIMES))
    return proba, pd.Series(np.repeat(so, 60)[: len(days)], days)


def test_said_and_so_are_those_of_counting(told):
    proba, actual = told
    found = models.said_and_so(proba, actual, "broadening")
    said = proba["broadening"]
    for place, one in found.iterrows():
        low = place / 10
        here = (said >= low) & (said < low + 0.1)
        assert one["said"] == pytest.approx(said[here].mean())
        assert one["so"] == pytest.approx((actual[here] == "broadening").mean())
        assert one["n_days"] == here.sum()
        assert one["low"] <= one["so"] <= one["high"]
    everybody = models.said_and_so(proba, actual)
    here = (proba >= 0.3) & (proba < 0.4)
    assert everybody["said"][3] == pytest.approx(proba.to_numpy()[here].mean())
    assert everybody["n_days"][3] == here.any(axis=1).sum()


def test_an_interval_counts_episodes_and_not_days():
    # Wilson (1927): ten cases, half of them so.
    assert models.wilson(0.5, 10) == pytest.approx((0.26933, 0.73067), abs=1e-4)
    for share in (0.0, 1.0):
        low, high = models.wilson(share, 3)
        assert low <= share <= high
        assert high - low > 0.4  # three cases that agree prove little


def test_decades_of_few_episodes_have_no_interval():
    decade = {"decade": "2010s", "edge": 0.1, "edge_low": 0.0, "edge_high": 0.2, "n_days": 2500}
    card = {
        "horizons": [
            {"horizon": 0, "by_decade": [decade | {"n_episodes": 10}]},
            {"horizon": 21, "by_decade": [decade | {"n_episodes": 9}]},
        ]
    }
    found = models.decades(card)
    assert list(found["low"].isna()) == [False, True]
    assert list(found["edge"]) == [0.1, 0.1]


# Runs


def test_only_parameters_that_differ_are_put_side_by_side():
    one, other, failed = roster()["runs"]
    found = runs.differing([one, other])
    assert list(found["parameter"]) == ["features.sets", "model.kind"]
    assert list(found.iloc[0][1:]) == ["['rates']", "default"]
    assert runs.differing([one, one]).empty
    known = runs.known_runs(roster(), at("2024-06-03", then=False))
    assert [run["name"] for run in known] == ["newer", "older"]
    assert failed["status"] == "FAILED"
    assert [run["name"] for run in runs.known_runs(roster(), at("2024-01-02", then=True))] == [
        "older"
    ]


def test_numbers_stand_in_the_rows_of_their_horizon_with_their_intervals():
    one, other, _ = roster()["runs"]
    assert runs.baskets_of([one, other]) == ["funds"]
    found = runs.side_by_side([one, other], "funds").set_index("number")
    newer, older = (runs.run_label(run) for run in (one, other))
    assert found.loc["log loss, nats, now", newer] == "0.700"
    assert (
        found.loc["edge over the filter, nats [90%], in 21 days", newer]
        == "+0.020 [-0.010, +0.050]"
    )
    assert found.loc["edge over the filter, nats [90%], now", older] == "the model to beat"
    assert runs.unlike([one, other]) == ""
    assert "different data" in runs.unlike([one, other | {"panel_digest": "another"}])
    assert "SIMULATED" in runs.unlike([one, other | {"simulated": True}])


def test_links_lead_to_the_pages_of_the_mlflow_ui():
    one, other, _ = roster()["runs"]
    ui = "http://127.0.0.1:5000/"
    assert (
        runs.run_address(ui, one) == f"http://127.0.0.1:5000/#/experiments/1/runs/{one['run_id']}"
    )
    asked = runs.compare_address(ui, [one, other])
    assert asked.startswith("http://127.0.0.1:5000/#/compare-runs?runs=%5B%22")
    assert asked.endswith("experiments=%5B%221%22%5D")
    version = roster()["versions"][0]
    assert runs.version_address(ui, "m", version) == "http://127.0.0.1:5000/#/models/m/versions/3"

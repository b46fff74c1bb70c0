"""What a version must pass: undamaged, alike in a fresh process, of the same states, in time."""

import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest
from registered import experiment
from tracking.promotion.decided import NOW, aliases, in_service, passed, tags

from regime.bundle import fit_bundle
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.models.matching import LEAST_OVERLAP
from regime.taxonomy import REGIMES
from regime.tracking import clean_process, promotion
from regime.tracking.clean_process import check_apart, score_apart
from regime.tracking.mlflow_client import client
from regime.tracking.names import CHALLENGER, CHAMPION, MODEL
from regime.tracking.promotion import BOUNDS, check_fresh, check_states, promote, rollback
from regime.tracking.registry import load_version


@pytest.fixture
def damaged(home):
    """Change a byte of a version's files for a while."""
    broken = []

    def damage(number):
        source = client(home).get_model_version(MODEL, number).source
        victim = next(Path(urlparse(source).path).rglob("*.npz"))
        whole = victim.read_bytes()
        broken.append((victim, whole))
        victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    yield damage
    for victim, whole in broken:
        victim.write_bytes(whole)


def test_a_damaged_champion_can_be_replaced_but_not_unseen(home, judged, damaged):
    in_service(home, "1")
    damaged("1")
    decision = judged("2")
    assert decision.failed == ("log_loss",)
    assert "not what was registered" in decision.checks[0].words
    promote(home, "2", decision, why="version 1 was damaged")
    assert aliases(home)[CHAMPION] == "2"
    with pytest.raises(StoreError, match="not what was registered"):
        rollback(home, why="so", now=NOW)
    assert aliases(home)[CHAMPION] == "2"
    assert "rolled_back_at" not in tags(home, "2")


def test_a_damaged_challenger_is_neither_judged_nor_promoted(home, judged, damaged):
    damaged("2")
    with pytest.raises(StoreError, match="not what was registered"):
        judged("2")
    with pytest.raises(StoreError, match="not what was registered"):
        promote(home, "2", passed("2", None))
    assert aliases(home) == {CHALLENGER: "3"}
    assert "promoted_at" not in tags(home, "2")


def test_a_fresh_process_says_the_same_and_refuses_what_was_changed(
    home, panel, damaged, monkeypatch
):
    version = load_version(home, "1")
    apart = score_apart(home, "1", panel, days=250, seconds=300)
    assert apart["date"].nunique() == 250
    with monkeypatch.context() as patch:
        patch.setattr(clean_process, "score_apart", lambda *_, **__: apart)
        found = check_apart(home, version, panel, BOUNDS)
        assert found.passed, found
        assert found.value == 0
        assert "250 days" in found.words
        patch.setattr(clean_process, "score_apart", lambda *_, **__: apart[1:])
        assert not check_apart(home, version, panel, BOUNDS).passed
        nearly = apart.assign(broadening=apart["broadening"] + 1e-11)
        patch.setattr(clean_process, "score_apart", lambda *_, **__: nearly)
        found = check_apart(home, version, panel, BOUNDS)
        assert not found.passed
        assert found.value == pytest.approx(1e-11, rel=1e-3)

    damaged("1")
    found = check_apart(home, version, panel, BOUNDS)
    assert not found.passed
    assert "not what was registered" in found.words
    assert "\n" not in found.words


def test_a_fresh_process_that_takes_too_long_is_ended_and_fails(home, panel):
    found = check_apart(home, load_version(home, "1"), panel, replace(BOUNDS, seconds=0.2))
    assert not found.passed
    assert "within 0 seconds" in found.words


def test_a_fresh_process_is_told_nothing_but_the_address(home, panel, monkeypatch):
    asked = []

    def look(words, *, env, **options):
        asked.append(env)
        return subprocess.CompletedProcess(words, 3, "", "\n")

    monkeypatch.setattr(clean_process.subprocess, "run", look)
    monkeypatch.setenv("REGIME_NOW", "2009-01-01T18:00:00Z")
    with pytest.raises(StoreError, match="ended with code 3"):
        score_apart(home, "1", panel, days=5, seconds=1)
    assert not [name for name in asked[0] if name.startswith("REGIME_")]
    assert asked[0]["MLFLOW_TRACKING_URI"] == home.tracking_uri


def test_a_model_without_hidden_states_passes_and_says_so(home, panel):
    found = check_states(load_version(home, "1"), panel, BOUNDS)
    assert found.passed
    assert "no hidden states" in found.words


def test_hidden_states_must_stand_for_what_they_stood_for_in_the_record(home, panel):
    version = load_version(home, "1")
    config = experiment(
        features={"sets": ("leads",)}, training={},
        labels={"horizons": (0,)},
        model={"kind": "gaussian_hmm", "params": {"n_states": 3, "n_init": 2}},
    )  # fmt: skip
    bundle = fit_bundle(config, "funds", panel)
    rows = bundle.predict_proba(panel, panel.index[-300]).assign(fitted_on=panel.index[-301])
    hidden = replace(version, bundle=bundle, walk_forward=rows)
    found = check_states(hidden, panel, BOUNDS)
    assert found.passed
    assert found.value == pytest.approx(1)
    assert found.bound == LEAST_OVERLAP

    swapped = rows.assign(**{REGIMES[0]: rows[REGIMES[1]], REGIMES[1]: rows[REGIMES[0]]})
    found = check_states(replace(hidden, walk_forward=swapped), panel, BOUNDS)
    assert not found.passed
    assert REGIMES[0] in found.words or found.value < LEAST_OVERLAP

    other = rows.assign(
        **dict(zip(REGIMES, np.eye(3)[1][:, None] * np.ones(len(rows)), strict=True))
    )
    assert not check_states(replace(hidden, walk_forward=other), panel, BOUNDS).passed
    gone = check_states(hidden, panel[: rows["date"].iloc[0] - pd.Timedelta(days=9)], BOUNDS)
    assert not gone.passed
    stack = config.model_copy(update={"members": (config,)})
    assert promotion._has_states(stack)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (NOW, "0 sessions before the newest close"),
        (NOW + pd.Timedelta(days=30), "OEF ends on 2008-12-31"),
    ],
)
def test_the_store_must_be_as_new_as_its_publishers_promise(home, now, said):
    found = check_fresh(load_version(home, "1"), ObservationStore(home.store), now, BOUNDS)
    assert found.passed is (now == NOW)
    assert said in found.words


def test_a_model_of_a_simulated_market_is_not_for_a_real_one(home, monkeypatch):
    store = ObservationStore(home.store)
    monkeypatch.setattr(store, "is_simulated", lambda: False)
    found = check_fresh(load_version(home, "1"), store, NOW, BOUNDS)
    assert not found.passed
    assert "trained on a SIMULATED market, but the store holds market data" in found.words

"""What probabilities were worth, from a stored comparison to the sentence at the end."""

import json

import pandas as pd
import pytest

from regime.config import ExperimentConfig, load_experiment
from regime.data.as_of import panel_as_of
from regime.data.baskets import spliced_returns
from regime.data.panel import digest
from regime.data.store import ObservationStore
from regime.evaluation import rotation
from regime.evaluation.deflated import Tried
from regime.exceptions import ConfigError, StoreError
from regime.experiment import ExperimentResult
from regime.taxonomy import REGIMES
from regime.tracking.results import load_result, save_result
from training.value import compared, filter_of, worth


@pytest.fixture(scope="module")
def told(regime, small):
    """The command on the small experiment: what it printed and what it wrote."""
    folder, _ = small
    out = folder / "value.json"
    done = regime("value", folder / "small.toml", "--json", out, home=folder / "home")
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(out.read_text())


@pytest.fixture(scope="module")
def stored(small):
    """Panel and predictions of that experiment."""
    folder, _ = small
    panel = panel_as_of(ObservationStore(folder / "home" / "observations.db"))
    return panel, load_result(folder / "home" / "results", "small")["predictions"]


def test_the_numbers_are_those_of_the_horizon_that_is_held(told, stored):
    _, (found,) = told
    panel, predictions = stored
    assert (found["experiment"], found["baskets"], found["simulated"]) == ("small", "french", True)
    held = predictions[predictions["horizon"] == 21].set_index("date")
    expected = rotation.value(held, spliced_returns(panel, "french")[held.index[0] :])
    assert found["value"] == json.loads(json.dumps(expected))


def test_every_rival_has_a_line_per_cost_and_the_end_says_what_follows(told):
    text, (found,) = told
    assert "SIMULATED" in text
    lines = text.splitlines()
    assert max(map(len, lines[:24])) <= 80
    for rival in (
        "the equal mix", "always-mega", "always-broad", "always-small",
    ):  # fmt: skip
        (at,) = (i for i, line in enumerate(lines) if line.startswith(f"against {rival} ("))
        assert [line.split()[0] for line in lines[at + 1 : at + 5]] == ["0", "5", "10", "20"]
    assert "against the filter" not in text  # which was not compared
    mix, giants = (
        next(r for r in found["value"] if r["rival"] == rival and r["cost_bp"] == 10)
        for rival in ("equal_mix", "mega_cap_led")
    )
    assert f"At 10 bp, against the equal mix: {mix['verdict']}." in lines
    assert f"At 10 bp, against always-mega: {giants['verdict']}." in lines
    assert "no trading edge" in mix["verdict"]
    line = next(line for line in lines if line.startswith(" 10 bp"))
    assert f"{100 * mix['spread']:+.2f}% [{100 * mix['spread_low']:+.2f}, " in line
    assert f"{mix['information_ratio']:+.2f} [" in line
    assert f"{mix['break_even_bp']:.1f}" in line


def test_one_trial_alone_is_not_deflated(told):
    text, (found,) = told
    said = " ".join(text.split())
    assert "be deflated: of 1 configuration scored on French baskets, 1 kept one, and two" in said
    assert found["deflated"]["n_trials"] == 1
    assert found["deflated"]["deflated_sharpe"] is None


def test_what_was_not_compared_is_one_clear_line(regime, fails, small):
    folder, _ = small
    other = folder / "other.toml"
    other.write_text((folder / "small.toml").read_text())
    done = regime("value", other, home=folder / "home")
    fails(done, "no readable result of other", "regime compare")


def test_a_changed_file_panel_or_horizon_asks_for_another_comparison(small, stored):
    folder, _ = small
    file, results = folder / "small.toml", folder / "home" / "results"
    panel, _ = stored
    config = load_experiment(file)
    assert set(compared(results, config, file, digest(panel))["horizon"]) == {21}
    with pytest.raises(StoreError, match=r"compared on the panel .*Run `regime compare .*small"):
        compared(results, config, file, digest(panel[:-1]))
    dearer = config.model_copy(
        update={"labels": config.labels.model_copy(update={"switching_cost": 12.0})}
    )
    with pytest.raises(StoreError, match=r"is not what .*small.toml says now"):
        compared(results, dearer, file, digest(panel))
    today = config.model_copy(
        update={"labels": config.labels.model_copy(update={"horizons": (0,)})}
    )
    with pytest.raises(ConfigError, match=r"Add 21 to labels.horizons"):
        compared(results, today, file, digest(panel))


# The filter as a rival


def test_the_filter_is_a_rival_if_it_was_compared_on_this_panel(stored, tmp_path, capsys):
    panel, predictions = stored
    assert filter_of(tmp_path, digest(panel)) is None
    nothing = pd.DataFrame({"date": predictions["date"]})
    config = ExperimentConfig(name="filter", model={"kind": "filter"})
    result = ExperimentResult(config, predictions, nothing, nothing, nothing, [], digest(panel))
    save_result(result, tmp_path, simulated=True)
    found = filter_of(tmp_path, digest(panel))
    assert set(found["horizon"]) == {21}
    assert capsys.readouterr().err == ""
    assert filter_of(tmp_path, "another") is None
    assert "another panel" in capsys.readouterr().err


def test_a_filter_that_missed_a_day_is_left_out_and_said(stored, monkeypatch, capsys):
    monkeypatch.setattr(rotation, "RESAMPLES", 20)
    panel, predictions = stored
    held = predictions[predictions["horizon"] == 21]
    tried = Tried(0, pd.Series(dtype=float))

    def rivals(by_filter):
        return {row["rival"] for row in worth(held, by_filter, panel, "french", tried)["value"]}

    assert rivals(held) == {"equal_mix", *REGIMES, "filter"}
    assert rivals(held.assign(baskets="funds")) == rivals(None) == {"equal_mix", *REGIMES}
    assert capsys.readouterr().err == ""
    assert rivals(held.drop(held.index[700])) == {"equal_mix", *REGIMES}
    assert "each of these days" in capsys.readouterr().err
    # Days the experiment does not know are no matter.
    part = held[held["date"] > "1984"]
    rows = worth(part, held, panel, "french", tried)["value"]
    assert rows[-1]["rival"] == "filter"
    assert rows[-1]["spread"] == 0

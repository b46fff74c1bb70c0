"""A version's life, by commands only: trained, promoted, scored, tampered with."""

import json
import warnings
from pathlib import Path
from urllib.parse import urlparse

import pandas as pd
import pytest

from regime.data.as_of import panel_as_of
from regime.data.store import ObservationStore
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.mlflow_client import client
from regime.tracking.names import CHAMPION, MODEL
from regime.tracking.registry import load_version
from regime.tracking.results import load_result
from training.serve import _champion_words


def read_scores(path):
    return pd.read_csv(path, parse_dates=["date", "trained_until"])


def test_a_version_says_on_what_footing_each_of_its_days_stands(regime, fails, small, tmp_path):
    folder, _ = small
    home = folder / "home"
    fails(regime("score", home=home), "No model is in service yet", "regime retrain")
    done = regime("retrain", folder / "small.toml", "--until", "1984-12-31", "--jobs", 1, home=home)
    assert done.returncode == 0, done.stderr
    assert "Version 1 is the challenger" in done.stdout
    fails(regime("score", home=home), "No model is in service yet")
    fails(regime("promote", "7", home=home), "There is no version '7'. Registered: 1.")
    done = regime("promote", "--force", "--why", "a test of old data", home=home)
    assert "Version 1 is the champion, against" in done.stdout

    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    done = regime("score", "--since", "1980-01-01", "--csv", whole, home=home)
    fails(done, "SIMULATED", "HELD: there is no probability of", "1987-06-30", code=4)
    rows = read_scores(whole)
    assert list(rows) == [
        "date", "horizon", "mega_cap_led", "broadening", "small_cap_led", "model_version",
        "trained_until", "basis",
    ]  # fmt: skip
    trained = rows["date"] <= "1984-12-31"
    assert set(rows["basis"][trained]) == {"walk_forward"}
    assert set(rows["basis"][~trained]) == {"out_of_sample"}

    # The walk-forward of the whole history says the same of the days before.
    stored = load_result(home / "results", "small")["predictions"].set_index(["date", "horizon"])
    mine = rows[trained].set_index(["date", "horizon"])
    names = ["mega_cap_led", "broadening", "small_cap_led"]
    pd.testing.assert_frame_equal(
        mine[names], stored.loc[mine.index, names], check_exact=True, check_index_type=False
    )

    # And the command's output is blind to the future.
    done = regime(
        "score", "--since", "1980-01-01", "--as-of", "1986-03-31", "--csv", part, home=home
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    earlier = read_scores(part)
    assert earlier["date"].max() == pd.Timestamp("1986-03-31")
    pd.testing.assert_frame_equal(rows[: len(earlier)], earlier, check_exact=True)
    fails(regime("score", "--as-of", "1983-03-31", home=home), "has seen the future of 1983-03-31")

    done = regime("score", "--in-sample", "--since", "1984-12-31", "--json", part, home=home)
    assert done.returncode == 4, done.stderr  # the store ends in 1987
    assert {row["basis"] for row in json.loads(part.read_text())} == {
        "walk_forward", "in_sample", "out_of_sample",
    }  # fmt: skip


def test_a_model_that_cannot_call_today_is_not_trained_for_service(regime, fails, small, tmp_path):
    folder, _ = small
    ahead = tmp_path / "ahead.toml"
    ahead.write_text((folder / "small.toml").read_text().replace("[0, 21]", "[21]"))
    fails(regime("retrain", ahead, home=folder / "home"), "Add 0 to labels.horizons")


def test_a_tampered_model_is_refused_in_one_line(regime, fails, small, tmp_path):
    folder, _ = small
    home = tmp_path / "home"
    home.symlink_to(folder / "home")
    files = list((folder / "home" / "artifacts").rglob("bundle/*"))
    victim = next(path for path in files if path.suffix == ".npz")
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        fails(regime("score", home=folder / "home"), "not what was registered", "not loaded")
    finally:
        victim.write_bytes(whole)
    assert regime("score", home=folder / "home").returncode == 4  # whole again, and old


def test_the_check_of_the_ui_misses_the_files_of_the_model_in_service(small):
    home = small[0] / "home"
    settings = Settings(home=home)
    assert _champion_words(settings).startswith("Version 1 is in service; its files are there")
    files = next(path for path in Path(home, "artifacts").rglob("bundle") if path.is_dir())
    files.rename(files.with_name("elsewhere"))
    try:
        with pytest.raises(StoreError, match="version 1") as fault:
            _champion_words(settings)
        assert "\n" not in str(fault.value)
    finally:
        files.with_name("elsewhere").rename(files)


def test_mlflow_itself_loads_the_registered_model_from_code(small):
    folder, _ = small
    settings = Settings(home=folder / "home")
    found = client(settings).get_model_version_by_alias(MODEL, CHAMPION)
    path = Path(urlparse(found.source).path)
    assert not [file for file in path.rglob("*") if "pkl" in file.name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        from mlflow.pyfunc import load_model

        served = load_model(str(path))
    panel = panel_as_of(ObservationStore(settings.store))
    expected = load_version(settings).bundle.predict_proba(panel)
    pd.testing.assert_frame_equal(served.predict(panel), expected, check_exact=True)

"""`regime promote` and `regime rollback`, as one who serves users runs them."""

import shutil
import warnings

import pandas as pd
import pytest
from registered import experiment, register_one, trained
from typer.testing import CliRunner

from regime.data.as_of import panel_as_of
from regime.data.calendar import trading_days
from regime.data.sources import demo
from regime.data.store import ObservationStore
from regime.evaluation.gate import CHECKS, Check
from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking import promotion
from regime.tracking.mlflow_client import client
from regime.tracking.names import MODEL
from training.cli import cli

NOW = "2009-01-01T18:00:00Z"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A simulated market to the last close of 2008, and two versions of the filter."""
    settings = Settings(home=tmp_path_factory.mktemp("gate") / "home")
    settings.make_home()
    days = trading_days(pd.Timestamp("1988-01-04"), pd.Timestamp("2008-12-31"))
    store = ObservationStore(settings.store)
    store.append(demo.simulate(days).observations, fetched_at=pd.Timestamp(NOW))
    panel = panel_as_of(store, pd.Timestamp(NOW))
    config = experiment(
        features={"sets": ()}, labels={"horizons": (0,)}, model={"kind": "filter"},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on newer libraries
        found = trained(panel, config)
        for _ in range(2):
            register_one(*found, panel, settings.home)
    return settings.home


@pytest.fixture
def home(whole, tmp_path, monkeypatch):
    shutil.copytree(whole, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGIME_NOW", NOW)
    return Settings()


@pytest.fixture
def here(home, monkeypatch):
    """The command in this process; the clean process, seconds, is taken as clean."""
    fine = Check("clean_process", True, 0.0, 1e-12, "not asked")
    monkeypatch.setattr(promotion, "check_apart", lambda *_: fine)

    def run(*words, code=0):
        done = CliRunner().invoke(cli, [str(word) for word in words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.stdout

    return run


def aliases(settings):
    found = client(settings).get_registered_model(MODEL).aliases
    return {alias: str(number) for alias, number in found.items()}


def test_the_whole_chain_in_processes_of_its_own(regime, home):
    done = regime("promote", "1", home=home.home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Version 1 is the champion. Next: regime score" in done.stdout
    assert "largest difference 0.0e+00" in done.stdout
    assert "SIMULATED market" in done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line[:1] not in (" ", "")][: len(CHECKS) + 1] == [
        "check", *CHECKS,
    ]  # fmt: skip
    assert max(map(len, lines)) <= 100


def test_a_life_of_two_versions(here, home):
    said = here("promote", "1", "--dry-run")
    assert "Version 1 would become the champion." in said
    assert aliases(home) == {"challenger": "2"}
    assert "gate_decision" not in client(home).get_model_version(MODEL, "1").tags

    assert "Version 1 is the champion. Next" in here("promote", "1")
    before = client(home).get_model_version(MODEL, "1").tags
    assert here("promote", "1") == "Version 1 is the champion already; nothing was changed.\n"
    assert client(home).get_model_version(MODEL, "1").tags == before

    assert "Version 2 is the champion. Next" in here("promote")
    assert aliases(home) == {"champion": "2", "former": "1"}
    assert here("promote") == (
        "Version 2 is the champion already and no other waits to be judged; nothing was changed.\n"
    )
    said = here("rollback", "--why", "calls changed daily")
    assert said == "Version 1 is the champion again, version 2 is not. Next: regime score\n"
    assert aliases(home) == {"champion": "1"}
    with pytest.raises(StoreError, match="nothing to go back to"):
        here("rollback", "--why", "once more")


def test_a_rejected_version_stays_out_unless_somebody_says_why(here, home, monkeypatch):
    here("promote", "1")
    monkeypatch.setenv("REGIME_NOW", "2009-06-01T18:00:00Z")  # nobody has fetched since
    said = here("promote", "2", code=1)
    rejected, remedy = said.splitlines()[-2:]
    assert rejected == "Version 2 was rejected: fresh. Version 1 stays."
    assert remedy.endswith(": regime promote 2 --force --why 'data end there'")
    assert "fresh         FAILED" in said
    assert aliases(home) == {"challenger": "2", "champion": "1"}
    assert client(home).get_model_version(MODEL, "2").tags["gate_decision"] == "reject"

    said = here("promote", "2", "--force", "--why", "an outage of the source")
    assert said.splitlines()[-1].startswith("Version 2 is the champion, against fresh.")
    left = client(home).get_model_version(MODEL, "2").tags
    assert (left["forced"], left["forced_why"]) == ("true", "an outage of the source")


def test_a_rejected_first_version_leaves_nobody_in_service(here, monkeypatch):
    monkeypatch.setenv("REGIME_NOW", "2009-06-01T18:00:00Z")
    said = here("promote", code=1)
    assert said.splitlines()[-2] == "Version 2 was rejected: fresh. No model is in service."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["promote", "1", "--force"], "--force needs --why"),
        (["promote", "1", "--force", "--why", " "], "--force needs --why"),
        (["promote", "1", "--why", "so"], "--why is the reason of --force"),
        (["rollback"], "Missing option"),
        (["rollback", "--why", " "], "--why is empty"),
    ],
)
def test_half_a_reason_is_a_usage_error(words, said, tmp_path, monkeypatch):
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "home").exists()


def test_where_nobody_is_in_service_there_is_nobody_to_take_back(here):
    with pytest.raises(StoreError, match="No model is in service yet"):
        here("rollback", "--why", "so")

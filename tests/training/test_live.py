"""From publishers to today's probabilities by commands, against a replay of every publisher."""

import shutil

import pandas as pd
import pytest
from replay import market
from replay.faults import Fault
from replay.server import ReplayServer
from replay.yahoo import FEW

from regime.data.calendar import last_closed_session
from regime.data.sources.directory import LIVE
from regime.settings import Settings
from regime.tracking.published import load_published
from regime.tracking.registry import promote

FIRST = "2019-01-02"
EXPERIMENT = """
# Does the chain hold together on live data?
baskets = ["funds"]
features = { sets = ["leadership", "rates"], window = 504 }
labels = { horizons = [0, 21] }
training = { since = 2019-06-03, every = 3 }
evaluation = { first_test = { funds = 2024-01-02 }, refit_every = 504 }
model = { kind = "logistic" }
"""
ONE_FUND = "query1.finance.yahoo.com/v8/finance/chart/RSP?"
ONE_YIELD = "fred.stlouisfed.org/graph/fredgraph.csv?id=DGS10"


@pytest.fixture(scope="module")
def served():
    with ReplayServer(market.documents(pd.Timestamp.now("UTC"), first=FIRST)) as server:
        yield server


@pytest.fixture(autouse=True)
def mirrored(served, monkeypatch):
    """Commands ask the replay in place of every publisher."""
    served.behave()
    monkeypatch.setenv("REGIME_MIRROR", served.url)
    monkeypatch.setenv("TEST_FUNDS", ",".join(FEW))
    monkeypatch.setenv("REGIME_USER_AGENT", "a test, test@example.org")


@pytest.fixture(scope="module")
def serving(served, regime, tmp_path_factory):
    """A home filled from the network, with a model of last month in service."""
    folder = tmp_path_factory.mktemp("live")
    home = folder / "home"
    (folder / "live.toml").write_text(EXPERIMENT)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REGIME_MIRROR", served.url)
        environment.setenv("TEST_FUNDS", ",".join(FEW))
        environment.setenv("REGIME_USER_AGENT", "a test, test@example.org")
        done = regime("fetch", "--source", "live", home=home)
        assert done.returncode == 0, done.stderr
        for source in LIVE:
            assert f"{source}: " in done.stdout
        until = f"{last_close() - pd.Timedelta(days=40):%Y-%m-%d}"
        done = regime(
            "retrain", folder / "live.toml", "--until", until, "--jobs", 1, home=home
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        promote(Settings(home=home))  # not by the gate: it is small, and of last month
    return home


def last_close():
    return last_closed_session(pd.Timestamp.now("UTC"))


def test_todays_probabilities_follow_from_a_live_fetch(serving, regime, tmp_path):
    again = regime("fetch", "--source", "live", home=serving)
    assert again.returncode == 0, again.stderr
    lines = [line for line in again.stdout.splitlines() if "documents" in line]
    # Of short interest no day is due that is not stored: nobody is asked. Nor for a year of all
    # companies, but for the months in which late reports come in.
    asked = {line.partition(":")[0] for line in lines}
    assert asked | {"filers"} == {*LIVE} - {"finra"}
    assert all(", 0 new, 0 doubtful." in line for line in lines)
    done = regime("score", "--csv", tmp_path / "out.csv", home=serving)
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "out.csv", parse_dates=["date"])
    assert set(rows["date"]) == {last_close()}
    about = load_published(Settings(home=serving))["about"]
    assert about["state"] == "PUBLISHED"
    assert about["missing"] == []
    assert not about["simulated"]
    # What the numbers came from can be rebuilt, also after the store has gone on.
    rebuilt = regime("panel", "--as-of", about["known_at"][:19], home=serving)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert about["panel_digest"] in rebuilt.stdout


def other_home(serving, tmp_path):
    """The same model, and nothing stored yet."""
    home = tmp_path / "home"
    empty = shutil.ignore_patterns("observations.db*", "raw")
    shutil.copytree(serving, home, ignore=empty, symlinks=True)
    return home


def as_it_was(key, *, days):
    """A document as its publisher served it some days ago."""
    old = market.documents(pd.Timestamp.now("UTC") - pd.Timedelta(days=days), first=FIRST)
    path, _, query = key.partition("?")
    return old[path]("", dict([query.split("=")]))[1] if query else old[path]


def test_a_fund_without_todays_close_holds_the_day_and_is_named(
    serving, served, regime, fails, tmp_path
):
    home = other_home(serving, tmp_path)
    old = as_it_was(ONE_FUND, days=6)
    served.misbehave(ONE_FUND, Fault.content(lambda _: old))
    assert regime("fetch", "--source", "yahoo", home=home).returncode == 0
    fails(regime("score", home=home), "HELD", "RSP", code=4)
    said = load_published(Settings(home=home))
    assert said["about"]["state"] == "HELD"
    assert said["scores"]["date"].max() < last_close()
    fails(regime("score", "--json", tmp_path / "rows.json", home=home), "HELD", code=4)


def test_a_yield_that_is_overdue_degrades_the_day_to_the_filter(
    serving, served, regime, fails, tmp_path
):
    home = other_home(serving, tmp_path)
    old = as_it_was(ONE_YIELD, days=25)
    served.misbehave(ONE_YIELD, Fault.content(lambda _: old))
    for source in ("yahoo", "fred"):
        assert regime("fetch", "--source", source, home=home).returncode == 0
    fails(regime("score", "--csv", tmp_path / "out.csv", home=home), "DEGRADED", "DGS10", code=3)
    rows = pd.read_csv(tmp_path / "out.csv", parse_dates=["date"])
    assert set(rows["date"]) == {last_close()}
    assert set(rows["model_version"]) == {"1 (filter)"}
    about = load_published(Settings(home=home))["about"]
    assert about["missing"] == ["DGS10"]


def test_one_failing_document_is_exit_code_one_and_the_rest_is_stored(
    served, regime, fails, tmp_path
):
    served.misbehave(ONE_FUND, Fault.html())
    done = regime("fetch", "--source", "yahoo", home=tmp_path / "home")
    fails_without_stdout(done, "error: yahoo RSP: ", "web page")
    assert f"yahoo: {len(FEW) - 1} documents" in done.stdout
    served.behave()
    assert (
        f"yahoo: {len(FEW)} documents"
        in regime("fetch", "--source", "yahoo", home=tmp_path / "home").stdout
    )


def test_a_dry_run_leaves_no_store(regime, tmp_path):
    done = regime("fetch", "--source", "shiller", "--dry-run", home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert "would be new" in done.stdout
    assert not (tmp_path / "home" / "observations.db").exists()


def test_a_source_that_asks_for_a_name_says_so(regime, fails, monkeypatch, tmp_path):
    monkeypatch.delenv("REGIME_USER_AGENT")
    fails(regime("fetch", "--source", "sec", home=tmp_path / "home"), "asks for REGIME_USER_AGENT")


def test_options_that_do_not_go_together_are_told(regime, fails, tmp_path):
    for words, said in (
        (["demo", "--dry-run"], "go with sources"),
        (["fred", "--path", "."], "--path goes"),
        (["live", "--until", "2020-01-02"], "--until"),
        (["fred", "--since", "1066-10-14"], "--since"),
    ):
        fails(regime("fetch", "--source", *words, home=tmp_path / "home"), said, code=2)


def fails_without_stdout(done, *said):
    assert done.returncode == 1, done.stderr
    for words in said:
        assert words in done.stderr
    assert "Traceback" not in done.stderr

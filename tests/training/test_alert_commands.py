"""`regime alert`: what it says, its exit codes, and that no secret leaves it."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from typer.testing import CliRunner
from webhook import Webhook

from regime import notify
from regime.alerts import Alert, Kind
from regime.exceptions import ConfigError
from regime.settings import Settings
from training.cli import cli

NOW = datetime(2024, 7, 17, 21, 5, tzinfo=UTC)
SECRETS = ("hunter2", "s3cret-token")


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("ALERT_URLS", "DATABASE_URL", "NOW"):
        monkeypatch.delenv(f"REGIME_{name}", raising=False)
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def webhook():
    webhook = Webhook()
    yield webhook
    webhook.close()


def ask(*words, code=0):
    done = CliRunner().invoke(cli, ["alert", *words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    assert not any(secret in done.output for secret in SECRETS)
    return done


def put(*names):
    made = [
        Alert(Kind.DRIFT, f"drift:{name}", f"Title {name}", "a", pd.Timestamp(NOW.date()))
        for name in names
    ]
    notify.queue(made, Settings(), now=pd.Timestamp.now("UTC"))


def fake(monkeypatch, **says):
    """A notifier whose scheme decides what it says."""

    def answers(addresses, messages, jobs, *, timeout):
        for address in addresses:
            for job in jobs[address]:
                yield address, job, says.get(address.scheme, "")

    monkeypatch.setattr(notify, "answers", answers)


def test_a_test_alert_reaches_a_webhook_and_every_fault_is_named(home, webhook, monkeypatch):
    addresses = f"{webhook.address('ok')} {webhook.address('500')} slak://hunter2"
    monkeypatch.setenv("REGIME_ALERT_URLS", addresses)
    done = ask("test", code=1)
    assert done.stdout.splitlines() == [
        "address 1 (json): told",
        "address 2 (json): it answered with error 500",
        "address 3 (slak): apprise does not understand it",
    ]
    assert "2 of 3 addresses did not take" in done.stderr
    assert "address 2 (json), address 3 (slak)" in done.stderr
    assert webhook.came("ok") == ["Test alert"]
    assert not (home / "alerts").exists()


def test_a_test_alert_that_everybody_takes_ends_well(home, monkeypatch):
    fake(monkeypatch)
    monkeypatch.setenv("REGIME_ALERT_URLS", "mailtos://me:hunter2@example.org")
    assert ask("test").output == "address 1 (mailtos): told\n"


def test_a_test_without_an_address_says_what_to_set(home):
    with pytest.raises(ConfigError, match="REGIME_ALERT_URLS is empty"):
        CliRunner().invoke(cli, ["alert", "test"], catch_exceptions=False)


def test_sending_ends_with_one_as_long_as_anything_waits(home, monkeypatch):
    put("one", "two")
    done = ask("send", code=1)
    assert done.stdout == "2 alerts waiting (REGIME_ALERT_URLS is empty).\n"
    monkeypatch.setenv("REGIME_ALERT_URLS", "slack://hunter2/s3cret-token")
    fake(monkeypatch, slack="it answered with error 404")
    done = ask("send", code=1)
    assert done.stdout == (
        "2 alerts waiting (address 1 (slack): it answered with error 404).\n"
    )  # fmt: skip
    fake(monkeypatch)
    assert ask("send").stdout == "2 alerts told.\n"
    assert ask("send").stdout == "No alert waits.\n"


def test_the_list_shows_what_waits_and_why_and_on_request_what_was_sent(home, monkeypatch):
    assert ask("list").stdout == "No alert waits, and none was given up.\n"
    assert ask("list", "--all").stdout == "No alert was made yet.\n"
    monkeypatch.setenv("REGIME_ALERT_URLS", "slack://hunter2/s3cret-token")
    put("early")
    fake(monkeypatch)
    ask("send")
    put("late")
    fake(monkeypatch, slack="it answered with error 404")
    ask("send", code=1)
    shown = ask("list")
    assert "pending  Title late" in shown.stdout
    assert "1 attempt; address 1 (slack): it answered with error 404" in shown.stdout
    assert "early" not in shown.stdout
    assert shown.stderr == ""
    assert "sent     Title early" in ask("list", "--all").stdout


def test_the_list_says_that_alerts_wait_for_an_address(home):
    put("one")
    assert "REGIME_ALERT_URLS is empty, so alerts wait" in ask("list").stderr


def test_as_a_program_a_fault_is_one_line(home, tmp_path, regime, fails):
    fails(regime("alert", "test", home=home), "error: An alert needs an address to go to")
    (tmp_path / "file").write_text("no folder")
    fails(regime("alert", "send", home=tmp_path / "file"), "is not a folder", code=1)

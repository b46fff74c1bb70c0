"""Alerts reach people, whatever a notifier or the disk does; a real webhook, a real apprise."""

import json
import os
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from filelock import FileLock
from pydantic import SecretStr
from webhook import Webhook

from regime import notifier, notify
from regime.alerts import Alert, Kind
from regime.exceptions import ConfigError, StoreError
from regime.notifier import addresses_of, check_addresses
from regime.notify import MEMORY, PATIENCE, Place, deliver, outbox, queue, tell
from regime.settings import Settings

NOW = datetime(2024, 7, 17, 21, 5, tzinfo=UTC)
SECRETS = ("hunter2", "s3cret-token")


def alert(name: str = "one") -> Alert:
    return Alert(
        Kind.CALL_CHANGED, f"call:{name}", f"Title {name}", "a\nb", pd.Timestamp(NOW.date())
    )


@pytest.fixture(scope="module")
def _webhook():
    webhook = Webhook()
    yield webhook
    webhook.close()


@pytest.fixture
def webhook(_webhook, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _webhook.heard.clear()
    return _webhook


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def at(home, *addresses: str) -> Settings:
    return Settings(home=home, alert_urls=SecretStr(" ".join(addresses)))


@pytest.fixture
def answering(monkeypatch):
    """A notifier in place of the other process: what it is sent, and what it says."""
    sent: list[tuple[str, str]] = []
    says: dict[str, str] = {}

    def answers(addresses, messages, jobs, *, timeout):
        for address in addresses:
            for job in jobs[address]:
                sent.append((address.secret, messages[job].title))
                yield address, job, says.get(address.secret, "")

    monkeypatch.setattr(notify, "answers", answers)
    return sent, says


def everything(folder) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def places(settings) -> dict[str, str]:
    return {entry.alert.key.removeprefix("call:"): entry.place.value for entry in outbox(settings)}


# ---------------------------------------------------------------- through a real notifier


def test_one_address_takes_it_while_others_refuse_and_drop_it(home, webhook):
    ok, bad, drop = (webhook.address(how) for how in ("ok", "500", "drop"))
    settings = at(home, ok, bad, drop, "slak://hunter2/s3cret-token")
    assert queue([alert("one"), alert("two")], settings, now=NOW) == 2
    done = deliver(settings, now=NOW)
    assert (done.sent, done.failed, done.waiting) == (0, 0, 2)
    assert "address 2 (json): it answered with error 500" in done.words
    assert "address 3 (json): it could not be reached, or broke off" in done.words
    assert "address 4 (slak): apprise does not understand it" in done.words
    assert "address 1" not in done.words
    came = [body for how, body in webhook.heard if how == "ok"]
    assert [body["title"] for body in came] == ["Title one", "Title two"]  # the oldest first
    assert (came[0]["message"], came[0]["type"]) == ("a\nb", "info")
    assert "http" not in json.dumps(came)
    entry = outbox(settings)[0]
    assert (entry.attempts, len(entry.told), entry.place) == (1, 1, Place.PENDING)
    assert not any(secret in everything(home) + done.words for secret in SECRETS)
    webhook.heard.clear()
    later = deliver(at(home, ok, bad), now=NOW + timedelta(hours=1))
    assert later.waiting == 2
    assert webhook.came("ok") == []  # it is not told twice for another's fault
    assert webhook.came("500") == ["Title one", "Title two"]
    assert [entry.attempts for entry in outbox(settings)] == [2, 2]


def test_notifiers_that_hang_are_left_when_the_time_is_over(home, webhook):
    settings = at(home, *(webhook.address(how) for how in ("hang", "drip", "ok")))
    queue([alert()], settings, now=NOW)
    began = time.monotonic()
    done = deliver(settings, now=NOW, timeout=9)
    assert time.monotonic() - began < 10.5
    assert (done.sent, done.waiting) == (0, 1)
    assert "address 1 (json): it could not be reached, or broke off, or did not" in done.words
    assert "address 2 (json): it did not answer within 9 seconds" in done.words
    assert "address 3" not in done.words
    assert webhook.came("ok") == ["Title one"]
    assert len(outbox(settings)[0].told) == 1


def test_two_deliverers_at_once_tell_it_once(home, webhook):
    address = webhook.address("ok")
    settings = at(home, address)
    names = ["one", "two", "three"]
    queue([alert(name) for name in names], settings, now=NOW)
    code = (
        "from datetime import *; from regime.notify import deliver; "
        "from regime.settings import Settings; "
        "print(deliver(Settings(), now=datetime(2024, 7, 17, 22, tzinfo=UTC)).sent)"
    )
    environment = {**os.environ, "REGIME_HOME": str(home), "REGIME_ALERT_URLS": address}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [one.communicate(timeout=120) for one in running]
    assert sorted(out.strip() for out, _ in said) == ["0", "3"], said
    assert sorted(webhook.came("ok")) == sorted(f"Title {name}" for name in names)


def test_an_address_apprise_does_not_understand_is_named_by_position_and_scheme(home, webhook):
    settings = at(home, webhook.address("ok"), "slak://hunter2/x", "hunter2@s3cret-token")
    with pytest.raises(ConfigError) as fault:
        check_addresses(settings)
    assert "address 2 (slak): apprise does not understand it" in str(fault.value)
    assert "address 3 (no scheme)" in str(fault.value)
    assert "address 1" not in str(fault.value)
    assert "\n" not in str(fault.value)
    assert not any(secret in str(fault.value) for secret in SECRETS)
    assert webhook.heard == []


def test_a_process_that_cannot_start_or_dies_is_a_fault_of_delivery_only(home, monkeypatch):
    settings = at(home, "json://127.0.0.1:9/hunter2")
    queue([alert()], settings, now=NOW)
    monkeypatch.setattr(notifier.sys, "executable", "/nowhere/python")
    done = deliver(settings, now=NOW)
    assert "the process that sends cannot be started, No such file" in done.words
    monkeypatch.setattr(notifier.sys, "executable", "/bin/false")
    done = deliver(settings, now=NOW)
    assert (done.waiting, done.failed) == (1, 0)
    assert "the process that sends came to an early end" in done.words


# ---------------------------------------------------------------- the outbox


def test_a_key_is_queued_once_whether_it_waits_was_sent_or_was_given_up(home, answering):
    settings, (_, says) = at(home, "a://"), answering
    assert queue([alert(), alert(), alert("two")], settings, now=NOW) == 2
    assert queue([alert()], settings, now=NOW + timedelta(hours=1)) == 0
    says["a://"] = "no"
    deliver(settings, now=NOW + PATIENCE)
    assert places(settings) == {"one": "failed", "two": "failed"}
    says.clear()
    queue([alert("three")], settings, now=NOW)
    assert deliver(settings, now=NOW).sent == 1
    again = [alert("one"), alert("two"), alert("three")]
    assert queue(again, settings, now=NOW + timedelta(days=399)) == 0


def test_what_was_told_is_forgotten_after_its_memory_and_not_before(home, answering):
    settings = at(home, "a://")
    for days, left in ((MEMORY.days, 1), (MEMORY.days + 1, 0)):
        queue([alert("old")], settings, now=NOW)
        deliver(settings, now=NOW)
        later = NOW + timedelta(days=days)
        queue([alert(f"new {days}")], settings, now=later)
        deliver(settings, now=later)
        assert len([key for key in places(settings) if key == "old"]) == left


def test_the_oldest_is_told_first_also_within_one_second(home, answering):
    settings, (sent, _) = at(home, "a://"), answering
    queue([alert(name) for name in "dcba"], settings, now=NOW)
    queue([alert("older")], settings, now=NOW - timedelta(seconds=1))
    deliver(settings, now=NOW)
    assert [title for _, title in sent] == ["Title older", *(f"Title {name}" for name in "dcba")]


def test_without_an_address_alerts_wait_and_are_given_up_after_five_days(home, answering):
    settings = Settings(home=home, alert_urls=SecretStr("  "))
    queue([alert()], settings, now=NOW)
    done = deliver(settings, now=NOW + PATIENCE - timedelta(seconds=1))
    assert (done.sent, done.failed, done.waiting) == (0, 0, 1)
    assert done.words == "1 alert waiting (REGIME_ALERT_URLS is empty)."
    done = deliver(settings, now=NOW + PATIENCE)
    assert (done.failed, done.waiting) == (1, 0)
    assert "given up after 5 days" in outbox(settings)[0].words
    assert answering[0] == []
    assert deliver(settings, now=NOW + PATIENCE).words == "No alert waits."


def test_the_last_attempt_is_made_before_an_alert_is_given_up(home, answering):
    settings, (sent, _) = at(home, "a://"), answering
    queue([alert()], settings, now=NOW)
    assert deliver(settings, now=NOW + 2 * PATIENCE).sent == 1
    assert len(sent) == 1


def test_an_address_taken_off_the_list_is_waited_for_no_longer(home, answering):
    sent, says = answering
    says["b://"] = "no"
    queue([alert()], at(home, "a://", "b://"), now=NOW)
    assert deliver(at(home, "a://", "b://"), now=NOW).waiting == 1
    assert deliver(at(home, "a://"), now=NOW).sent == 1
    assert [address for address, _ in sent] == ["a://", "b://"]


def test_an_end_between_sending_and_noting_tells_it_again_and_loses_nothing(home, monkeypatch):
    settings = at(home, "a://", "b://")
    queue([alert()], settings, now=NOW)

    def ended(addresses, messages, jobs, *, timeout):
        yield addresses[0], 0, ""
        raise KeyboardInterrupt

    monkeypatch.setattr(notify, "answers", ended)
    with pytest.raises(KeyboardInterrupt):
        deliver(settings, now=NOW)
    asked = []

    def answers(addresses, messages, jobs, *, timeout):
        for address in addresses:
            for job in jobs[address]:
                asked.append(address.secret)
                yield address, job, ""

    monkeypatch.setattr(notify, "answers", answers)
    assert deliver(settings, now=NOW).sent == 1
    assert asked == ["b://"]


def test_a_full_disk_leaves_nothing_in_part_and_says_so(home, monkeypatch, answering):
    settings = at(home, "a://")
    queue([alert("before")], settings, now=NOW)
    whole = notify.json.dump

    def full(told, file, **keywords):
        if told["alert"]["key"] == "call:two" or told["attempts"]:
            file.write("{")
            file.flush()
            raise OSError(28, "No space left on device")
        whole(told, file, **keywords)

    monkeypatch.setattr(notify.json, "dump", full)
    with pytest.raises(StoreError, match=r"No space left on device[.] Free some") as fault:
        queue([alert("one"), alert("two")], settings, now=NOW)
    assert "\n" not in str(fault.value)
    assert places(settings) == {"before": "pending"}
    assert len([path for path in home.rglob("*") if path.is_file() and path.stat().st_size]) == 1
    with pytest.raises(StoreError, match="No space left"):
        deliver(settings, now=NOW)
    assert answering[0] == []  # what cannot be noted is not told
    monkeypatch.undo()
    assert queue([alert("one"), alert("two")], settings, now=NOW) == 2
    assert len(everything(home / "alerts" / "pending").split('"alert"')) == 4


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot be written: .*REGIME_HOME"):
        queue([alert()], at(tmp_path / "home"), now=NOW)


def test_a_damaged_file_is_put_aside_and_the_others_are_told(home, answering):
    settings = at(home, "a://")
    queue([alert("one"), alert("two")], settings, now=NOW)
    damaged = min((home / "alerts" / "pending").glob("*.json"))
    damaged.write_text('{"alert": ')
    done = deliver(settings, now=NOW)
    assert (done.sent, done.failed, done.waiting) == (1, 1, 0)
    assert "1 of the files could not be read and went to failed" in done.words
    assert (home / "alerts" / "failed" / damaged.name).exists()
    assert queue([alert("one")], settings, now=NOW) == 0


def test_while_another_delivers_nothing_is_sent_and_nobody_waits_long(home, answering):
    settings = at(home, "a://")
    queue([alert()], settings, now=NOW)
    with FileLock(home / "alerts" / ".delivering.lock"):
        done = deliver(settings, now=NOW, timeout=0.2)
        assert queue([alert("two")], settings, now=NOW) == 1
    assert (done.sent, done.waiting) == (0, 1)
    assert "another process is delivering" in done.words
    assert answering[0] == []


def test_where_nothing_waits_nothing_is_made(home):
    assert queue([], at(home), now=NOW) == 0
    assert deliver(at(home), now=NOW).words == "No alert waits."
    assert outbox(at(home)) == []
    assert not home.exists()


def test_files_are_for_their_owner_and_addresses_show_no_secret(home, answering):
    address = "json://user:hunter2@example.org/s3cret-token"
    settings = at(home, address, address, "pover://x")
    queue([alert()], settings, now=NOW)
    deliver(settings, now=NOW)
    path = next((home / "alerts" / "sent").glob("*.json"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(json.loads(path.read_text())["told"]) == 2  # each address once
    shown = repr(addresses_of(settings)) + str(settings) + everything(home)
    assert not any(secret in shown for secret in SECRETS)


def test_a_message_past_the_outbox_needs_an_address(home):
    with pytest.raises(ConfigError, match="REGIME_ALERT_URLS is empty"):
        tell(alert(), at(home))


def test_without_apprise_every_address_is_told_what_installs_it(home, monkeypatch):
    monkeypatch.setattr(notifier, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"equity-leadership-regime\[alerts\]"):
        check_addresses(at(home, "json://127.0.0.1/hunter2"))
    said = tell(alert(), at(home, "json://127.0.0.1/hunter2", "ntfy://two"))
    assert len(said) == 2
    assert all("[alerts]" in words for words in said.values())

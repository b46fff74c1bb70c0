"""The Data page: how new everything is, in a home that is lived in, and in broken ones."""

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pandas as pd
from paged import broken, page, words

from regime.health.checks import Check, State
from regime.health.kept import findings, keep
from regime.settings import Settings
from regime.tracking.card_text import escaped
from regime.tracking.published import load_published

HOSTILE = "<script>alert(1)</script> **[x](javascript:alert(1))**"


def table(ran, column):
    return next(one.value for one in ran.dataframe if column in one.value.columns)


def copied(settings, to):
    shutil.copytree(settings.home, to, symlinks=True)
    return to


def test_it_names_what_is_due_and_puts_what_the_baskets_lack_first(at_eight, monkeypatch):
    monkeypatch.setenv("REGIME_NOW", "2012-07-13T23:00:00-04:00")
    ran = page("data")
    assert not ran.exception
    series = table(ran, "newest_period")
    assert set(series["needed"].iloc[:3]) == {"the baskets"}
    assert set(series["state"].iloc[:3]) == {"✖ missing"}
    said = words(ran)
    assert "IWM ends on 10 July 2012, 12 July 2012 is due" in said
    assert "SIMULATED" in said


def test_the_run_has_left_what_it_found(at_eight):
    found = {one.check.name: one for one in findings(at_eight)}
    assert found["published"].check.words == load_published(at_eight)["about"]["words"]
    assert found["ledger"].check.state is State.OK
    assert {"run", "fetch", "drift"} <= set(found)
    assert {one.by for one in found.values()} == {"regime run"}
    text = words(page("data"))
    assert "Newest look: 9 hours ago" in text
    assert "regime doctor" in text


def test_the_ledger_shows_what_was_published(at_eight):
    said = load_published(at_eight)["ledger"]
    shown = table(page("data"), "seq")
    assert shown["seq"].iloc[0] == said["seq"].max()
    newest = said[said["seq"] == said["seq"].max()].iloc[0]
    assert abs(shown["broadening"].iloc[0] - 100 * newest["broadening"]) < 1e-9
    assert newest["hash"].startswith(shown["hash"].iloc[0])


def test_on_an_earlier_day_nothing_later_is_shown(at_eight):
    ran = page("data", day="2012-07-05")
    assert not ran.exception
    series = table(ran, "newest_period")
    assert series["newest_period"].max() <= pd.Timestamp("2012-07-05")
    assert table(ran, "seq")["date"].max() == pd.Timestamp("2012-07-05")
    assert "Findings are of the present" in words(ran)


def test_filters_leave_the_series_that_were_asked_for(at_eight):
    ran = page("data")
    ran.multiselect(key="needs").set_value(["baskets"]).run()
    assert not ran.exception
    assert set(table(ran, "newest_period")["series"]) == {"OEF", "RSP", "IWM"}
    ran.multiselect(key="states").set_value(["missing"]).run()
    assert not ran.exception
    assert "Take a filter away" in words(ran)


def test_a_series_can_be_looked_at(at_eight):
    ran = page("data")
    ran.selectbox(key="one_series").set_value("DGS10").run()
    assert not ran.exception
    assert "values of DGS10" in words(ran)
    assert "percent per year" in words(ran)


def test_findings_of_a_hostile_hand_are_text(at_eight, tmp_path, home):
    home(copied(at_eight, tmp_path / "home"))
    now = pd.Timestamp("2012-07-11 12:00", tz="UTC").to_pydatetime()
    keep(Settings(), [Check(HOSTILE, State.FAULT, HOSTILE, HOSTILE)], by="regime doctor", at=now)
    ran = page("data")
    assert not ran.exception
    assert f"**✖ fault: {escaped(HOSTILE)}.**" in words(ran)
    assert HOSTILE not in words(ran)


def test_a_home_without_a_model_says_what_to_run(tmp_path, home):
    home(tmp_path / "nothing")
    ran = page("data")
    assert not ran.exception
    assert "regime demo" in words(ran)
    assert not (tmp_path / "nothing").exists()


def test_what_was_published_and_cannot_be_read_is_said(served, home, tmp_path):
    home(broken(served.home, tmp_path / "home"))
    ran = page("data")
    assert not ran.exception
    assert "regime score" in words(ran)


def test_a_store_that_is_absent_old_or_broken_leaves_the_rest_of_the_page(at_eight, tmp_path, home):
    store = copied(at_eight, tmp_path / "home") / "observations.db"
    home(tmp_path / "home")
    for ending in ("-wal", "-shm"):
        store.with_name(store.name + ending).unlink(missing_ok=True)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    said = words(page("data"))
    assert "regime store upgrade" in said
    assert "The ledger" in said
    store.write_bytes(b"no database" * 1000)
    assert "The store cannot be shown" in words(page("data"))
    store.unlink()
    ran = page("data")
    assert not ran.exception
    assert "is empty" in words(ran)


def test_findings_that_cannot_be_read_or_written_fail_nothing(tmp_path):
    settings = Settings(home=tmp_path)
    at = pd.Timestamp("2012-07-11", tz="UTC").to_pydatetime()
    keep(Settings(home=tmp_path / "none"), [], by="regime run", at=at)
    assert not (tmp_path / "none").exists()
    (tmp_path / "health.json").write_text("[1]")
    assert findings(settings) == []
    (tmp_path / "health.json").write_text('{"regime run": {"at": "soon", "checks": [[1]]}}')
    assert findings(settings) == []
    secret = Check("fetch", State.OK, "From https://user:pass/password@example.org/x.")
    keep(settings, [secret], by="regime run", at=at)
    assert "password" not in (tmp_path / "health.json").read_text()
    keep(settings, [Check("disk", State.FAULT, "Full.")], by="regime doctor", at=at)
    assert [one.check.name for one in findings(settings)] == ["disk", "fetch"]
    (tmp_path / "health.json").unlink()
    (tmp_path / "health.json").mkdir()
    keep(settings, [secret], by="regime run", at=at)
    assert findings(settings) == []
    assert json.dumps([one.check.name for one in findings(settings)]) == "[]"


def test_of_commands_that_end_at_once_each_is_kept(tmp_path):
    settings = Settings(home=tmp_path)
    at = pd.Timestamp("2012-07-11", tz="UTC").to_pydatetime()
    names = [f"command {number}" for number in range(12)]

    def end(name):
        keep(settings, [Check(name, State.OK, "Well.")], by=name, at=at)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(end, names))
    assert {found.by for found in findings(settings)} == set(names)

"""What an audit says, keeps and logs; and that days are worked out again from their own close."""

import json

import numpy as np
import pandas as pd
import pytest
from paged import page, words

from regime.audit import replay
from regime.audit.certificate import audit
from regime.audit.comparing import Compared, compared
from regime.exceptions import EvaluationError, StoreError
from regime.tracking.certificate import NAME, keep_certificate, load_certificate
from regime.tracking.mlflow_client import client

NOW = pd.Timestamp("2012-07-04 12:00", tz="UTC")
pytestmark = pytest.mark.filterwarnings("ignore")


def frame(**columns):
    return pd.DataFrame(columns, index=pd.date_range("2024-01-02", periods=3))


def test_frames_differ_by_value_by_missing_value_by_word_and_by_what_only_one_has():
    one = frame(a=[1.0, np.nan, 3.0], b=["x", None, "z"])
    assert compared(one, one.copy()) == Compared(6)
    told = compared(one, one.assign(a=[1.0, np.nan, 3.5]))
    assert (told.cells, told.different, told.largest) == (6, 1, 0.5)
    assert told.first == "a of 2024-01-04: 3.0 then, 3.5 now"
    assert compared(one, one.assign(a=[1.0, 2.0, 3.0])).different == 1
    assert compared(one, one.assign(b=["x", "y", "z"])).first == "b of 2024-01-03: nan then, y now"
    assert compared(one, one.assign(c=1.0)).first == "c is on one side only"
    assert compared(one, one.iloc[:2]).different == 6
    assert "2024-01-04 is on one side only" in compared(one, one.iloc[:2]).first


def test_a_tolerance_is_of_numbers_and_what_lies_within_it_is_told():
    one, other = frame(a=[1.0, 2.0, 3.0]), frame(a=[1.0, 2.0, 3.0 + 1e-13])
    told = compared(one, other, tolerance=1e-12)
    assert told.different == 0
    assert 0 < told.largest < 1e-12
    assert compared(one, other).different == 1


def test_days_are_drawn_by_the_seed_each_once_and_in_order(honest):
    days = replay.chosen_days(honest, 20, 3)
    assert days == sorted({*days})
    assert len(days) == 20
    assert days == replay.chosen_days(honest, 20, 3) != replay.chosen_days(honest, 20, 4)
    assert {*days} <= {*honest.days}
    assert len(replay.chosen_days(honest, 10**6, 0)) == len(honest.days)


def test_a_day_that_cannot_be_worked_out_again_fails_every_part(honest):
    gone = replay.Replayed(honest.days[0], {}, "2010 cannot be worked out again: no data")
    found = replay.findings([gone])
    assert [one.holds for one in found] == [False] * len(replay.PARTS)
    assert "no data" in found[0].words


@pytest.fixture(scope="module")
def audited(home):
    """One audit of two days, kept."""
    found = audit(home.settings, days=2, seed=1, now=NOW)
    return found, keep_certificate(home.settings, found.certificate())


def test_an_audit_passes_with_its_counts_seeds_and_digests(audited, home):
    found, run_id = audited
    told = found.certificate()
    assert [one.words for one in found.findings if not one.holds] == []
    assert told["passed"]
    assert (told["days"], told["seed"], told["model_version"]) == (2, 1, "1")
    parts = {one.about: one for one in found.findings if one.check == "replay"}
    assert {*parts} == {*replay.PARTS}
    assert all(one.counts["days"] == 2 for one in parts.values())
    assert parts["probabilities"].counts["cells"] == 2 * 2 * 4  # days, horizons; regimes and basis
    assert load_certificate(home.settings) == json.loads(json.dumps(told, default=str))
    run = client(home.settings).get_run(run_id)
    assert run.data.tags["audit"] == "passed"
    assert run.data.tags["certificate"] == told["digest"]
    assert run.data.metrics["audit_failed"] == 0


def test_the_page_tells_what_was_found_and_of_which_version(audited, home, monkeypatch):
    monkeypatch.setenv("REGIME_HOME", str(home.settings.home))
    monkeypatch.setenv("REGIME_NOW", NOW.isoformat())
    ran = page("audit")
    assert not ran.exception
    text = words(ran)
    assert "Passed" in text
    assert "4 July 2012" in text
    assert "all as they were" in text
    told = load_certificate(home.settings)
    path = home.settings.audits / NAME
    path.write_text(json.dumps({**told, "passed": False, "model_version": "7"}), encoding="utf-8")
    text = words(page("audit"))
    assert "Failed" in text
    assert "It is of version 7; version 1 is in service" in text
    path.write_text("{", encoding="utf-8")
    assert "Run regime audit" in words(page("audit")).replace("`", "").replace("\\", "")
    path.unlink()
    assert "Nothing was audited yet" in words(page("audit"))
    path.write_text(json.dumps(told), encoding="utf-8")


def test_what_is_no_certificate_is_refused(home):
    path = home.settings.audits / NAME
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"passed": true}', encoding="utf-8")
    with pytest.raises(StoreError, match=r"is no certificate\. Run `regime audit`"):
        load_certificate(home.settings)
    path.unlink() if before is None else path.write_text(before, encoding="utf-8")


def test_what_was_published_of_another_version_is_to_be_scored_first(home, monkeypatch):
    from regime.audit import subject

    published = subject.load_published(home.settings)
    other = {**published, "about": {**published["about"], "in_service": "9"}}
    monkeypatch.setattr(subject, "load_published", lambda settings: other)
    with pytest.raises(EvaluationError, match=r"published is of version 9\. Run `regime score`"):
        audit(home.settings, days=1, seed=0, now=NOW)

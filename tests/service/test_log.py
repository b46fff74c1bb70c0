"""The log of runs: JSON a line, turned over, and never a reason to fail."""

import json
import os

import pytest

from regime.service import log as module
from regime.service.log import log_path, run_log
from regime.settings import Settings


def test_each_line_is_an_object_with_its_time_level_and_what_was_added(tmp_path):
    settings = Settings(home=tmp_path)
    with run_log(settings) as log:
        log.info("published", extra={"day": "2024-07-17", "rows": 3})
        log.error("a line\nwith a break")
    with run_log(settings) as log:
        log.info("again")
    lines = [json.loads(line) for line in log_path(settings).read_text().splitlines()]
    assert [line["message"] for line in lines] == ["published", "a line\nwith a break", "again"]
    assert lines[0]["rows"] == 3
    assert lines[1]["level"] == "ERROR"
    assert lines[0]["at"][:2] == "20"
    assert lines[0]["pid"] == os.getpid()


def test_files_are_turned_over_and_the_oldest_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BYTES", 500)
    monkeypatch.setattr(module, "_FILES", 2)
    settings = Settings(home=tmp_path)
    with run_log(settings) as log:
        for number in range(40):
            log.info("line %d", number)
    files = sorted(log_path(settings).parent.iterdir())
    assert [file.name for file in files] == ["run.jsonl", "run.jsonl.1", "run.jsonl.2"]
    assert all(file.stat().st_size <= 600 for file in files)
    assert "line 39" in files[0].read_text()


@pytest.mark.parametrize("fault", ["a file where the folder should be", "a full disk"])
def test_a_disk_that_takes_no_log_stops_nothing(tmp_path, fault, capsys):
    settings = Settings(home=tmp_path)
    if fault == "a full disk":
        log_path(settings).parent.mkdir()
        log_path(settings).symlink_to("/dev/full")
    else:
        log_path(settings).parent.write_text("no folder")
    with run_log(settings) as log:
        log.info("published")
    assert capsys.readouterr() == ("", "")

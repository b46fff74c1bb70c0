"""What is promised of each fault, held to it: a day is published once, and nothing is lost."""

import signal

import pytest
from faults import damage, disks, killing, surroundings, versions
from faults.tried import tried

RUN_AGAIN = "each session is published once, whatever was left; the next run makes it good"
FETCH_AGAIN = "whole sources or none of them are stored; the next fetch brings the rest"


@tried(few=0, full=20)
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(world, tries, record):
    hit = killing.runs(world, signal.SIGKILL, tries, seed=11)
    assert hit >= 0.6 * tries
    record("`kill -9` of `regime run` at a random moment", RUN_AGAIN, tries, world.lost)


@tried(few=0, full=10)
def test_a_run_told_to_end_at_any_moment_is_made_good_by_the_next(world, tries, record):
    hit = killing.runs(world, signal.SIGTERM, tries, seed=12)
    assert hit >= 0.6 * tries
    record("SIGTERM of `regime run` at a random moment", RUN_AGAIN, tries, world.lost)


@pytest.mark.parametrize(
    ("tries", "number", "word"),
    [
        pytest.param(1, signal.SIGKILL, "`kill -9`", id="1x-SIGKILL"),
        pytest.param(20, signal.SIGKILL, "`kill -9`", id="20x-SIGKILL", marks=pytest.mark.long),
        pytest.param(10, signal.SIGTERM, "SIGTERM", id="10x-SIGTERM", marks=pytest.mark.long),
    ],
)
def test_a_fetch_ended_at_any_moment_leaves_nothing_by_half(
    blank, replay, tries, record, number, word
):
    hit = killing.fetches(blank, number, tries, seed=number, **replay.ask)
    assert hit >= 0.3 * tries
    record(f"{word} of `regime fetch` at a random moment", FETCH_AGAIN, tries, blank.lost)


@tried(few=1, full=10)
def test_a_network_cut_in_the_middle_of_a_fetch_costs_what_had_come_nothing(
    blank, replay, tries, record
):
    surroundings.cuts(blank, replay, tries, seed=13)
    promise = "told; what was stored stays, and the next fetch brings the rest"
    record("network cut in the middle of `regime fetch`", promise, tries, blank.lost)


@tried(few=0, full=10)
def test_a_disk_that_is_full_is_told_and_nothing_is_by_half(settled, tmp_path, tries, record):
    lost, refused = disks.fill_up(settled, tmp_path / "disk", tries, seed=14)
    assert refused >= 0.3 * tries
    promise = "told, or done; nothing is there by half, and with room the next run makes it good"
    record("disk full during `regime run`", promise, tries, lost)


@tried(few=1, full=8)
def test_a_file_that_may_not_grow_is_told_as_a_full_disk_is(world, tries, record):
    disks.limited(world, disks.limit("RLIMIT_FSIZE", 4096, 600_000), tries, seed=15)
    promise = "told, or done; the next run makes it good"
    record("files limited to less than they need (RLIMIT_FSIZE)", promise, tries, world.lost)


READ_ONLY = [
    ("ledger", "verify"), ("run", "--source", "demo"), ("score",), ("fetch", "--source", "demo"),
    ("store", "verify"), ("store", "info"), ("ledger", "show"), ("promote",),
    ("rollback", "--why", "a test"), ("store", "upgrade"), ("panel",),
]  # fmt: skip


@tried(few=2, full=len(READ_ONLY))
def test_a_folder_that_may_only_be_read_is_told(settled, tmp_path, tries, record):
    lost, refused = disks.only_read(settled, tmp_path / "disk", READ_ONLY[:tries])
    assert refused
    promise = "each command answers or is told; writable again, the next run makes it good"
    record("REGIME_HOME read-only", promise, tries, lost)


@pytest.mark.parametrize(
    ("table", "tries"),
    [
        pytest.param("observation", 1, id="1x"),
        pytest.param("observation", 10, id="10x-observations", marks=pytest.mark.long),
        pytest.param("ledger", 10, id="10x-ledger", marks=pytest.mark.long),
    ],
)
def test_a_page_of_random_bytes_is_told_and_an_export_brings_all_back(
    world, tmp_path, tries, record, table
):
    damage.pages(world, tmp_path, table, tries, seed=16, run=tries > 1)
    what = "ledger" if table == "ledger" else "store"
    promise = "`store verify` tells; a run reads none of it or is refused; the export is all of it"
    record(f"a page of the {what} overwritten with random bytes", promise, tries, world.lost)


@tried(few=0, full=10)
def test_a_published_file_cut_short_is_told_and_scored_again(world, tries, record):
    damage.cut_short(world, tries, seed=17)
    promise = "told; `regime score` publishes the same again"
    record("published Parquet cut short", promise, tries, world.lost)


@tried(few=0, full=8)
def test_a_clock_that_goes_back_publishes_nothing_twice(world, tries, record):
    surroundings.clock_back(world, tries, seed=18)
    promise = "nothing is published before what was; set right, the next run goes on"
    record("clock going back by minutes to months", promise, tries, world.lost)


@tried(few=1, full=len(surroundings.CHANGES))
def test_a_change_of_daylight_saving_costs_no_day_and_doubles_none(world, tries, record):
    changes = surroundings.CHANGES
    asked = surroundings.new_york(world, changes if tries > 1 else changes[3:4])
    promise = "a session counts as closed at 16:00 in New York on both sides of the change"
    record("clocks of New York put forward and back", promise, asked, world.lost)


@tried(few=2, full=len(versions.ASKED))
def test_a_store_of_a_newer_release_is_refused_and_stays_as_it_is(world, tries, record):
    versions.newer(world, versions.ASKED[:tries])
    promise = "refused, with the version that is needed; not a byte of its rows changes"
    record("a store written by a newer release", promise, tries, world.lost)


@tried(few=1, full=12)
def test_an_upgrade_killed_at_any_moment_is_done_or_not_begun(world, tries, record):
    versions.upgrades(world, tries, seed=19)
    promise = "its tables are the old or the new ones, never between; a copy of before is kept"
    record("`kill -9` while an older store is brought forward", promise, tries, world.lost)


@tried(few=0, full=len(surroundings.PLACES))
def test_the_same_bytes_are_published_wherever_one_is(world, tmp_path, tries, record):
    surroundings.abroad(world, tmp_path, tries)
    promise = "the same bytes are published"
    record("another locale, encoding and time zone", promise, tries, world.lost)


@tried(few=1, full=10)
def test_too_few_descriptors_are_told(world, tries, record):
    disks.limited(world, disks.limit("RLIMIT_NOFILE", 4, 24), tries, seed=20)
    promise = "told, or done; the next run makes it good"
    record("too few file descriptors (RLIMIT_NOFILE)", promise, tries, world.lost)


@tried(few=1, full=8)
def test_too_little_memory_is_told(world, tries, record):
    disks.limited(world, disks.memory(0, 200), tries, seed=21)
    promise = "told, done or ended by the kernel, never by half; the next run makes it good"
    record("too little memory (RLIMIT_AS)", promise, tries, world.lost)


@tried(few=1, full=2)
def test_an_mlflow_server_that_is_not_there_is_told_before_anything_is_published(
    world, tries, record
):
    surroundings.no_server(world, tries)
    promise = "told within seconds; the next run publishes the day once"
    record("no MLflow server at its address", promise, tries, world.lost)


@tried(few=0, full=4)
def test_an_mlflow_server_killed_during_a_run_costs_no_day(world, tmp_path, tries, record):
    surroundings.dying_server(world, tmp_path, tries, seed=22)
    promise = "the day is published all the same or by the next run, once either way"
    record("`kill -9` of the MLflow server during `regime run`", promise, tries, world.lost)

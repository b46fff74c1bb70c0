"""Results are merged by name, name nobody's machine, and are drawn the same each time."""

import json

import pytest
from benchmarks import picture, results
from benchmarks.results import BEGIN, END, Row

HERE, THERE = {"cores": 2, "cpu": "here"}, {"cores": 8, "cpu": "there"}


def part(*rows: Row, **more) -> dict:
    return {
        "date": "2026-01-05", "commit": "abc", "load_before": 0.1,
        "rows": [row.as_record() for row in rows], "detail": {}, **more,
    }  # fmt: skip


FAST = Row("EM step, 1,500 rows, over hmmlearn 'log'", 20.0, "times", 10.0, True)
SLOW = Row("EM step, 1,500 rows, over hmmlearn 'scaling'", 9.0, "times", 10.0, True)
LATE = Row("regime score, after imports", 1.2, "s", 1.0, False)


@pytest.mark.parametrize(
    ("measured", "more_is_better", "met"),
    [(10.0, True, True), (9.9, True, False), (10.0, False, True), (10.1, False, False)],
)
def test_a_goal_is_met_on_its_own_side(measured, more_is_better, met):
    assert Row("it", measured, "times", 10.0, more_is_better).met is met


def test_a_row_without_a_goal_is_neither_met_nor_missed():
    assert Row("it", 1.0, "s", None, more_is_better=False).met is None


def test_a_row_comes_back_from_its_record():
    assert Row.of(json.loads(json.dumps(FAST.as_record()))) == FAST


def test_a_part_that_was_run_leaves_the_others_as_they_were():
    kept = {"machine": HERE, "benchmarks": {"a": part(FAST), "b": part(LATE)}}
    merged = results.merge(kept, {"b": part(SLOW)}, here=HERE, gone=set(), order=["a", "b"])
    assert merged == {"machine": HERE, "benchmarks": {"a": part(FAST), "b": part(SLOW)}}


def test_a_part_whose_premise_broke_is_taken_out():
    kept = {"machine": HERE, "benchmarks": {"a": part(FAST), "b": part(LATE)}}
    merged = results.merge(kept, {}, here=HERE, gone={"a"}, order=["a", "b"])
    assert list(merged["benchmarks"]) == ["b"]


def test_a_part_measured_elsewhere_says_where():
    kept = {"machine": THERE, "benchmarks": {"a": part(FAST), "b": part(LATE)}}
    merged = results.merge(kept, {"b": part(SLOW)}, here=HERE, gone=set(), order=["a", "b"])
    again = results.merge(merged, {}, here=HERE, gone=set(), order=["a", "b"])
    assert again["machine"] == HERE
    assert again["benchmarks"]["a"]["machine"] == THERE
    assert "machine" not in again["benchmarks"]["b"]


def test_the_machine_is_known_by_what_it_is_and_not_by_name():
    assert set(results.machine()) == {
        "cores", "cpu", "memory_gib", "system", "python", "libraries",
    }  # fmt: skip


def test_what_is_written_is_read_again_to_four_figures(tmp_path):
    kept = {"machine": HERE, "benchmarks": {"a": part(FAST) | {"detail": {"x": [1 / 3, 2]}}}}
    results.write(tmp_path / "results.json", kept)
    found = results.read(tmp_path / "results.json")
    assert found["benchmarks"]["a"]["detail"] == {"x": [0.3333, 2]}
    assert found["benchmarks"]["a"]["rows"] == [FAST.as_record()]


def test_the_table_replaces_the_one_before_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n", encoding="utf-8")
    machine = HERE | {"memory_gib": 8, "python": "3.11"}
    for _ in range(2):
        results.write_table(page, {"machine": machine, "benchmarks": {"a": part(SLOW)}})
    text = page.read_text(encoding="utf-8")
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "old" not in text
    assert text.count(f"Missed: {SLOW.name}.") == 1
    assert text.count("| 9x | >= 10x | MISSED |") == 1


def test_a_line_of_the_picture_shows_the_worst_of_its_rows():
    shown = picture.worst([FAST, SLOW, LATE], picture.RATIOS)
    assert shown == {"EM step, 1,500 rows / hmmlearn": SLOW}


def test_the_same_results_give_the_same_picture(tmp_path):
    drawn = {"machine": HERE, "benchmarks": {"a": part(FAST, SLOW), "b": part(LATE)}}
    for name in ("one.svg", "two.svg"):
        picture.draw(drawn, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "dc:date" not in (tmp_path / "one.svg").read_text(encoding="utf-8")

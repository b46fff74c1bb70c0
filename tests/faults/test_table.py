"""The table of SECURITY.md says what was recorded, and nothing of a suite that failed."""

import json

import pytest
from faults import table

REPORT = """<testsuites><testsuite><testcase name="one"><properties>
<property name="fault" value="a flood" /><property name="promise" value="it is told" />
<property name="tries" value="3" /><property name="rows_lost" value="0" />
</properties></testcase><testcase name="two">{}</testcase></testsuite></testsuites>"""
FLOOD = {"fault": "a flood", "promise": "it is told", "tries": 3, "rows_lost": 0}


def test_a_row_found_anew_takes_the_place_of_the_old_one_and_others_stay(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(""))
    now = table.recorded(report)
    assert now == [FLOOD]
    fire = {**FLOOD, "fault": "a fire"}
    assert table.merged([fire, {**FLOOD, "tries": 1}], now) == [fire, FLOOD]


def test_no_table_is_made_of_a_suite_in_which_a_promise_broke(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format("<failure />"))
    with pytest.raises(ValueError, match="two failed; the table stays as it is"):
        table.recorded(report)


def test_only_what_is_between_the_marks_is_replaced():
    before = f"above\n{table.BEGIN}\nformer rows\n{table.END}\nbelow\n"
    after = table.with_table(before, [FLOOD])
    assert after.startswith(f"above\n{table.BEGIN}\n`make faults` made this table")
    assert after.endswith(f"| a flood | it is told | 3 | 0 |\n{table.END}\nbelow\n")
    assert "former rows" not in after
    with pytest.raises(ValueError, match="put them there"):
        table.with_table("no marks", [FLOOD])


def test_the_table_that_is_published_is_that_of_the_kept_results():
    text = (table.ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = json.loads(table.RESULTS.read_text(encoding="utf-8"))
    assert table.with_table(text, rows) == text
    assert all(row["rows_lost"] == 0 for row in rows)

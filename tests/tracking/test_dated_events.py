"""The dated list: what is taken, what is refused, and that nobody's lines are lost."""

import re
import threading

import pandas as pd
import pytest

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking.dated_events import (
    ISO_DATE,
    KNOWN,
    MOST,
    checked,
    load_events,
    save_events,
    saved_words,
)


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path)


def listed(*rows) -> pd.DataFrame:
    return pd.DataFrame([*rows], columns=["date", "title"])


def test_the_real_market_begins_with_known_dates_and_a_simulated_one_with_none(settings):
    known = load_events(settings, simulated=False)
    assert known.version == ""
    told = known.table.set_index("date")["title"]
    assert "CPI" in told[pd.Timestamp("2024-07-11")]
    assert "accine" in told[pd.Timestamp("2020-11-09")]
    assert len(told) == len(KNOWN)
    assert told.index.min().year == 1929
    assert told.index.max().year == 2024
    assert told.index.is_unique
    assert load_events(settings, simulated=True).table.empty


def test_what_is_saved_is_read_again_by_date_whatever_its_titles_hold(settings):
    hostile = '=1+1, "quoted" <b>bold</b> **md** [x](http://example.com) 日本'
    rows = listed((pd.Timestamp("2020-11-09"), "Vaccine"), ("1999-01-04", hostile), (None, None))
    saved = save_events(settings, rows, read="")
    found = load_events(settings, simulated=True)
    assert found.version == saved.version
    assert list(found.table["title"]) == [hostile, "Vaccine"]
    assert list(found.table["date"]) == [pd.Timestamp("1999-01-04"), pd.Timestamp("2020-11-09")]
    pd.testing.assert_frame_equal(found.table, saved.table)


def test_a_spreadsheet_s_mark_before_the_first_line_is_no_fault(settings):
    (settings.home / "events.csv").write_text("date,title\n2020-11-09,Vaccine\n", "utf-8-sig")
    assert list(load_events(settings, simulated=True).table["title"]) == ["Vaccine"]


def test_an_emptied_list_stays_empty(settings):
    save_events(settings, listed(), read="")
    assert load_events(settings, simulated=False).table.empty


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("2020-02-30", "x"), "a date"),
        (("yesterday", "x"), "a date"),
        ((None, "x"), "has none"),
        (("0020-02-03", "x"), "1900 to 2100"),
        (("2020-02-03", ""), "a title"),
        (("2020-02-03", None), "a title"),
        (("2020-02-03", "x" * 81), "81"),
        (("2020-02-03", "two\nlines"), "control character"),
        (("2020-02-03", "turned\u202eround"), "control character"),
        (("2020-02-03", "a\x00b"), "control character"),
    ],
)
def test_a_line_that_is_no_event_is_refused_by_its_place_and_nothing_is_saved(settings, row, said):
    with pytest.raises(StoreError, match="Event 2") as refused:
        save_events(settings, listed(("2020-01-02", "fine"), row), read="")
    assert said in str(refused.value)
    assert not (settings.home / "events.csv").exists()


def test_a_date_is_typed_as_the_error_asks_for_it():
    for told in ("1900-01-01", "2020-11-09", "2100-12-31"):
        assert re.fullmatch(ISO_DATE, told)
        assert len(checked([(told, "x")])) == 1
    for told in ("0302-02-06", "1899-12-31", "2101-01-01", "2020-13-01", "2020-1-1", "09.11.2020"):
        assert not re.fullmatch(ISO_DATE, told)


def test_saving_says_how_many_and_which_lines_were_nothing():
    assert saved_words(0, 1) == "Saved: 0 events. 1 empty line was left out."
    assert saved_words(1, 0) == "Saved: 1 event."
    assert saved_words(3, 2) == "Saved: 3 events. 2 empty lines were left out."


def test_five_hundred_events_have_room_and_one_more_has_not():
    assert len(checked([("2020-01-02", "x" * 80)] * MOST)) == 500
    with pytest.raises(StoreError, match="501"):
        checked([("2020-01-02", "x")] * (MOST + 1))


def test_of_two_who_edit_the_same_list_the_second_is_told_and_loses_nothing(settings):
    mine, theirs = (load_events(settings, simulated=True) for _ in range(2))
    save_events(settings, listed(("2020-01-02", "theirs")), read=theirs.version)
    with pytest.raises(StoreError, match="changed by somebody else"):
        save_events(settings, listed(("2020-01-02", "mine")), read=mine.version)
    now = load_events(settings, simulated=True)
    assert list(now.table["title"]) == ["theirs"]
    save_events(settings, listed(("2020-01-02", "both")), read=now.version)


def test_of_many_who_save_at_once_one_is_kept_and_the_others_are_told(settings):
    start, told = threading.Barrier(8), []

    def save(number):
        start.wait()
        try:
            save_events(settings, listed(("2020-01-02", f"{number}")), read="")
            told.append(number)
        except StoreError:
            pass

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [f"{one}" for one in told] == list(load_events(settings, simulated=True).table["title"])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"day,what\n", b"date,title\n2020-01-02\n", b"date,title\n2020-13-02,x\n",
        b"date,title\n2020-01-02,\xff\n", b'date,title\n2020-01-02,"x\n', b"\x00",
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_is_named_and_left_alone(settings, content):
    path = settings.home / "events.csv"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"events\.csv cannot be read: .*Mend the file"):
        load_events(settings, simulated=True)
    assert path.read_bytes() == content

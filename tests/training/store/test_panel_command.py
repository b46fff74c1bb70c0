"""`regime panel`: what was known at a moment, and what each column rests on."""

import json

import numpy as np
import pandas as pd
import pytest
from asked import ask, usage
from observed import FETCHED, LATER, TWO_DAYS, frame

from regime.data.as_of import panel_as_of
from regime.data.calendar import end_of_day
from regime.data.panel import digest
from regime.data.store import ObservationStore
from regime.exceptions import ConfigError, StoreError


def panel(*words: object) -> dict[str, object]:
    return json.loads(ask("panel", "--json", *words))


def test_a_day_means_its_end_in_new_york(filled):
    for day, end in (("2024-01-03", "2024-01-04T04:59:59Z"), ("2024-01-07", "2024-01-08T04:59:")):
        told = panel("--as-of", day)
        assert told["as_of"].startswith(end)
        known = panel_as_of(filled, end_of_day(pd.Timestamp(day)))
        assert told["digest"] == digest(known)
        assert (told["days"], told["columns"]) == known.shape
        assert told["last_day"] == f"{known.index[-1]:%Y-%m-%d}"
    assert panel("--as-of", "2024-01-03T20:59")["last_day"] == "2024-01-02"
    assert panel("--as-of", "2024-01-04T04:59:59Z") == panel("--as-of", "2024-01-03")
    assert panel("--as-of", "2024-01-04T04:59:59") == panel("--as-of", "2024-01-03")


def test_without_a_moment_the_panel_is_that_of_now(filled):
    now = panel()
    assert now["digest"] == digest(panel_as_of(filled, pd.Timestamp.now("UTC")))
    again = panel("--as-of", now["as_of"])  # what it prints can be asked for
    assert {**again, "as_of": ""} == {**now, "as_of": ""}


def test_the_same_moment_gives_the_same_digest_after_any_later_fetch(filled):
    moments = ["2024-01-03", "2024-01-04T21:30", f"{FETCHED:%Y-%m-%dT%H:%M}"]
    before = {moment: ask("panel", "--as-of", moment) for moment in moments}
    revised = TWO_DAYS.assign(value=[90.0, 91.0])
    new = frame([("OEF", "2024-01-04", "2024-01-04 21:00", 102.0)])
    late = pd.concat([revised, new], ignore_index=True)
    filled.append(late, fetched_at=LATER, looked=True)
    assert panel()["digest"] != panel("--as-of", moments[-1])["digest"]
    assert {moment: ask("panel", "--as-of", moment) for moment in moments} == before


def test_a_panel_of_named_series_does_not_care_what_else_is_fetched(filled):
    words = ["panel", "--as-of", "2024-01-04", "--series", "OEF", "--series", "DGS10"]
    before = ask(*words)
    first = frame([("SPY", "1993-01-29", "1993-01-29 21:00", 43.0)])
    filled.append(first, fetched_at=LATER)
    assert ask(*words) == before
    assert panel("--as-of", "2024-01-04")["first_day"] == "1993-01-29"


def described(told: dict[str, object]) -> dict[str, dict[str, object]]:
    return {row["series"]: row for row in told["series"]}


def test_each_column_says_which_row_it_rests_on(filled):
    rows = described(panel("--as-of", "2024-01-04"))
    assert rows["DGS10"] == {
        "series": "DGS10",
        "value": 4.1,
        "period": "2024-01-03",
        "age_days": 1,
        "source": "fred",
        "known_at": "2024-01-04T21:00:00Z",
        "fetched_at": "2024-06-03T12:00:00Z",
        "why": None,
    }
    spread = rows["value_spread_q1"]
    assert (spread["value"], spread["period"], spread["age_days"]) == (2.0, "2023-10-31", 65)


def test_neither_what_came_after_the_close_nor_an_older_period_is_what_it_rests_on(store):
    rows = frame(
        [
            ("DGS10", "2024-01-02", "2024-01-03 21:00", 4.0),
            ("DGS10", "2024-01-03", "2024-01-04 20:00", 4.1),
            ("OEF", "2024-01-04", "2024-01-04 21:00", 102.0),
            ("DGS10", "2024-01-02", "2024-01-04 21:00", 9.0),  # a revision
            ("DGS10", "2024-01-04", "2024-01-04 22:00", 4.2),
        ]
    )
    store.append(rows, fetched_at=FETCHED)
    told = panel("--as-of", "2024-01-04T23:00")
    rate = described(told)["DGS10"]
    assert told["last_day"] == "2024-01-04"
    assert (rate["value"], rate["period"]) == (4.1, "2024-01-03")


def test_a_missing_value_says_why(filled):
    rows = described(panel("--as-of", "2024-01-04"))
    assert rows["OEF"]["value"] is None
    assert rows["OEF"]["why"] == "too old: last of 2024-01-03, at most 0 days"
    assert rows["SPY"]["why"] == "nothing stored"
    assert described(panel("--as-of", "2024-01-02"))["DGS10"]["why"] == "nothing known by then"
    said = ask("panel", "--as-of", "2024-01-04")
    assert "missing  too old: last of 2024-01-03, at most 0 days" in said
    assert "4.1  2024-01-03     1  fred      2024-01-04 21:00  2024-06-03 12:00" in said


def test_what_a_column_rests_on_has_its_value(home):
    """On a market of many series and years: the row described is the row shown."""
    ask("fetch", "--source", "demo", "--until", "1987-06-30")
    kept = ObservationStore(home / "observations.db")
    for day in ("1987-06-30", "1974-10-03", "1965-01-04"):
        rows = described(panel("--as-of", day))
        known = panel_as_of(kept, end_of_day(pd.Timestamp(day)))
        assert set(known.columns) <= set(rows)
        stored = kept.read(end_of_day(pd.Timestamp(day)))
        for name, last in known.iloc[-1].items():
            assert (rows[name]["value"] is None) == np.isnan(last)
            if rows[name]["value"] is not None:
                mine = stored[stored["series"] == name].set_index("period")["value"]
                assert mine.loc[rows[name]["period"]] == last == rows[name]["value"]


def test_a_fund_rests_on_its_close_and_an_event_on_nothing(store):
    closes = frame(
        [
            ("OEF_close", "2024-01-02", "2024-01-02 21:00", 200.0),
            ("OEF_close", "2024-01-03", "2024-01-03 21:00", 201.0),
            ("OEF_dividend", "2024-01-02", "2024-01-02 21:00", 0.5),
        ],
        source="yahoo",
    )
    store.append(closes, fetched_at=FETCHED)
    names = ["--series", "OEF", "--series", "OEF_close", "--series", "OEF_dividend"]
    told = panel("--as-of", "2024-01-03", *names)
    rows = described(told)
    assert told["columns"] == 3
    assert rows["OEF"]["value"] == pytest.approx(100 * 201 / 200)
    assert (rows["OEF"]["source"], rows["OEF"]["period"]) == ("yahoo", "2024-01-03")
    assert rows["OEF_close"]["value"] == 201.0
    assert rows["OEF_dividend"]["why"] == "nothing happened that day; last on 2024-01-02"


def test_only_the_columns_asked_for_are_rebuilt(filled):
    told = panel("--series", "DGS10", "--series", "DGS10", "--as-of", "2024-01-04")
    assert list(described(told)) == ["DGS10"]
    assert told["columns"] == 1
    with pytest.raises(ConfigError, match=r"no series 'DGS11'.*Near it are"):
        panel("--series", "DGS11")
    with pytest.raises(ConfigError, match=r"value_spread_q1 is none\. Add one, such as"):
        panel("--series", "value_spread_q1")
    with pytest.raises(StoreError, match=r"Nothing of SPY is stored in .*Fetch it"):
        panel("--series", "SPY", "--series", "value_spread_q1")


def test_moments_that_are_none_are_refused(filled):
    assert "neither a day" in usage("panel", "--as-of", "3 January 2024")
    assert "neither a day" in usage("panel", "--as-of", "2024-02-30")
    assert "must lie between 1926-07-01 and today" in usage("panel", "--as-of", "1900-01-01")
    assert "must lie between 1926-07-01 and today" in usage("panel", "--as-of", "2199-01-01T00:00")
    soon = pd.Timestamp.now("UTC") + pd.Timedelta(minutes=2)
    assert "--as-of" in usage("panel", "--as-of", f"{soon:%Y-%m-%dT%H:%M}")
    with pytest.raises(StoreError, match="knew of no daily value by 2023-12-29"):
        panel("--as-of", "2023-12-29")


def test_the_panel_of_an_empty_store_says_how_to_fill_it(home):
    with pytest.raises(StoreError, match="Run `regime fetch --source live`"):
        ask("panel")
    assert not home.exists()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_the_file_holds_the_panel_to_the_bit(filled, tmp_path, ending):
    file = tmp_path / f"panel.{ending}"
    told = panel("--as-of", "2024-01-04", "--output", file)
    if ending == "parquet":
        back = pd.read_parquet(file)
    else:
        back = pd.read_csv(file, index_col="date", parse_dates=["date"])
    assert digest(back) == told["digest"]
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_whole_is_left_as_it_was(filled, tmp_path, monkeypatch):
    file = tmp_path / "out" / "panel.csv"
    file.parent.mkdir()
    file.write_text("what stood there")

    def full(_, draft, **options):
        with open(draft, "w") as opened:  # noqa: PTH123
            opened.write("date,DG")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(StoreError, match=r"could not be written to .*No space left on device"):
        ask("panel", "--output", file)
    assert [path.name for path in file.parent.iterdir()] == ["panel.csv"]
    assert file.read_text() == "what stood there"
    assert ".csv or .parquet" in usage("panel", "--output", tmp_path / "panel.txt")
    with pytest.raises(ConfigError, match="there is no folder"):
        ask("panel", "--output", tmp_path / "nowhere" / "panel.csv")

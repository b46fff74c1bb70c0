"""A ledger goes along with exports and into files, to the bit."""

import json
from pathlib import Path

import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest
from ledgered import evening, rows
from tracking.ledger.kept import FRIDAY, MONDAY, everything, long_on_postgres, publish

from regime.data.database import integrity
from regime.data.database.transfer import MANIFEST, export, restore
from regime.exceptions import StoreError
from regime.taxonomy import REGIMES
from regime.tracking.ledger import COLUMNS, Ledger, write_ledger


def test_a_ledger_goes_along_with_an_exported_store_to_the_byte(week, new_store, tmp_path):
    week.correct(rows(FRIDAY, (21,), seed=1), published_at=evening(FRIDAY), why="a “split”")
    counted = export(week.store, tmp_path / "a")
    assert counted["ledger"] == 16
    other = Ledger(new_store())
    assert restore(other.store, tmp_path / "a") == counted
    pd.testing.assert_frame_equal(everything(other), everything(week), check_exact=True)
    assert other.faults([week.head()]) == []
    assert integrity.faults(other.store.database) == []
    export(other.store, tmp_path / "b")
    for file in ("ledger.parquet", MANIFEST):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert publish(other, FRIDAY).empty
    assert publish(other, "2024-06-10")["seq"].to_list() == [17, 18, 19]


@long_on_postgres
def test_an_export_of_before_there_was_a_ledger_is_imported_without_one(week, new_store, tmp_path):
    export(week.store, tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / MANIFEST).read_text())
    old = {**manifest, "schema": "0002"}
    (tmp_path / "a" / MANIFEST).write_text(json.dumps(old))
    with pytest.raises(StoreError, match="changed or damaged since it was written: ledger"):
        restore(new_store(), tmp_path / "a")  # no export of that version names a ledger
    old["tables"].pop("ledger")
    (tmp_path / "a" / "ledger.parquet").unlink()
    (tmp_path / "a" / MANIFEST).write_text(json.dumps(old))
    ledger = Ledger(new_store())
    assert "ledger" not in restore(ledger.store, tmp_path / "a")
    pd.testing.assert_frame_equal(ledger.store.read(), week.store.read())
    assert ledger.read().empty
    assert len(publish(ledger, MONDAY)) == 3


@long_on_postgres
@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_written_ledger_says_every_number_to_the_bit(week, tmp_path, kind):
    whole, file = everything(week), tmp_path / f"ledger.{kind}"
    write_ledger(whole, file)  # what is loaded for it stays open
    open_files = psutil.Process().num_fds()
    write_ledger(whole, file)
    assert psutil.Process().num_fds() <= open_files  # fewer where garbage was collected
    if kind == "csv":
        # As text, for pandas before 3.1 reads a float's last digit wrong.
        back = pd.read_csv(file, dtype=dict.fromkeys(REGIMES, str))
        back = back.astype(dict.fromkeys(REGIMES, float))
    elif kind == "json":
        back = pd.DataFrame(json.loads(file.read_text()))
    else:
        back = pq.read_table(file).to_pandas(ignore_metadata=True)
    assert list(back) == COLUMNS
    assert file.stat().st_mode & 0o777 == 0o644  # for others than its writer, too
    bits = [frame[list(REGIMES)].to_numpy().tobytes() for frame in (back, whole)]
    assert bits[0] == bits[1]
    assert back["hash"].to_list() == whole["hash"].to_list()
    assert [str(day)[:10] for day in back["date"]] == whole["date"].astype(str).to_list()
    assert pd.to_datetime(back["published_at"]).to_list() == whole["published_at"].to_list()


@long_on_postgres
def test_a_ledger_that_cannot_be_written_leaves_the_former_file(week, tmp_path, monkeypatch):
    file = tmp_path / "ledger.csv"
    file.write_text("former")

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StoreError, match=r"could not be written to .*No space left"):
        write_ledger(everything(week), file)
    monkeypatch.undo()
    assert file.read_text() == "former"
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(StoreError, match=r"a file \.csv, \.json or \.parquet"):
        write_ledger(everything(week), tmp_path / "ledger.txt")

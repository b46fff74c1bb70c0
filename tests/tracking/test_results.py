"""Results on disk: whole or not at all."""

import contextlib
import json
import resource
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regime.config import ExperimentConfig
from regime.exceptions import StoreError
from regime.experiment import ExperimentResult
from regime.tracking.results import list_results, load_result, save_result, write_scores


def result(name="filter", days=2000):
    dates = pd.bdate_range("2000-01-03", periods=days)
    frame = pd.DataFrame({"baskets": "french", "date": dates, "mega_cap_led": range(days)})
    config = ExperimentConfig(name=name, model={"kind": "filter"})
    return ExperimentResult(config, frame, frame, frame, frame, [{"edge": 0.5}], "digest")


@contextlib.contextmanager
def full_disk(size):
    """Every file stops growing at `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_result_comes_back_as_it_was(tmp_path):
    save_result(result(), tmp_path, simulated=True)
    loaded = load_result(tmp_path, "filter")
    pd.testing.assert_frame_equal(loaded["predictions"], result().predictions)
    assert loaded["about"]["simulated"] is True
    assert loaded["about"]["scores"] == [{"edge": 0.5}]
    config = json.dumps(loaded["about"]["config"])
    assert ExperimentConfig.model_validate_json(config) == result().config
    assert list_results(tmp_path) == ["filter"]


def test_a_new_result_replaces_the_old_one_and_leaves_nothing_behind(tmp_path):
    save_result(result(days=10), tmp_path, simulated=True)
    save_result(result(days=20), tmp_path, simulated=True)
    save_result(result("filter_since_1963"), tmp_path, simulated=True)
    assert len(load_result(tmp_path, "filter")["predictions"]) == 20
    assert len(list(tmp_path.glob(".versions/*/*"))) == 2


def test_of_two_writers_one_does_not_sweep_away_what_the_other_has_put_in_its_place(
    tmp_path, monkeypatch
):
    plain = Path.iterdir

    def meanwhile(folder):
        monkeypatch.setattr(Path, "iterdir", plain)
        save_result(result(days=20), tmp_path, simulated=True)
        return plain(folder)

    monkeypatch.setattr(Path, "iterdir", meanwhile)
    save_result(result(days=10), tmp_path, simulated=True)
    assert len(load_result(tmp_path, "filter")["predictions"]) == 20


def test_one_name_inside_another_is_not_swept_away(tmp_path):
    save_result(result("filter-2"), tmp_path, simulated=True)
    save_result(result("filter"), tmp_path, simulated=True)
    assert list_results(tmp_path) == ["filter", "filter-2"]


def test_a_folder_may_be_named_from_where_one_stands_and_moved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_result(result(), Path("here"), simulated=True)
    assert len(load_result(Path("here"), "filter")["predictions"]) == 2000
    Path("here").rename("there")
    assert len(load_result(Path("there"), "filter")["predictions"]) == 2000


@pytest.mark.parametrize("size", [10, 5000, 20_000])
def test_a_full_disk_keeps_the_former_result(tmp_path, size):
    save_result(result(days=10), tmp_path, simulated=True)
    with full_disk(size), pytest.raises(StoreError, match="The former one, if any, stands"):
        save_result(result(), tmp_path, simulated=True)
    assert len(load_result(tmp_path, "filter")["predictions"]) == 10
    assert len(list(tmp_path.glob(".versions/*/*"))) == 1


def test_a_full_disk_keeps_the_former_scores(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("before")
    with full_disk(10), pytest.raises(StoreError, match=r"could not be written to .*out\.json"):
        write_scores([result()], path, simulated=False)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


def test_scores_are_a_list_of_objects_marked_where_simulated(tmp_path):
    write_scores([result()], tmp_path / "out.json", simulated=True)
    assert json.loads((tmp_path / "out.json").read_text()) == [{"edge": 0.5, "simulated": True}]


def test_a_missing_or_damaged_result_says_what_to_run(tmp_path):
    with pytest.raises(StoreError, match=r"regime compare filter`"):
        load_result(tmp_path, "filter")
    folder = save_result(result(), tmp_path, simulated=True)
    (folder / "result.json").write_text('{"simulated":')
    with pytest.raises(StoreError, match="no readable result"):
        load_result(tmp_path, "filter")


@pytest.mark.parametrize("said", ["[" * 100_000, "2", "[]"])
def test_what_is_said_beside_a_result_is_an_object_or_the_result_is_damaged(tmp_path, said):
    (save_result(result(), tmp_path, simulated=True) / "result.json").write_text(said)
    with pytest.raises(StoreError, match=r"no readable result.*regime compare"):
        load_result(tmp_path, "filter")


def test_a_table_that_pandas_cannot_put_together_is_a_damaged_result(tmp_path):
    folder = save_result(result(), tmp_path, simulated=True)
    notes = {"pandas": '{"columns": [{"name": "date"}], "index_columns": [1.5]}'}
    table = pa.table({"date": [["2024-06-12"]]}).replace_schema_metadata(notes)
    pq.write_table(table, folder / "labels.parquet")
    with pytest.raises(StoreError, match="no readable result"):
        load_result(tmp_path, "filter")

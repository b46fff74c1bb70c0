"""A walk-forward that was kept comes back as it was, or not at all."""

import os

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime.evaluation import kept
from regime.evaluation.kept import KeptWalks, name_of
from regime.evaluation.walk_forward import Walk
from regime.taxonomy import REGIMES


def walk(seed=0, n_days=40):
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-02", periods=n_days, name="date").as_unit("us")
    fitted_on = days.where(np.arange(n_days) % 20 == 0).to_series().ffill().to_numpy()
    proba = pd.DataFrame(rng.dirichlet([1, 1, 1], size=n_days), days, list(REGIMES))
    fits = pd.DataFrame(
        {"fitted_on": days[[0, 20]], "n_rows": [300, 320], "runner_up_gap": [np.nan, 1 / 3]}
    )
    return Walk(proba.assign(fitted_on=fitted_on), fits)


def same(found, expected):
    assert_frame_equal(found.proba, expected.proba, check_exact=True, check_freq=False)
    assert_frame_equal(found.fits, expected.fits, check_exact=True)


def test_what_was_kept_comes_back_to_the_bit(tmp_path):
    there = KeptWalks(tmp_path / "walks")
    assert there.read("a") is None
    there.keep("a", walk())
    same(there.read("a"), walk())
    assert there.read("b") is None


@pytest.mark.parametrize("left", [0, 1, 100, -1])
def test_a_file_cut_short_is_as_good_as_none(left, tmp_path):
    there = KeptWalks(tmp_path)
    there.keep("a", walk())
    path = tmp_path / "a.parquet"
    path.write_bytes(path.read_bytes()[:left])
    assert there.read("a") is None
    there.keep("a", walk())
    same(there.read("a"), walk())


def test_a_table_of_another_kind_is_as_good_as_none(tmp_path):
    pd.DataFrame({"x": [1.0]}).to_parquet(tmp_path / "a.parquet")
    assert KeptWalks(tmp_path).read("a") is None


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_fails(tmp_path):
    (tmp_path / "file").write_text("in the way")
    KeptWalks(tmp_path / "file").keep("a", walk())
    assert KeptWalks(tmp_path / "file").read("a") is None


def test_a_folder_to_read_only_is_read(tmp_path, monkeypatch):
    KeptWalks(tmp_path).keep("a", walk())

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(kept.os, "utime", refused)
    same(KeptWalks(tmp_path).read("a"), walk())


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept.pq, "write_table", full)
    KeptWalks(tmp_path).keep("a", walk())
    assert not list(tmp_path.iterdir())


def test_what_was_asked_for_longest_ago_makes_room(tmp_path):
    there = KeptWalks(tmp_path)
    for age, name in enumerate("abc"):
        there.keep(name, walk())
        os.utime(tmp_path / f"{name}.parquet", (1000 + age, 1000 + age))
    (tmp_path / "x.draft").write_bytes(b"left by a writer that was killed")
    os.utime(tmp_path / "x.draft", (999, 999))
    assert there.read("a") is not None  # which makes it the newest
    size = (tmp_path / "a.parquet").stat().st_size
    KeptWalks(tmp_path, most_bytes=int(2.5 * size)).keep("d", walk())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "d.parquet"]


def test_the_name_follows_from_what_the_code_and_the_libraries(monkeypatch):
    names = {name_of({"horizon": 0}), name_of({"horizon": 21})}
    assert name_of({"horizon": 0}) in names
    monkeypatch.setattr(kept, "code_digest", lambda: "another")
    names.add(name_of({"horizon": 0}))
    monkeypatch.setattr(kept, "_libraries", lambda: {"numpy": "of tomorrow"})
    names.add(name_of({"horizon": 0}))
    assert len(names) == 4

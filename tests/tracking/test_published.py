"""What was kept of a published day is there as it was, or not at all."""

import json

import pandas as pd
import pytest

from regime.settings import Settings
from regime.tracking.published import load_day

DAY = pd.Timestamp("2024-06-12")
KEPT = {
    "about": {"state": "PUBLISHED"},
    "drivers": [{"feature": "slope", "value": 1.0}],
    "similar": [{"date": "2024-03-01", "episode": None}],
    "flips": [],
}


def said(home, kept):
    (home / "published" / "days").mkdir(parents=True)
    (home / "published" / "days" / f"{DAY:%Y-%m-%d}.json").write_text(json.dumps(kept))
    return load_day(Settings(home=home), DAY)


def test_a_day_comes_back_with_its_frames(tmp_path):
    found = said(tmp_path, KEPT)
    assert found["about"] == KEPT["about"]
    assert found["drivers"].to_dict("records") == KEPT["drivers"]
    assert found["similar"]["date"].to_list() == [pd.Timestamp("2024-03-01")]
    assert found["flips"].empty


@pytest.mark.parametrize("rows", [[[{"a": 1}], {"a": 1}], [1], ["ab"], {"a": 1}, None, 1])
def test_rows_that_are_none_are_no_day(tmp_path, rows):
    assert said(tmp_path, KEPT | {"flips": rows}) is None

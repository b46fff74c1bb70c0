"""Features that training knows enough of, and no others."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime.exceptions import PanelError
from regime.models.selection import KnownFeatures


@pytest.fixture
def series() -> pd.DataFrame:
    steps = np.arange(10.0)
    return pd.DataFrame(
        {
            "always": steps,
            "half": np.where(steps < 5, np.nan, steps),
            "late": np.where(steps < 8, np.nan, steps),
            "once": np.where(steps < 9, np.nan, steps),
            "never": np.nan,
            "flat": 3.0,
            "flat_where_known": np.where(steps < 5, np.nan, 3.0),
        }
    )


@pytest.mark.parametrize(
    ("min_share", "kept"),
    [
        (0.0, ["always", "half", "late"]),
        (0.2, ["always", "half", "late"]),
        (0.5, ["always", "half"]),
        (0.51, ["always"]),
        (1.0, ["always"]),
    ],
)
def test_a_feature_is_kept_if_it_is_known_often_enough_and_varies(series, min_share, kept):
    selection = KnownFeatures(min_share).fit(series)
    assert list(selection.get_feature_names_out()) == kept
    np.testing.assert_array_equal(selection.transform(series), series[kept])


@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_what_is_kept_is_what_a_look_at_each_column_says(seed, min_share):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2, size=(12, 6)).astype(float)
    values[rng.uniform(size=values.shape) < rng.uniform()] = np.nan
    kept = []
    for column in values.T:
        known = [value for value in column if not np.isnan(value)]
        kept.append(len({*known}) > 1 and len(known) / 12 >= min_share)
    if any(kept):
        assert list(KnownFeatures(min_share).fit(values).get_support()) == kept
    else:
        with pytest.raises(ValueError, match="None of 6 features"):
            KnownFeatures(min_share).fit(values)


def test_later_rows_do_not_change_what_was_chosen_in_training(series):
    selection = KnownFeatures(0.5).fit(series[:6])
    assert list(selection.get_feature_names_out()) == ["always"]
    assert selection.transform(series).shape == (10, 1)


def test_refitting_chooses_anew(series):
    selection = KnownFeatures(0.5).fit(series[["always", "never"]])
    assert list(selection.fit(series[["never", "half"]]).get_feature_names_out()) == ["half"]


def test_if_nothing_is_left_it_says_what_was_asked_and_what_to_do(series):
    with pytest.raises(PanelError, match=r"None of 2 features is known on 50%.*training\.since"):
        KnownFeatures(0.5).fit(series[["never", "flat"]])

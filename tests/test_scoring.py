"""What a version says of a day, and on what footing."""

import pandas as pd
import pytest

from regime.bundle import fit_bundle
from regime.config import ExperimentConfig
from regime.exceptions import EvaluationError
from regime.experiment import Comparison
from regime.scoring import COLUMNS, score_days

UNTIL = "2003-12-31"


@pytest.fixture(scope="module")
def version(market):
    """A filter trained to the end of 2003, and its walk-forward."""
    config = ExperimentConfig(
        name="filter",
        baskets=("french",),
        labels={"horizons": (0, 21)},
        evaluation={"first_test": {"french": pd.Timestamp("1995-01-03").date()}},
        training={"every": 3},
        model={"kind": "filter"},
    )
    known = market[:UNTIL]
    record = Comparison(known).run(config).predictions.drop(columns="baskets")
    return fit_bundle(config, "french", known), record


def scored(version, panel, **more):
    return score_days(*version, panel, version="7", **more)


def test_days_of_training_come_from_the_walk_forward_and_later_ones_from_the_model(version, market):
    bundle, record = version
    rows = scored(version, market)
    assert list(rows) == COLUMNS
    seen = rows["date"] <= UNTIL
    assert set(rows[seen]["basis"]) == {"walk_forward"}
    assert set(rows[~seen]["basis"]) == {"out_of_sample"}
    names = ["date", "horizon", "mega_cap_led", "broadening", "small_cap_led"]
    order = ["date", "horizon"]
    pd.testing.assert_frame_equal(
        rows[seen][names].reset_index(drop=True),
        record[names].sort_values(order, ignore_index=True),
        check_exact=True,
    )
    own = bundle.predict_proba(market)
    own = own[own["date"] > UNTIL].sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(rows[~seen][names].reset_index(drop=True), own, check_exact=True)
    assert (rows["model_version"] == "7").all()
    assert (rows["trained_until"] == pd.Timestamp(UNTIL)).all()


def test_in_sample_rows_come_only_when_asked_for_and_say_so(version, market):
    assert "in_sample" not in set(scored(version, market)["basis"])
    rows = scored(version, market, in_sample=True)
    mine = rows[rows["basis"] == "in_sample"]
    assert mine["date"].max() <= pd.Timestamp(UNTIL)
    assert len(mine) > 1000


def test_appending_days_changes_no_earlier_row(version, market):
    whole, part = scored(version, market), scored(version, market[:"2006-03-31"])
    pd.testing.assert_frame_equal(whole[: len(part)], part, check_exact=True)


def test_a_model_does_not_speak_of_a_past_whose_future_it_has_seen(version, market):
    with pytest.raises(EvaluationError, match="has seen the future of 2001-06-29"):
        scored(version, market[:"2001-06-30"])

"""What pages may draw at all."""

import pandas as pd

from regime.tracking.published import load_published


def test_no_chart_draws_a_day_by_a_model_that_was_trained_on_it(served):
    scores = load_published(served)["scores"]
    assert set(scores["basis"]) == {"walk_forward", "out_of_sample"}
    drawn = scores.drop_duplicates(["date", "horizon"])
    assert len(drawn) == len(scores)
    later = scores[scores["basis"] == "out_of_sample"]
    assert (later["date"] > later["trained_until"]).all()
    assert pd.Timestamp("2008-12-31") == scores["date"].max()

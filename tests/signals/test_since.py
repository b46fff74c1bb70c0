"""What pairs have earned since a day, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from regime.data.calendar import trading_days
from regime.signals.declaration import POINTS, RETURN, Topic
from regime.signals.registry import SIGNALS
from regime.signals.since import COLUMNS, since_table
from regime.signals.windows import returns

DAYS = trading_days(pd.Timestamp("2024-06-26"), pd.Timestamp("2024-07-03"))
TOPIC = Topic("Any", "sizes", "Which?", "Because.")
DECLARED = [
    *returns("a", "A less B", "A", TOPIC, against="B"),
    *returns("b", "B", "B", TOPIC, spans=(5, 21)),
    *returns("c", "A less C", "A", TOPIC, against="C"),
]
PANEL = pd.DataFrame(
    {"A": [90.0, 95, 100, 105, 108, 120], "B": [200.0, 200, 200, 200, 200, 210]}, DAYS
)


def test_each_pair_is_told_once_from_the_close_of_the_day():
    # From Friday 28 June to 3 July: A from 100 to 120, B from 200 to 210, 20% less 5%.
    for day in ("2024-06-28", "2024-06-30"):  # a Sunday begins at the Friday's close
        table = since_table(PANEL, DECLARED, pd.Timestamp(day))
        assert list(table) == COLUMNS
        assert table["title"].tolist() == ["A less B", "B", "A less C"]
        assert table["unit"].tolist() == [POINTS, RETURN, POINTS]
        assert table["value"].tolist() == pytest.approx([0.15, 0.05, np.nan], nan_ok=True)
        assert table["series"].tolist() == ["A, B", "B", "A, C"]


def test_a_side_without_a_value_at_either_end_is_not_told():
    day = pd.Timestamp("2024-06-28")
    assert np.isnan(since_table(PANEL, DECLARED, DAYS[-1])["value"]).all()
    assert np.isnan(since_table(PANEL, DECLARED, pd.Timestamp("2024-06-20"))["value"]).all()
    stale = PANEL.assign(B=PANEL["B"].where(PANEL.index < DAYS[-1]))
    assert np.isnan(since_table(stale, DECLARED, day)["value"]).all()


def test_every_pair_of_the_project_is_told_once():
    pairs = {one.pair for one in SIGNALS.values() if one.pair is not None}
    table = since_table(pd.DataFrame(index=DAYS), [*SIGNALS.values()], DAYS[0])
    assert len(table) == len(pairs)
    assert not table.duplicated(["title", "topic"]).any()
    assert table["value"].isna().all()

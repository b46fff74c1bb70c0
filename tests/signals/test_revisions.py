"""Earnings revisions: as supplied, and a proxy from filings that says that it is one."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame

from regime.data.calendar import trading_days
from regime.data.declared.own import TABLE
from regime.data.panel import point_in_time
from regime.signals.declared.companies import GIANTS, SIGNALS, share_ahead

BY_NAME = {one.name: one for one in SIGNALS if one.topic.title == "Earnings revisions"}
DAYS = trading_days(pd.Timestamp("2023-01-03"), pd.Timestamp("2024-12-31"))
SUPPLIED = ("revisions_small", "revisions_large", "revisions_small_less_large")
# A report of each of the seven on row 20, and of the same quarter a year later on row 272.
FILED, AGAIN = 20, 272


def filings(then, now, rows=300):
    """Net income of the seven as carried, NaN before the first report."""
    columns = {}
    for company, first, second in zip(GIANTS, then, now, strict=True):
        income = np.full(rows, np.nan)
        income[FILED:AGAIN], income[AGAIN:] = first, second
        columns[f"{company}_net_income"] = income
    return pd.DataFrame(columns, index=DAYS[:rows])


def proxy(panel):
    return BY_NAME["revisions_proxy"].of(panel)


def test_revisions_are_told_as_supplied_and_small_against_large():
    panel = pd.DataFrame(
        {"earnings_revisions_small": [-0.20, np.nan, 0.10],
         "earnings_revisions_large": [0.15, 0.15, 0.25]}, DAYS[:3],
    )  # fmt: skip
    told = {name: BY_NAME[name].of(panel) for name in SUPPLIED}
    assert_allclose(told["revisions_small"], [-0.20, np.nan, 0.10])
    assert_allclose(told["revisions_large"], [0.15, 0.15, 0.25])
    assert_allclose(told["revisions_small_less_large"], [-0.35, np.nan, -0.15])


@pytest.mark.parametrize("name", SUPPLIED)
def test_without_a_table_of_ones_own_revisions_say_which_columns_to_supply(name):
    assert BY_NAME[name].of(pd.DataFrame({"SPY": 1.0}, DAYS[:5])).isna().all()
    supply = BY_NAME[name].declaration()["supply"]
    assert all(word in supply for word in (TABLE, *BY_NAME[name].needs, "no free history"))


def test_supplied_revisions_serve_for_45_days():
    # 31 January and 45 days are 16 March 2024, a Saturday.
    rows = [(name, "2024-01-31", "2024-01-31", value) for name, value in
            zip(BY_NAME[SUPPLIED[2]].needs, (-0.2, 0.1), strict=True)]  # fmt: skip
    told = BY_NAME[SUPPLIED[2]].of(point_in_time(frame(rows), DAYS))
    assert_allclose(told["2024-01-31":"2024-03-15"], -0.3)
    assert told["2024-03-18":].isna().all()
    assert np.isnan(told.iloc[-1])


def test_the_proxy_is_the_share_of_the_seven_that_earn_more_than_a_year_before():
    # Four of seven earn more, if only a little; the fifth a little less.
    then, now = [100.0] * 7, [120.0, 101, 150, 100.01, 99.99, 80, 50]
    told = proxy(filings(then, now))
    assert told[:AGAIN].isna().all()  # of the first report the year before is not known
    assert_allclose(told[AGAIN:], 4 / 7)


def test_a_smaller_loss_beats_a_larger_one():
    then, now = [-50.0, -50, 10, 10, 10, 10, 10], [-20.0, -80, -1, 20, 20, 20, 20]
    assert_allclose(proxy(filings(then, now)).iloc[-1], 5 / 7)  # the first, and the last four


def test_the_proxy_waits_for_the_last_of_the_seven():
    panel = filings([100.0] * 7, [120.0] * 7)
    late = panel.columns[3]
    panel.loc[: DAYS[AGAIN + 3], late] = np.nan
    assert proxy(panel).isna().all()  # its report of a year before is not known
    panel = filings([100.0] * 7, [120.0] * 7)
    panel.loc[panel.index[-1], late] = np.nan
    assert np.isnan(proxy(panel).iloc[-1])
    assert proxy(panel).iloc[-2] == 1
    assert proxy(panel.drop(columns=late)).isna().all()


def test_the_proxy_is_blind_to_filings_to_come():
    rng = np.random.default_rng(0)
    panel = filings(rng.normal(100, 9, 7), rng.normal(100, 9, 7), rows=320)
    whole = proxy(panel)
    for end in (FILED + 1, AGAIN, AGAIN + 1, 300):
        pd.testing.assert_series_equal(proxy(panel[:end]), whole[:end], check_exact=True)


def test_the_proxy_grows_stale_with_its_oldest_filing():
    # Years end with December, filed on 2 February; Oracle's quarter ends with November.
    rows = []
    for company in GIANTS:
        day = "11-30" if company == "ORCL" else "12-31"
        for year, income in ((2022, 100.0), (2023, 120.0)):
            name = f"{company}_net_income"
            rows.append((name, f"{year}-{day}", f"{year + 1}-02-02 12:00", income))
            rows.append((name, f"{year + 1}-06-30", f"{year + 1}-08-01 12:00", income + 1))
    rows = [one for one in rows if one[1] != "2024-06-30"]
    told = proxy(point_in_time(frame(rows), DAYS))
    # 30 November and 185 days are 2 June 2024, a Sunday.
    assert told.first_valid_index() == pd.Timestamp("2024-02-02")
    assert told.last_valid_index() == pd.Timestamp("2024-05-31")
    assert (told.dropna() == 1).all()


def test_the_proxy_says_that_it_is_one_and_asks_for_nothing():
    said = BY_NAME["revisions_proxy"].declaration()
    assert said["title"].startswith("Proxy")
    assert "no revision" in said["trap"]
    assert "day of the filing" in said["trap"]
    assert not said["supply"]
    for name in SUPPLIED:
        assert "roxy" not in BY_NAME[name].declaration()["title"]


def test_only_what_is_above_counts_as_ahead():
    panel = filings([100.0] * 7, [100.0 + 1e-9] * 7)
    assert_allclose(share_ahead(panel, GIANTS, "net_income").iloc[-1], 1)
    panel = filings([100.0] * 7, [90.0] * 7)
    assert_allclose(share_ahead(panel, GIANTS, "net_income").iloc[-1], 0)

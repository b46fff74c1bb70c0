"""Positioning, worked by hand; weeks of reports against a slow count of them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame

from regime.data import catalog
from regime.data.calendar import session_closes, trading_days
from regime.data.panel import point_in_time
from regime.exceptions import PanelError
from regime.signals.declaration import WEEKS
from regime.signals.declared.positioning import FLOW, SHORTS, SIGNALS, SURVEYS
from regime.signals.weeks import (
    report_weeks,
    weekly_change,
    weekly_score,
    weekly_streak,
    weekly_sum,
)

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2023-01-03"), pd.Timestamp("2024-12-31"))
CLOSES = session_closes(DAYS[-1]).reindex(DAYS)


def told(name, length=1, **columns):
    return BY_NAME[name].of(pd.DataFrame(columns, index=DAYS[:length])).to_numpy()


def reports(series, numbers, first="2023-01-06"):
    """Observations of weekly numbers from the week to this Friday on, known by lag."""
    fridays = pd.date_range(first, periods=len(numbers), freq="7D").as_unit("us")
    known = catalog.get(series).known_at(fridays)
    return pd.DataFrame({"series": series, "period": fridays, "known_at": known,
                         "value": np.array(numbers, dtype=float), "source": "test"})  # fmt: skip


def seen(observations, day):
    """Numbers of all weeks known at a close, oldest first."""
    return observations.loc[observations["known_at"] <= CLOSES[day], "value"].tolist()


# Weeks. Numbers from a small choice, so that neighbours are often the same.

WEEKLY = ["ici_equity_flow", "cftc_sp500_leveraged"]  # known by Fridays, and by Wednesdays
NUMBERS = np.random.default_rng(5).integers(-1, 3, 104)


@pytest.mark.parametrize("series", WEEKLY)
def test_weeks_with_the_same_number_are_still_counted_one_by_one(series):
    observations = reports(series, NUMBERS)
    column, ends = point_in_time(observations, DAYS)[series], report_weeks(catalog.get(series))
    # With Good Fridays, Christmases and Juneteenth among the days.
    known = [seen(observations, day) for day in DAYS]
    sums = [sum(one[-4:]) if len(one) >= 4 else np.nan for one in known]
    moves = [one[-1] - one[-14] if len(one) > 13 else np.nan for one in known]
    assert_allclose(weekly_sum(column, 4, ends), sums)
    assert_allclose(weekly_change(column, 13, ends), moves)
    assert_allclose(weekly_streak(column, ends), [slow_run(one) for one in known])


def slow_run(known):
    if not known:
        return np.nan
    sign, run = np.sign(known[-1]), 0
    for number in reversed(known):
        if np.sign(number) != sign:
            break
        run += 1
    return sign * run


@pytest.mark.parametrize("series", WEEKLY)
def test_a_score_is_of_the_weeks_before_alone(series):
    observations = reports(series, NUMBERS)
    column, ends = point_in_time(observations, DAYS)[series], report_weeks(catalog.get(series))
    expected = []
    for day in DAYS[::3]:
        *before, now = seen(observations, day) or [np.nan]
        before = before[-20:]
        far = (now - np.mean(before)) / np.std(before, ddof=1) if len(before) >= 10 else np.nan
        expected.append(far)
    assert_allclose(weekly_score(column, 20, 10, ends)[::3], expected)


def test_weeks_that_never_vary_have_no_score():
    column = point_in_time(reports(WEEKLY[0], [3.0] * 30), DAYS[:150])[WEEKLY[0]]
    assert weekly_score(column, 20, 10, "W-THU").isna().all()


def test_a_report_that_comes_days_late_counts_from_then_on_and_once():
    observations = reports("cftc_vix_leveraged", [1, 2, 3, 4])
    observations.loc[1, "known_at"] += pd.Timedelta(days=2)  # not Wednesday 18 January, but Friday
    column = point_in_time(observations, DAYS[:30])["cftc_vix_leveraged"]
    sums = weekly_sum(column, 2, "W-TUE")
    # Until it comes, the one before is a repetition: 1 + 1.
    assert_allclose(sums["2023-01-18":"2023-01-19"], 2)
    assert_allclose(sums["2023-01-20":"2023-01-24"], 1 + 2)
    assert_allclose(sums["2023-01-25":"2023-01-31"], 2 + 3)


def test_a_missing_week_ends_a_run_and_leaves_no_sum():
    days = DAYS[:40]
    column = pd.Series(5.0, days)
    week = (days >= "2023-01-20") & (days < "2023-01-27")  # Friday to Thursday
    column[week] = np.nan
    assert np.isnan(weekly_streak(column, "W-THU")[week]).all()
    assert weekly_streak(column, "W-THU")["2023-01-27"] == 1
    sums = weekly_sum(column, 3, "W-THU")
    assert sums["2023-01-19"] == 15
    assert sums["2023-01-20":"2023-02-09"].isna().all()
    assert sums["2023-02-10"] == 15


def test_a_day_missing_late_in_a_week_changes_no_day_before_it():
    column = pd.Series(np.arange(40.0), DAYS[:40])
    whole = weekly_sum(column, 2, "W-THU")
    column.iloc[17] = np.nan
    assert_allclose(weekly_sum(column, 2, "W-THU")[:17], whole[:17])


def test_weeks_begin_when_their_report_is_known():
    # A week to Friday, known when the Thursday after is over, or the Tuesday.
    assert report_weeks(catalog.get("ici_total_flow")) == "W-THU"
    assert report_weeks(catalog.get("cftc_vix_leveraged")) == "W-TUE"
    with pytest.raises(PanelError, match="weekly series, but DGS10 is daily"):
        report_weeks(catalog.get("DGS10"))


# Row 19: short covering.


def test_days_to_cover_are_told_of_small_and_large_and_as_a_gap():
    short = {"short_days_small": [6.5], "short_days_large": [2.5], "short_coverage_small": [0.9],
             "short_change_small": [-0.08], "short_change_large": [0.02],
             "short_coverage_large": [0.97]}  # fmt: skip
    assert_allclose(told("days_to_cover_small", **short), [6.5])
    assert_allclose(told("days_to_cover_large", **short), [2.5])
    assert_allclose(told("days_to_cover_small_less_large", **short), [4.0])
    assert_allclose(told("short_growth_small", **short), [-0.08])
    assert_allclose(told("short_growth_small_less_large", **short), [-0.1])
    assert_allclose(told("members_with_shorts_small", **short), [0.9])
    assert_allclose(told("members_with_shorts_large", **short), [0.97])
    assert "seventh business day" in SHORTS.trap
    assert "latest revision" in SHORTS.trap


def test_old_short_interest_is_not_told():
    rows = [(f"short_days_{size}", "2024-01-31", "2024-02-12 22:00", 3.0)
            for size in ("small", "large")]  # fmt: skip
    values = BY_NAME["days_to_cover_small_less_large"].of(point_in_time(frame(rows), DAYS)).dropna()
    # 31 January and 45 days are 16 March, a Saturday.
    assert (values.index[0], values.index[-1]) == (DAYS[DAYS > "2024-02-12"][0],
                                                   pd.Timestamp("2024-03-15"))  # fmt: skip


# Row 22: fund flows.


def test_flows_of_four_weeks_are_told_in_dollars_and_of_assets():
    flow = reports("ici_equity_flow", [1000, 2000, 2000, -500, 3000])
    panel = point_in_time(flow, DAYS[:40]).assign(ici_equity_assets=1_300_000.0)
    # The fifth report: 2000 + 2000 - 500 + 3000 = 6500, half a percent of 1.3 million.
    day = pd.Timestamp("2023-02-10")  # the week to 3 February, a week later
    assert BY_NAME["equity_flow_week"].of(panel)[day] == 3000
    assert BY_NAME["equity_flow_4w"].of(panel)[day] == 6500
    assert BY_NAME["equity_flow_4w"].of(panel)[: pd.Timestamp("2023-02-02")].isna().all()
    assert BY_NAME["equity_flow_4w_of_assets"].of(panel)[day] == pytest.approx(0.5)
    assert BY_NAME["equity_flow_streak"].of(panel)[day] == 1
    assert BY_NAME["equity_flow_streak"].of(panel)[pd.Timestamp("2023-02-02")] == 3
    assert BY_NAME["equity_flow_streak"].unit == WEEKS


def test_a_score_of_flows_takes_a_year_of_sums_of_four_weeks():
    numbers = np.where(np.arange(60) % 2, 100.0, 300.0)  # sums of four are 800 throughout
    numbers[59] = 700.0  # the last is 800 + 600
    observations = reports("ici_bond_flow", numbers)
    observations.loc[4, "value"] += 55.0  # four sums of 855
    score = BY_NAME["bond_flow_4w_score"].of(point_in_time(observations, DAYS))
    first, last = (DAYS[CLOSES.searchsorted(observations["known_at"][at])] for at in (55, 59))
    # Sums 4 to 59 are 56: 52 of 800 and four of 855. Mean 803.929, sd 14.297.
    sums = [800.0] * 52 + [855.0] * 4
    assert score[last] == pytest.approx((1400 - np.mean(sums)) / np.std(sums, ddof=1))
    assert score[last] == pytest.approx(41.7, abs=0.05)
    # The 56th report has the 53rd sum, and 52 before it.
    assert score.first_valid_index() == first


def test_flows_that_are_no_longer_reported_are_not_told():
    flow = reports("ici_equity_flow", [1000.0] * 6)  # to 10 February
    panel = point_in_time(flow, DAYS[:80])
    for name in ("equity_flow_week", "equity_flow_4w", "equity_flow_streak"):
        # 24 days after the end of the week of 10 February.
        assert BY_NAME[name].of(panel).last_valid_index() == pd.Timestamp("2023-03-06")


def test_a_flow_report_that_does_not_come_counts_as_a_repetition():
    observations = reports("ici_equity_flow", [1000, 2000, 3000, 4000, 5000]).drop(3)
    panel = point_in_time(observations, DAYS[:40])
    total = BY_NAME["equity_flow_4w"].of(panel)
    # 1000 + 2000 + 3000, and 3000 again; then 2000 + 3000 + 3000 + 5000.
    assert total[pd.Timestamp("2023-02-03")] == 9000
    assert total[pd.Timestamp("2023-02-10")] == 13_000
    assert "counts as a repetition" in FLOW.trap


def test_flows_say_how_late_and_how_short_they_are():
    assert "seven days" in FLOW.trap
    assert "re-benchmarked" in FLOW.trap
    assert "ici_weekly" in FLOW.supply
    assert "ici_monthly" in FLOW.supply


def test_creations_are_growth_of_shares_and_a_split_creates_none():
    shares, split = np.full(30, 100e6), np.full(30, np.nan)
    shares[25:] = 105e6
    plain = told("IWM_creations_21d", 30, IWM_shares_outstanding=shares)
    assert_allclose(plain[21:], [0] * 4 + [0.05] * 5, atol=1e-12)
    split[22] = 2.0  # the file of that day is known on the next
    shares[23:] *= 2
    told_with = told("IWM_creations_21d", 30, IWM_shares_outstanding=shares, IWM_split=split)
    assert_allclose(told_with, plain, atol=1e-12)


def test_creations_are_not_told_of_an_old_file():
    rows = [("OEF_shares_outstanding", f"{day:%Y-%m-%d}", f"{day:%Y-%m-%d} 23:00", 1e8)
            for day in DAYS[:60]]  # fmt: skip
    values = BY_NAME["OEF_creations_21d"].of(point_in_time(frame(rows), DAYS[:80]))
    age = values.last_valid_index() - DAYS[59]
    assert pd.Timedelta(days=7) < age <= pd.Timedelta(days=10)


def test_positions_are_told_with_their_change_over_thirteen_reports():
    numbers = [0.10] * 13 + [-0.05, -0.05]
    panel = point_in_time(reports("cftc_russell_leveraged", numbers), DAYS[:90])
    net, change = (BY_NAME[name].of(panel) for name in ("russell_leveraged_net",
                                                        "russell_leveraged_net_13w"))  # fmt: skip
    # The 14th week is that to 7 April 2023, known at the close of the Wednesday after.
    assert change.first_valid_index() == pd.Timestamp("2023-04-12")
    assert_allclose(change["2023-04-12":"2023-04-20"], -0.15)
    assert_allclose(net["2023-04-11":"2023-04-12"], [0.10, -0.05])
    assert net.last_valid_index() == pd.Timestamp("2023-05-08")  # 14 April and 24 days


# What investors say.


def test_surveys_are_told_as_supplied_for_45_days():
    rows = [("aaii_bull_less_bear", "2024-01-04", "2024-01-04", -12.5),
            ("naaim_exposure", "2024-01-04", "2024-01-04", 104.0)]  # fmt: skip
    panel = point_in_time(frame(rows), DAYS)
    assert BY_NAME["aaii"].of(panel)["2024-01-05"] == -12.5
    assert BY_NAME["naaim"].of(panel)["2024-01-05"] == pytest.approx(1.04)
    # 18 February is a Sunday.
    assert BY_NAME["naaim"].of(panel).last_valid_index() == pd.Timestamp("2024-02-16")
    assert all(name in SURVEYS.supply for name in ("own_series", *panel.columns))


# All of them.


def every_series():
    rng = np.random.default_rng(4)
    names = sorted({name for one in SIGNALS for name in one.needs})
    return pd.DataFrame(rng.uniform(1, 2, (len(DAYS), len(names))), index=DAYS, columns=names)


EVERY = every_series()


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)
def test_without_one_of_its_series_a_signal_has_no_number_that_day(signal):
    assert not np.isnan(signal.of(EVERY).iloc[-1])
    for name in signal.needs:
        assert signal.of(EVERY.drop(columns=name)).isna().all()
        gone = EVERY.copy()
        gone.loc[gone.index[-1], name] = np.nan
        assert np.isnan(signal.of(gone).iloc[-1])

"""Inflation, jobs, growth and policy as they were known, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame

from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.signals.declared.economy import SIGNALS
from regime.signals.prints import extra_columns

BY_NAME = {signal.name: signal for signal in SIGNALS}
DAYS = trading_days(pd.Timestamp("2022-01-03"), pd.Timestamp("2024-12-31"))


def released(series, values, *, first="2022-01-31", weekly=False):
    """A release a period: the month's on the 10th of the next, the week's on the next Thursday."""
    periods = pd.date_range(first, periods=len(values), freq="W-FRI" if weekly else "ME")
    lag = pd.Timedelta(days=6 if weekly else 10)
    return [
        (series, period, period + lag + pd.Timedelta(hours=13), float(value))
        for period, value in zip(periods, values, strict=True)
    ]


def of(name, rows):
    """A signal on every day, from observations: the panel holds what it declares."""
    signal = BY_NAME[name]
    observed = frame(rows)
    panel = point_in_time(observed, DAYS)
    extra = extra_columns(observed, DAYS, (*signal.needs, *signal.uses))
    return signal.of(pd.concat([panel, extra], axis=1))


# A month of prices is 0.25 dearer than the one before, from 100 in January 2022.
PRICES = 100 + 0.25 * np.arange(36)


@pytest.mark.parametrize("series", ["CPIAUCSL", "CPILFESL"])
def test_inflation_is_the_newest_month_over_the_same_month_of_the_year_before(series):
    name = {"CPIAUCSL": "cpi", "CPILFESL": "core_cpi"}[series]
    yoy, rows = of(f"{name}_yoy", released(series, PRICES)), released(series, PRICES)
    # January 2023 is 103: 3% above the 100 of January 2022, from 10 February on; February is
    # 103.25 over 100.25, 2.992519%, from 10 March on.
    assert yoy[:"2023-02-09"].isna().all()
    assert_allclose(yoy["2023-02-10":"2023-03-09"], 3)
    assert_allclose(yoy["2023-03-10":"2023-04-06"], 2.992519, atol=1e-6)
    # Of three months: 103 / 102.25 = 1.00733496, to the fourth power 1.02966424.
    assert_allclose(of(f"{name}_3m", rows)["2023-02-10":"2023-03-09"], 2.966424, atol=1e-6)
    # The print changes it by 2.992519 - 3; the first one has none before it.
    surprise = of(f"{name}_surprise", rows)
    assert surprise[:"2023-03-09"].isna().all()
    assert_allclose(surprise["2023-03-10":"2023-04-06"], -0.007481, atol=1e-6)


def test_a_revision_of_a_month_is_no_surprise_of_its_own():
    # January 2023 is revised from 103 to 103.2 on 1 March: inflation is 3.2 from that day on,
    # and the print of February, 103.25 over 100.25 or 2.992519, is 0.207481 below it.
    rows = released("CPIAUCSL", PRICES)
    rows.append(("CPIAUCSL", "2023-01-31", "2023-03-01 13:00", 103.2))
    yoy, surprise = of("cpi_yoy", rows), of("cpi_surprise", rows)
    assert_allclose(yoy["2023-02-10":"2023-02-28"], 3)
    assert_allclose(yoy["2023-03-01":"2023-03-09"], 3.2)
    assert surprise[:"2023-03-09"].isna().all()
    assert_allclose(surprise["2023-03-10":"2023-04-06"], -0.207481, atol=1e-6)


def test_inflation_compares_two_months_of_one_base():
    # From the release of February 2023 on all prices are of a new base, a half of the old one.
    rows = released("CPIAUCSL", np.r_[PRICES[:13], PRICES[13:] / 2])
    again = [
        ("CPIAUCSL", period, "2023-03-10 13:00", value / 2) for _, period, _, value in rows[:13]
    ]
    assert_allclose(of("cpi_yoy", rows + again)["2023-03-10":"2023-04-06"], 2.992519, atol=1e-6)


def test_without_the_older_months_of_that_vintage_inflation_waits_for_twelve_prints():
    rows = released("CPIAUCSL", np.r_[PRICES[:13], PRICES[13:] / 2])
    observed, signal = frame(rows), BY_NAME["cpi_yoy"]
    period = extra_columns(observed, DAYS, signal.needs)
    yoy = signal.of(pd.concat([point_in_time(observed, DAYS), period], axis=1))
    assert_allclose(yoy["2023-02-10":"2023-03-09"], 3)
    # February 2023 is the first of the new base; a year later, 106.25 / 103.25 = 1.029056.
    assert yoy["2023-03-10":"2024-03-08"].isna().all()
    assert_allclose(yoy["2024-03-11":"2024-04-09"], 2.905569, atol=1e-6)


def test_payrolls_are_the_mean_change_of_three_months_of_one_vintage():
    # 150 more a month; the release of January 2023 takes 600 off every month before.
    jobs = 150_000 + 150.0 * np.arange(16)
    rows = released("PAYEMS", np.r_[jobs[:12], jobs[12:] - 600])
    rows += [
        ("PAYEMS", period, "2023-02-10 13:00", value - 600) for _, period, _, value in rows[:12]
    ]
    assert_allclose(of("payrolls_3m", rows)["2022-05-10":"2023-06-30"].dropna(), 150)


def test_unemployment_is_told_by_level_by_year_and_by_its_rise_from_the_low():
    # 3.6, but 3.9, 4.0 and 4.1 from month 14 to 16: the mean of three is 4.0 then, the lowest
    # of the twelve means before it 3.6, and the rise 0.4.
    rate = [3.6] * 13 + [3.9, 4.0, 4.1]
    rows = released("UNRATE", rate)
    on = slice("2023-05-10", "2023-06-08")
    assert_allclose(of("unemployment", rows)[on], 4.1)
    assert_allclose(of("unemployment_12m", rows)[on], 4.1 - 3.6)
    assert_allclose(of("unemployment_rise", rows)[on], 0.4)
    # The month before: (3.6 + 3.9 + 4.0) / 3 - 3.6 = 0.2333.
    assert_allclose(of("unemployment_rise", rows)["2023-04-10":"2023-05-09"], 0.7 / 3)


def test_the_low_of_unemployment_is_that_of_twelve_means_before():
    # Three months of 3.0, then 4.0. Twelve before month 14 is the mean of the first three, 3.0;
    # a month later it is (3 + 3 + 4) / 3.
    rise = of("unemployment_rise", released("UNRATE", [3.0] * 3 + [4.0] * 13))
    assert_allclose(rise["2023-04-10":"2023-05-09"], 1)
    assert_allclose(rise["2023-05-10":"2023-06-08"], 2 / 3)


def test_a_survey_that_was_never_made_does_not_silence_the_rise():
    rate = [3.6] * 13 + [3.9, 4.0, 4.1]
    rows = [row for row in released("UNRATE", rate) if row[1] != pd.Timestamp("2023-03-31")]
    # Month 15 is left out: (3.9 + 4.1) / 2 - 3.6 = 0.4.
    assert_allclose(of("unemployment_rise", rows)["2023-05-10":"2023-06-08"], 0.4)
    # Of what there were eleven months only, nothing: a mean needs two, and a low ten of them.
    assert of("unemployment_rise", rows[:11]).isna().all()


def test_claims_are_the_mean_of_four_weeks_and_its_growth_in_a_year():
    # Weeks 0 to 55: 200,000 but 220,000, 230,000, 240,000 and 250,000 in the last four. Mean
    # 235,000, which is 17.5% more than 200,000.
    week = [200e3] * 52 + [220e3, 230e3, 240e3, 250e3]
    rows = released("ICSA", week, first="2022-01-07", weekly=True)
    # Week 55 ends on 27 January 2023, and is out on 2 February.
    on = slice("2023-02-02", "2023-02-21")
    assert_allclose(of("claims_4w", rows)[on], 235e3)
    assert_allclose(of("claims_yoy", rows)[on], 17.5)
    # Without week 54 there is neither.
    rows_but_one = rows[:54] + rows[55:]
    assert of("claims_4w", rows_but_one)["2023-02-02":].isna().all()
    assert of("claims_yoy", rows_but_one)["2023-02-02":].isna().all()
    # 25 days after the Friday of their week, with no other out, they are no claims of today.
    assert of("claims_4w", rows)["2023-02-22":].isna().all()


@pytest.mark.parametrize(("name", "series"), [("retail_yoy", "RSAFS"), ("output_yoy", "INDPRO")])
def test_growth_is_of_two_months_as_known_on_the_day(name, series):
    # 100 in January 2022 becomes 98 in the release of January 2023, which says 102.9: 5%.
    rows = released(series, [*[100.0] * 12, 102.9])
    rows.append((series, "2022-01-31", "2023-02-10 13:00", 98.0))
    growth = of(name, rows)
    assert growth[:"2023-02-09"].isna().all()
    assert_allclose(growth["2023-02-10":"2023-03-01"], 5)


def test_sentiment_is_told_by_level_and_against_a_year_before():
    rows = released("UMCSENT", [67.2, *[60.0] * 11, 64.9])
    assert_allclose(of("sentiment", rows)["2023-02-10":"2023-03-01"], 64.9)
    assert_allclose(of("sentiment_12m", rows)["2023-02-10":"2023-03-01"], -2.3)


def headlines(**changed):
    """Fifteen months of six series that stand still, but for their last value."""
    flat = {"PAYEMS": 150_000.0, "UNRATE": 4.0, "RSAFS": 700e3, "INDPRO": 100.0, "UMCSENT": 70.0}
    rows = []
    for series, value in flat.items():
        rows += released(series, [*[value] * 17, changed.get(series, value)])
    week = [220e3] * 74 + [changed.get("ICSA", 220e3)] * 4
    return rows + released("ICSA", week, first="2022-01-07", weekly=True)


@pytest.mark.parametrize(
    ("changed", "share"),
    [
        ({}, 0),
        # More jobs and fewer unemployed of six headlines; a fall of sentiment is none.
        ({"PAYEMS": 150_300.0, "UNRATE": 3.9, "UMCSENT": 60.0}, 2 / 6),
        ({"ICSA": 210e3, "RSAFS": 710e3, "INDPRO": 101.0}, 3 / 6),
        ({"ICSA": 230e3, "UNRATE": 4.1}, 0),
    ],
)
def test_direction_is_the_share_of_headlines_better_than_a_quarter_before(changed, share):
    # June 2023 is out on 10 July, and with it the week that ended on 30 June.
    assert_allclose(of("growth_direction", headlines(**changed))["2023-07-10":"2023-07-12"], share)


def test_a_quarter_before_is_three_months_or_thirteen_weeks():
    # Unemployment: 4.0 in March, 4.2 in April and 4.1 in June, which is worse than in March.
    # Claims: of weeks 61 to 64, which is 13 before, they were as now; 60 was worse.
    rows = [row for row in headlines() if row[0] not in {"UNRATE", "ICSA"}]
    rows += released("UNRATE", [*[4.0] * 15, 4.2, 4.2, 4.1])
    week = [220e3] * 60 + [300e3] + [220e3] * 17
    rows += released("ICSA", week, first="2022-01-07", weekly=True)
    assert_allclose(of("growth_direction", rows)["2023-07-10":"2023-07-12"], 0)


def test_direction_needs_four_headlines_that_are_known():
    rows = headlines(UNRATE=3.9)
    known = {"PAYEMS", "UNRATE", "RSAFS", "INDPRO"}
    stopped = [row for row in rows if row[0] in known or row[1] < pd.Timestamp("2023-01-01")]
    # Four of them: one better, 1 / 4. With three: none.
    assert_allclose(of("growth_direction", stopped)["2023-07-10":"2023-07-12"], 0.25)
    fewer = [row for row in stopped if row[0] != "INDPRO" or row[1] < pd.Timestamp("2023-01-01")]
    assert of("growth_direction", fewer)["2023-07-10":].isna().all()


def test_policy_uncertainty_is_smoothed_over_thirty_sessions():
    # 1 to 30: mean 15.5; then 2 to 31, and without the 32nd there is none.
    level = pd.Series(np.r_[np.arange(1.0, 32), np.nan], DAYS[:32])
    panel = level.to_frame("USEPUINDXD")
    mean = BY_NAME["policy_uncertainty_30d"].of(panel)
    assert mean.iloc[:29].isna().all()
    assert_allclose(mean.iloc[29:], [15.5, 16.5, np.nan])
    assert_allclose(BY_NAME["policy_uncertainty"].of(panel), level)


@pytest.mark.parametrize(
    ("name", "series", "last"),
    # From 30 April 2023 on a value serves 90, 80, 88, 90, 101 and 80 days: 29 July is a Saturday.
    [("cpi_yoy", "CPIAUCSL", "2023-07-28"), ("payrolls_3m", "PAYEMS", "2023-07-19"),
     ("retail_yoy", "RSAFS", "2023-07-27"), ("output_yoy", "INDPRO", "2023-07-28"),
     ("sentiment_12m", "UMCSENT", "2023-08-09"), ("unemployment_rise", "UNRATE", "2023-07-19")],
)  # fmt: skip
def test_a_release_that_stayed_out_is_no_number_of_today(name, series, last):
    values = of(name, released(series, np.full(16, 50.0)))
    assert values.last_valid_index() == pd.Timestamp(last)


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_missing_series_is_no_number_throughout(signal):
    rest = pd.DataFrame(1.0, index=DAYS[:90], columns=[*signal.needs[1:], "SPY"])
    assert signal.of(rest).isna().all()


def test_each_trap_is_told():
    told = {name: signal.declaration()["trap"] for name, signal in BY_NAME.items()}
    assert "As known then" in told["cpi_yoy"]
    assert "proxy" in told["core_cpi_surprise"]
    assert "revised twice" in told["payrolls_3m"]
    assert "without one" in told["unemployment_rise"]
    assert "inflation counts as growth" in told["retail_yoy"]
    assert "count of articles" in told["policy_uncertainty_30d"]


def test_no_model_reads_what_is_revised():
    assert not any(signal.feature for signal in SIGNALS)

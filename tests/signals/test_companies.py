"""What the giants earn, spend, owe and cost, worked by hand; splits, filings and losses."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from observed import frame
from watched import carried_on

from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.declared.sec import COMPANIES, series_id
from regime.data.panel import point_in_time
from regime.signals.declared.companies import (
    EARNINGS,
    FRAGILITY,
    GIANTS,
    SHEETS,
    SIGNALS,
    SPENDERS,
    SPENDING,
    VALUATION,
)
from regime.signals.filings import year_before

BY_NAME = {one.name: one for one in SIGNALS}
DAYS = trading_days(pd.Timestamp("2024-01-02"), pd.Timestamp("2025-12-31"))
LENGTH = 420


def told(name, panel):
    return BY_NAME[name].of(panel).to_numpy()


def giants(rows=3, **measures):
    """A panel of the seven on `rows` days; a measure is one number for all, or one for each.

    Shares are known from the second row on, filed that day.
    """
    columns = {}
    for measure, values in measures.items():
        each = np.broadcast_to(values, len(GIANTS))
        for company, value in zip(GIANTS, each, strict=True):
            name = f"{company}_close" if measure == "close" else series_id(company, measure)
            columns[name] = [value] * rows
            if measure == "diluted_shares":
                columns[name][0] = np.nan
    return pd.DataFrame(columns, index=DAYS[:rows])


def every_series():
    rng = np.random.default_rng(3)
    names = sorted({name for one in SIGNALS for name in one.needs})
    walks = np.exp(0.01 * rng.standard_normal((LENGTH, len(names))).cumsum(axis=0))
    return pd.DataFrame(walks, index=DAYS[:LENGTH], columns=names)


EVERY = every_series()


# Row 20: capital spending.

SPENT = {"MSFT": (50, 100, 80), "GOOGL": (40, 100, 90), "AMZN": (60, 90, 70),
         "META": (30, 60, 60), "ORCL": (20, 50, 20)}  # fmt: skip


def spenders(**late):
    """Spending, cash flow and cash of the five on two days; `late` ones come on the second."""
    columns = {}
    for company, numbers in SPENT.items():
        measures = ("capital_spending", "operating_cash_flow", "cash")
        for measure, number in zip(measures, numbers, strict=True):
            name = series_id(company, measure)
            columns[name] = [np.nan if name in late else number, number]
    return pd.DataFrame(columns, index=DAYS[:2])


def test_spending_is_told_over_cash_flow_and_over_cash_held():
    panel = spenders()
    # 50 + 40 + 60 + 30 + 20 = 200; cash flow 400, cash 320.
    assert_allclose(told("capex", panel), [200, 200])
    assert_allclose(told("capex_over_cash_flow", panel), [0.5, 0.5])
    assert_allclose(told("capex_over_cash", panel), [0.625, 0.625])
    assert_allclose(told("AMZN_capex_over_cash_flow", panel), [60 / 90] * 2)


def test_a_sum_over_companies_waits_for_the_last_of_them():
    panel = spenders(ORCL_cash=True)
    assert_allclose(told("capex_over_cash", panel), [np.nan, 0.625])
    assert_allclose(told("capex_over_cash_flow", panel), [0.5, 0.5])


def test_no_share_of_cash_flow_is_told_where_there_is_none():
    panel = spenders()
    panel["ORCL_operating_cash_flow"] = [-50.0, -400.0]  # a sum of 300, and of -50
    assert_allclose(told("capex_over_cash_flow", panel), [200 / 300, np.nan])


def test_spending_ends_with_the_first_filing_that_grew_too_old():
    rows = []
    for company in SPENDERS:
        period = "2023-11-30" if company == "ORCL" else "2023-12-31"
        rows.append((series_id(company, "capital_spending"), period, "2024-02-02", 10.0))
        rows.append((series_id(company, "operating_cash_flow"), period, "2024-02-02", 20.0))
    panel = point_in_time(frame(rows), DAYS[:250])
    values = BY_NAME["capex_over_cash_flow"].of(panel).dropna()
    # Known at the close of 2 February; 30 November and 185 days are 2 June, a Sunday.
    assert values.index[0] == pd.Timestamp("2024-02-02")
    assert values.index[-1] == pd.Timestamp("2024-05-31")
    assert (values == 0.5).all()


# Row 31: balance sheets.


def test_net_cash_is_cash_less_debt_over_market_value():
    # 7 x (80 - 30) = 350 of 7 x 10 x 200 / 1e6 million: shares of 200 million at 10 USD.
    panel = giants(cash=80.0, debt=30.0, close=10.0, diluted_shares=200e6)
    assert_allclose(told("net_cash", panel), [350] * 3)
    assert_allclose(told("net_cash_over_value", panel), [np.nan, 0.025, 0.025])  # 350 / 14,000
    assert_allclose(told("META_net_cash_over_value", panel), [np.nan, 0.025, 0.025])


def test_a_company_without_a_line_of_debt_is_not_taken_for_one_without_debt():
    panel = giants(cash=80.0, debt=[30.0] * 3 + [np.nan] + [30.0] * 3)
    assert np.isnan(told("net_cash", panel)).all()
    assert "not known to have none" in BY_NAME["net_cash"].declaration()["trap"]


def test_buy_backs_are_added_up_without_amazon_and_set_against_the_same_cash_flow():
    amazon = [*COMPANIES].index("AMZN")
    bought, flow = [10.0] * 7, [40.0] * 7
    bought[amazon], flow[amazon] = np.nan, 1000.0
    panel = giants(buybacks=bought, operating_cash_flow=flow)
    assert_allclose(told("buybacks", panel), [60] * 3)
    assert_allclose(told("buybacks_over_cash_flow", panel), [0.25] * 3)  # 60 / 240
    assert_allclose(told("AAPL_buybacks_over_cash_flow", panel), [0.25] * 3)
    assert "Without Amazon" in BY_NAME["buybacks"].declaration()["trap"]


# Row 32: price over earnings, and growth.


def test_a_pe_is_shares_times_price_over_net_income():
    # 2,000 million shares at 50 USD are 100,000 million; over 5,000 million, 20 times.
    panel = giants(close=50.0, diluted_shares=2e9, net_income=5000.0)
    assert_allclose(told("MSFT_pe", panel), [np.nan, 20, 20])


def test_six_of_seven_stand_above_25_and_the_one_at_25_does_not():
    income = [3000.0] * 6 + [4000.0]  # 100,000 over 3,000 is 33.3, over 4,000 it is 25
    panel = giants(close=50.0, diluted_shares=2e9, net_income=income)
    assert_allclose(told("giants_above_25", panel), [np.nan, 6, 6])


def test_a_loss_has_no_pe_and_is_not_above_25():
    panel = giants(close=50.0, diluted_shares=2e9, net_income=[-1.0] + [3000.0] * 6)
    assert np.isnan(told("MSFT_pe", panel)).all()
    assert_allclose(told("giants_above_25", panel), [np.nan, 6, 6])


def carried(length, changes):
    return carried_on(DAYS[:length], changes)


def test_growth_is_from_the_same_quarter_though_filed_on_another_day():
    # Last year's reports of three quarters come on rows 20, 83 and 146. This year the first comes
    # 8 sessions early, the second 12 sessions late.
    income = carried(LENGTH, {20: 100, 83: 110, 146: 80, 264: 130, 347: 121})
    assert_allclose(
        year_before(income).iloc[[263, 264, 346, 347, 419]], [np.nan, 100, 100, 110, 110]
    )
    growth = told("AAPL_earnings_growth", pd.DataFrame({"AAPL_net_income": income}))
    assert_allclose(growth[[264, 346, 347]], [30, 30, 10])  # 130 / 100, 121 / 110, in percent


def test_growth_of_the_seven_is_of_their_sum_and_says_nothing_from_a_loss():
    now = {f"{one}_net_income": carried(300, {20: 100.0, 272: 150.0}) for one in GIANTS}
    panel = pd.DataFrame(now)
    assert_allclose(told("giants_earnings_growth", panel)[272], 50)
    panel["META_net_income"] = carried(300, {20: -50.0, 272: 100.0})
    assert np.isnan(told("META_earnings_growth", panel)).all()
    # 6 x 150 + 100 = 1000 from 6 x 100 - 50 = 550.
    assert_allclose(told("giants_earnings_growth", panel)[272], 100 * (1000 / 550 - 1))
    spent = pd.DataFrame(
        {f"{one}_capital_spending": carried(300, {20: 100.0, 272: 170.0}) for one in SPENDERS}
    )
    assert_allclose(told("capex_growth", spent)[272], 70)


def test_earnings_grow_stale_with_their_filing():
    panel = point_in_time(frame([("AAPL_net_income", "2023-12-30", "2024-02-03", 100.0)]), DAYS)
    # 30 December and 185 days are 2 July.
    assert panel["AAPL_net_income"].last_valid_index() == pd.Timestamp("2024-07-02")
    close = pd.DataFrame({"AAPL_close": 10.0, "AAPL_diluted_shares": 1e9}, index=DAYS)
    close.loc[DAYS[0], "AAPL_diluted_shares"] = np.nan
    pe = BY_NAME["AAPL_pe"].of(panel.join(close))
    assert pe["2024-07-02"] == 100
    assert pe["2024-07-03":].isna().all()


# Row 8: the valuation spread of today.


def test_the_giants_pe_hangs_on_whether_loss_makers_count():
    # Seven at 100,000 million, six with 5,000 and one with -10,000: 700,000 / 20,000 = 35 with
    # the loss, 600,000 / 30,000 = 20 without its maker.
    income = [5000.0] * 6 + [-10_000.0]
    panel = giants(close=50.0, diluted_shares=2e9, net_income=income)
    panel = panel.assign(trailing_pe_small=70.0, trailing_pe_small_profitable=10.0)
    assert_allclose(told("giants_pe_with_losses", panel), [np.nan, 35, 35])
    assert_allclose(told("giants_pe_without_losses", panel), [np.nan, 20, 20])
    assert_allclose(told("small_over_giants_pe_with_losses", panel), [np.nan, 2, 2])
    assert_allclose(told("small_over_giants_pe_without_losses", panel), [np.nan, 0.5, 0.5])


def test_giants_who_lose_money_together_have_no_pe():
    income = [1000.0] * 6 + [-6000.0]
    panel = giants(close=50.0, diluted_shares=2e9, net_income=income)
    assert np.isnan(told("giants_pe_with_losses", panel)).all()
    assert_allclose(told("giants_pe_without_losses", panel), [np.nan, 100, 100])


@pytest.mark.parametrize("kind", ["with_losses", "without_losses"])
def test_every_pe_of_trailing_income_says_how_it_counts_losses(kind):
    word = "counted" if kind == "with_losses" else "left out"
    for name in (f"giants_pe_{kind}", f"small_pe_{kind}", f"small_over_giants_pe_{kind}"):
        said = BY_NAME[name].declaration()
        assert f"loss-makers {word}" in said["title"]
        assert "11.8 or 27.1" in said["trap"]


def test_the_same_index_of_january_2024_is_dear_or_cheap():
    panel = pd.DataFrame(
        {"trailing_pe_small": [27.1], "trailing_pe_small_profitable": [11.8]}, index=DAYS[:1]
    )
    assert_allclose(told("small_pe_with_losses", panel), [27.1])
    assert_allclose(told("small_pe_without_losses", panel), [11.8])
    assert_allclose(told("losses_in_small_pe", panel), [27.1 / 11.8])  # 2.30


def test_the_forward_spread_is_a_ratio_and_its_place_is_as_known_then():
    length = 260
    small = np.full(length, 14.0)
    small[251:255] = [15.0, 13.0, 16.0, 14.0]
    panel = pd.DataFrame(
        {"forward_pe_sp600": small, "forward_pe_sp500": 20.0, "forward_pe_russell2000": 15.0,
         "forward_pe_sp400": 16.0}, index=DAYS[:length],
    )  # fmt: skip
    assert_allclose(told("forward_pe_small_over_large", panel)[250:253], [0.7, 0.75, 0.65])
    assert_allclose(told("forward_pe_russell_over_large", panel), 0.75)
    assert_allclose(told("forward_pe_mid_over_large", panel), 0.8)
    place = told("forward_pe_small_over_large_place", panel)
    assert np.isnan(place[:251]).all()  # a year of values at least
    # Highest of 252; lowest of 253; highest of 254; above one only of 255, level with 252.
    assert_allclose(place[251:255], [1, 1 / 253, 1, 253 / 255])


def test_a_supplied_pe_serves_for_45_days():
    rows = [("forward_pe_sp600", "2024-01-31", "2024-01-31", 14.0),
            ("forward_pe_sp500", "2024-01-31", "2024-01-31", 20.0)]  # fmt: skip
    panel = point_in_time(frame(rows), DAYS[:80])
    ratio = BY_NAME["forward_pe_small_over_large"].of(panel).dropna()
    assert ratio.index[-1] == pd.Timestamp("2024-03-15")  # 16 March is a Saturday
    assert (ratio == 0.7).all()


# Row 33: how frail small companies are.


def test_the_price_of_frailty_is_what_losses_gain_over_profits():
    panel = pd.DataFrame({"IWM": np.linspace(100, 110, 22), "IJR": np.linspace(50, 52, 22)},
                         index=DAYS[:22])  # fmt: skip
    # 10% less 4%.
    assert_allclose(told("loss_makers_ahead_21d", panel)[-1], 0.06)
    assert {"loss_makers_ahead_63d", "loss_makers_ahead_252d"} <= {*BY_NAME}
    assert "A proxy" in BY_NAME["loss_makers_ahead_21d"].declaration()["trap"]


FILERS = ("filers_loss_makers_small", "filers_loss_makers_large",
          "filers_debt_to_operating_income_small")  # fmt: skip


def test_loss_makers_among_small_filers_are_told_beside_those_among_large():
    panel = pd.DataFrame(dict(zip(FILERS, ([0.42], [0.08], [3.5]), strict=True)), index=DAYS[:1])
    assert_allclose(told("loss_makers_small", panel), [0.42])
    assert_allclose(told("loss_makers_large", panel), [0.08])
    assert_allclose(told("loss_makers_small_less_large", panel), [0.34])
    assert_allclose(told("debt_to_income_small", panel), [3.5])
    assert "sample" in BY_NAME["loss_makers_small"].declaration()["trap"]


def test_frail_companies_are_not_told_of_old_filings():
    panel = point_in_time(frame([(FILERS[0], "2023-12-31", "2024-04-01", 0.4)]), DAYS)
    last = pd.Timestamp("2023-12-31") + pd.Timedelta(days=catalog.get(FILERS[0]).max_age)
    values = BY_NAME["loss_makers_small"].of(panel)
    assert values.last_valid_index() == max(day for day in DAYS if day <= last)


# All of them.


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)
def test_without_one_of_its_series_a_signal_has_no_number_that_day(signal):
    panel, needs = EVERY, {signal.needs[0], signal.needs[len(signal.needs) // 2], signal.needs[-1]}
    assert not np.isnan(signal.of(panel).iloc[-1])
    for name in needs:
        assert signal.of(panel.drop(columns=name)).isna().all()
        gone = panel.copy()
        gone.loc[gone.index[-1], name] = np.nan
        assert np.isnan(signal.of(gone).iloc[-1])


def test_what_nobody_publishes_names_the_column_to_supply():
    own = {name for name in catalog.CATALOG if catalog.get(name).table == "own_series"}
    for signal in SIGNALS:
        said = signal.declaration()
        for name in own & {*signal.needs}:
            assert name in said["supply"]
            assert "own_series" in said["supply"]
        if not own & {*signal.needs}:
            assert not said["supply"]


def test_each_row_of_the_watch_list_has_its_heading_and_its_trap():
    traps = [(SPENDING, "Leases are apart"), (SHEETS, "day of the filing"), (EARNINGS, "class A"),
             (VALUATION, "11.8"), (FRAGILITY, "sample")]  # fmt: skip
    for topic, word in traps:
        assert word in topic.trap
        assert any(signal.topic.title == topic.title for signal in SIGNALS)
    assert len({*BY_NAME}) == len(SIGNALS)

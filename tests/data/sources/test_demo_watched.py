"""What signals watch on the demo market: real units and rhythms, and nothing that models see."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from regime.data.calendar import settlement_days, trading_days
from regime.data.catalog import CATALOG, MODELLED, Frequency, Unit
from regime.data.checks.validation import checked
from regime.data.declared import ici, own
from regime.data.observations import SIMULATED, gather
from regime.data.sources import demo
from regime.data.sources.demo import simulate
from regime.data.sources.demo_funds import BONDS, FIRST_CLOSES, MIXES
from regime.data.sources.demo_watched import FIRST_WATCHED
from regime.data.store import ObservationStore
from regime.exceptions import SourceError
from regime.service.intake import from_demo
from regime.signals.registry import SIGNALS

FIRST, LAST = pd.Timestamp("2010-06-01"), pd.Timestamp("2017-03-31")
YIELDS = ["DGS1MO", "DGS3MO", "DGS6MO", "DGS1", "DGS2", "DGS3", "DGS5", "DGS7", "DGS10", "DGS20"]


@pytest.fixture(scope="module")
def days() -> pd.DatetimeIndex:
    return trading_days(FIRST, LAST)


@pytest.fixture(scope="module")
def everything(days) -> pd.DataFrame:
    return simulate(days, watched=True).observations.astype({"series": str})


@pytest.fixture(scope="module")
def watched(everything) -> pd.DataFrame:
    return everything[~everything["series"].isin(MODELLED)]


@pytest.fixture(scope="module")
def values(everything) -> pd.DataFrame:
    """By period, from the first day that is watched; one column a series."""
    recent = everything[everything["period"] >= FIRST_WATCHED]
    return recent.pivot_table(index="period", columns="series", values="value")


def of_rhythm(watched: pd.DataFrame, frequency: Frequency) -> pd.DataFrame:
    return watched[watched["series"].map(lambda name: CATALOG[name].frequency is frequency)]


# ---- what is there


def test_what_models_see_is_the_same_to_the_last_bit_with_and_without_it(days, everything):
    alone = simulate(days).observations.astype({"series": str})
    modelled = everything[everything["series"].isin(MODELLED)].reset_index(drop=True)
    assert_frame_equal(modelled, alone, check_exact=True)


def test_every_series_that_a_source_could_bring_to_a_signal_is_drawn(everything):
    needed = {name.split("@")[0] for signal in SIGNALS.values() for name in signal.needs}
    supplied = {series.id for series in own.SERIES}  # by a user alone
    assert needed & {*CATALOG} - supplied <= {*everything["series"]}


def test_nothing_is_drawn_that_only_a_user_can_supply(watched):
    assert not {series.id for series in own.SERIES} & {*watched["series"]}


def test_it_begins_in_recent_years_and_not_at_all_on_an_older_market(watched):
    assert (watched["period"] >= FIRST_WATCHED).all()
    old = trading_days(pd.Timestamp("2010-06-01"), pd.Timestamp("2011-12-30"))
    assert {*simulate(old, watched=True).observations["series"]} <= {*MODELLED}


def test_the_same_seed_draws_the_same_and_another_seed_draws_others(watched, days):
    other = simulate(days, seed=8, watched=True).observations
    counts, again = watched["series"].value_counts(), other["series"].value_counts()
    monthly = [name for name in counts.index if CATALOG[name].frequency is Frequency.MONTHLY]
    assert_array_equal(counts[monthly], again[monthly])
    merged = watched.merge(other.astype({"series": str}), on=["series", "period"])
    assert (merged["value_x"] != merged["value_y"]).groupby(merged["series"]).any().all()


# ---- when


def test_each_value_is_known_by_the_lag_of_its_series_and_published_once(watched):
    assert not watched.duplicated(["series", "period"]).any()
    assert {*watched["source"]} == {SIMULATED}
    for name, rows in watched.groupby("series"):
        known = CATALOG[name].known_at(pd.DatetimeIndex(rows["period"]))
        assert_array_equal(rows["known_at"], known)


@pytest.mark.parametrize(
    ("frequency", "periods"),
    [
        # 3 January 2012 was a Tuesday and 31 March 2017 a Friday.
        (Frequency.WEEKLY, pd.date_range("2012-01-06", LAST, freq="W-FRI")),
        (Frequency.MONTHLY, pd.date_range("2012-01-31", LAST, freq="ME")),
        (Frequency.QUARTERLY, pd.date_range("2012-03-31", LAST, freq="QE")),
        (Frequency.YEARLY, pd.date_range("2012-12-31", LAST, freq="YE")),
        (Frequency.TWICE_MONTHLY, settlement_days(FIRST_WATCHED, LAST)),
    ],
    ids=str,
)
def test_reports_come_for_every_period_that_is_over(watched, frequency, periods):
    rows = of_rhythm(watched, frequency)
    assert rows["series"].nunique() >= 4
    for _, each in rows.groupby("series"):
        assert_array_equal(each["period"], periods)


def test_a_daily_series_misses_bank_holidays_or_nothing(watched):
    days = trading_days(FIRST_WATCHED, LAST)
    columbus_day = pd.Timestamp("2016-10-10")
    for name, rows in of_rhythm(watched, Frequency.DAILY).groupby("series"):
        interrupted = name.startswith(("DGS", "DFII", "T5", "T10", "DEX", "DTW", "RRP", "SOFR"))
        assert (len(rows) == len(days)) != interrupted, name
        assert (columbus_day in set(rows["period"])) != interrupted, name


# ---- how much


def test_no_check_at_the_door_doubts_a_value(everything):
    recent = everything[everything["period"] >= FIRST_WATCHED]
    found = checked(recent, now=pd.Timestamp("2018-01-01", tz="UTC"), recent=gather([]))
    assert found.doubtful["reason"].tolist() == []


@pytest.mark.parametrize(
    ("names", "low", "high"),
    [
        ([*MIXES, *BONDS], 10.0, 3000.0),
        (["MSFT_net_income", "GOOGL_cash", "NVDA_debt"], 100.0, 1e6),  # million USD
        (["AAPL_diluted_shares"], 1.4e10, 1.6e10),
        (["PAYEMS"], 1.2e5, 1.7e5),
        (["UNRATE"], 2.0, 12.0),
        (["ICSA"], 1e5, 1e6),
        (["PCE"], 1e7, 2e7),
        (["WALCL"], 2e6, 1e7),
        (["cape"], 5.0, 50.0),
        (["USEPUINDXD"], 5.0, 1500.0),
        (["short_days_small"], 2.0, 12.0),
        (["spy_effective_number"], 20.0, 180.0),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_values_are_of_the_size_of_real_ones(values, names, low, high):
    found = values[names]
    assert found.min().min() >= low
    assert found.max().max() <= high


def test_a_bounded_series_stays_off_its_bounds(watched):
    for name, rows in watched.groupby("series"):
        series = CATALOG[name]
        assert rows["value"].between(series.lowest, series.highest, inclusive="neither").all(), name
        if series.unit is Unit.SHARE:
            assert rows["value"].between(0.0, 1.0).all(), name


# ---- what belongs together


def test_a_close_is_the_index_times_a_constant_for_nothing_is_paid(values):
    for name, price in FIRST_CLOSES.items():
        assert values.loc[FIRST_WATCHED, name] == 100.0
        assert_allclose(values[f"{name}_close"].dropna() / values[name].dropna(), price / 100)


def test_differences_of_yields_are_those_of_the_yields(values):
    rates = values[[*YIELDS, "T10Y2Y", "T10Y3M", "DFII5", "T5YIE"]].dropna()
    assert len(rates) > 1200
    assert_allclose(rates["T10Y2Y"], rates["DGS10"] - rates["DGS2"], atol=1e-12)
    assert_allclose(rates["T10Y3M"], rates["DGS10"] - rates["DGS3MO"], atol=1e-12)
    assert_allclose(rates["DGS5"], rates["DFII5"] + rates["T5YIE"], atol=1e-12)


def test_a_yield_lies_near_the_line_between_its_neighbours(values):
    # Five years are three of the eight years from two to ten: 5/8 of DGS2 and 3/8 of DGS10.
    line = 5 / 8 * values["DGS2"] + 3 / 8 * values["DGS10"]
    assert (values["DGS5"] - line).abs().max() < 0.2
    assert (values["DGS30"] - values["DGS20"]).abs().max() < 0.4


def test_flows_of_wider_groups_are_sums(values):
    flows = values[list(ici.FLOWS)].dropna()
    equity = flows["ici_domestic_equity_flow"] + flows["ici_world_equity_flow"]
    total = equity + flows["ici_bond_flow"] + flows["ici_commodity_flow"]
    assert_allclose(flows["ici_equity_flow"], equity)
    assert_allclose(flows["ici_total_flow"], total)


def test_more_lines_weigh_more_and_count_as_fewer_than_there_are(values):
    seven, ten, fifty = (values[f"spy_top{n}_weight"].dropna() for n in (7, 10, 50))
    assert ((seven < ten) & (ten < fifty) & (fifty < 1)).all()
    # Seven lines of equal weight 0.3 / 7 and 180 of 0.7 / 180: 1 / (0.0129 + 0.0027) is 64.
    at = (seven - 0.3).abs().idxmin()
    assert_allclose(values.loc[at, "spy_effective_number"], 64, atol=2)


def test_the_index_as_quoted_falls_behind_its_total_return_by_the_dividends(values):
    behind = np.log(values["SP500"] / values["SPY"]).dropna()
    years = (len(behind) - 1) / 252
    assert_allclose(behind.iloc[-1] - behind.iloc[0], -0.018 * years)
    months = values["SP500"].resample("ME").mean()
    assert_allclose(values["sp_price"].dropna(), months)


@pytest.mark.parametrize(
    ("fund", "beside", "like", "than"),
    [
        ("QQQ", "RSP", "OEF", "RSP"), ("MGC", "RSP", "XLG", "RSP"), ("VUG", "VTV", "OEF", "RSP"),
        ("IWC", "SPY", "IWM", "SPY"), ("IWN", "SPY", "IWM", "SPY"), ("IJH", "SPY", "RSP", "SPY"),
    ],
)  # fmt: skip
def test_a_fund_leads_when_the_basket_that_it_follows_does(values, fund, beside, like, than):
    lead = np.log(
        values[[fund, beside, like, than]].loc[
            :, ~pd.Index([fund, beside, like, than]).duplicated()
        ]
    ).diff()
    assert (lead[fund] - lead[beside]).corr(lead[like] - lead[than]) > 0.3


def test_bonds_fall_when_their_yields_rise(values):
    moves = values[["DGS7", "DGS20", "BAMLH0A0HYM2"]].ffill().diff()
    returns = np.log(values[["IEF", "TLT", "HYG"]]).diff()
    assert returns["IEF"].corr(moves["DGS7"]) < -0.8
    assert returns["TLT"].corr(moves["DGS20"]) < -0.8
    assert returns["HYG"].corr(moves["BAMLH0A0HYM2"]) < -0.3


# ---- at the edges


def test_what_is_watched_can_be_withheld_too(monkeypatch):
    monkeypatch.setattr(demo, "FIRST_DAY", FIRST)
    last = pd.Timestamp("2012-03-30")
    found = demo.fetch(last, withhold={"XLK": 2, "RSP": 1}, watched=True)
    newest = found.groupby("series", observed=True)["period"].max()
    assert newest["XLK"] == pd.Timestamp("2012-03-28")
    assert newest["RSP"] == pd.Timestamp("2012-03-29")
    assert newest["XLF"] == last
    with pytest.raises(SourceError, match="Did you mean IWC"):
        demo.fetch(last, withhold={"iwcc": 2}, watched=True)
    with pytest.raises(SourceError, match="'XLK' cannot be withheld"):
        demo.fetch(last, withhold={"XLK": 2})


def test_a_daily_run_brings_it_to_a_store_that_has_it_already(tmp_path, monkeypatch, watched):
    asked = []

    def fetch(last_day, *, withhold, watched):
        asked.append(watched)
        return gather([])

    monkeypatch.setattr(demo, "fetch", fetch)
    store, now = ObservationStore(tmp_path / "o.db"), pd.Timestamp("2017-04-03 22:00", tz="UTC")
    from_demo(store, now)
    store.append(watched[watched["series"] == "XLK"], fetched_at=now)
    from_demo(store, now)
    assert asked == [False, True]

"""The demo market: simulated, reproducible, and about as hard to read as the real one."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from regime.data.calendar import trading_days
from regime.data.catalog import CATALOG, DECILES, MODELLED, Frequency, Unit
from regime.data.observations import COLUMNS, SIMULATED
from regime.data.sources import simulation
from regime.data.sources.demo import FIRST_DAY, STARTS, Simulation, fetch, simulate
from regime.exceptions import SourceError
from regime.taxonomy import REGIMES, Regime

FUNDS = ["OEF", "XLG", "RSP", "IWM", "IJR", "SPY"]
PORTFOLIOS = [*DECILES, "qnt_2"]
SHARES = ["mcapshare_hi_10", *(name for name in MODELLED if name.startswith("pct_"))]
SWITCHING_COST = 10.0  # sd of lead


@pytest.fixture(scope="module")
def days() -> pd.DatetimeIndex:
    return trading_days(FIRST_DAY, pd.Timestamp("2024-12-31"))


@pytest.fixture(scope="module")
def market(days: pd.DatetimeIndex) -> Simulation:
    return simulate(days)


@pytest.fixture(scope="module")
def daily(market: Simulation, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Daily values by period, one column a series."""
    monthly = [name for name in MODELLED if CATALOG[name].frequency is Frequency.MONTHLY]
    return wide(market).drop(columns=monthly).loc[days]


@pytest.fixture(scope="module")
def monthly(market: Simulation) -> pd.DataFrame:
    return wide(market)[["log_bm_june_q2_minus_q5", "mcapshare_hi_10"]].dropna()


def wide(market: Simulation) -> pd.DataFrame:
    return market.observations.pivot_table(index="period", columns="series", values="value")


def plain(observations: pd.DataFrame) -> pd.DataFrame:
    """Without categories, whose list depends on which series have begun."""
    return observations.astype({"series": str, "source": str}).reset_index(drop=True)


def last_session(periods: pd.Series, frequency: Frequency) -> pd.Series:
    """The session whose close completes each period."""
    if frequency is Frequency.DAILY:
        return periods
    sessions = trading_days(FIRST_DAY, periods.max())
    return pd.Series(sessions[sessions.searchsorted(periods, side="right") - 1], periods.index)


def french_lead(daily: pd.DataFrame) -> pd.DataFrame:
    """Lead of the French baskets by the definition of METHOD.md, one column per regime."""
    baskets = {
        Regime.MEGA_CAP_LED: daily["hi_10"],
        Regime.BROADENING: daily[["dec_7", "dec_8", "dec_9"]].mean(axis=1),
        Regime.SMALL_CAP_LED: daily["qnt_2"],
    }
    returns = np.log1p(pd.DataFrame(baskets))
    excess = returns.sub(returns.mean(axis=1), axis=0)
    return (excess / excess.ewm(halflife=126, min_periods=60).std().shift(1)).dropna()


def hindsight_path(lead: np.ndarray, cost: float) -> np.ndarray:
    """Best sequence of leaders when each change costs `cost`: the textbook recursion."""
    scores, came_from = np.zeros(lead.shape[1]), np.empty(lead.shape, dtype=int)
    for day, earned in enumerate(lead):
        best = scores.argmax()
        stays = scores >= scores[best] - cost
        came_from[day] = np.where(stays, np.arange(len(scores)), best)
        scores = np.where(stays, scores, scores[best] - cost) + earned
    path = [scores.argmax()]
    for step in came_from[:0:-1]:
        path.append(step[path[-1]])
    return np.array(path[::-1])


def codes_of(regimes: pd.Series) -> np.ndarray:
    return regimes.map(REGIMES.index).to_numpy()


def switches(codes: np.ndarray) -> np.ndarray:
    """Positions of the first day of each episode but the first."""
    return np.flatnonzero(np.diff(codes)) + 1


# ---- what a source promises


@pytest.mark.parametrize("n_days", [1, 40, 3649, 10_500, 15_000])
def test_a_shorter_history_has_exactly_the_same_rows(market, days, n_days):
    short = simulate(days[:n_days])
    parts = []
    for name, rows in market.observations.groupby("series", sort=False, observed=True):
        completed = last_session(rows["period"], CATALOG[name].frequency)
        parts.append(rows[completed <= days[n_days - 1]])
    assert_frame_equal(plain(short.observations), plain(pd.concat(parts)), check_exact=True)
    assert_series_equal(short.regimes, market.regimes[:n_days], check_freq=False)


@pytest.fixture(scope="module")
def recent(days) -> pd.DatetimeIndex:
    return days[(days >= "2011-10-03") & (days <= "2014-01-10")]


@pytest.fixture(scope="module")
def watched(recent) -> pd.DataFrame:
    """With the session whose close completes each period."""
    rows = plain(simulate(recent, watched=True).observations)
    # Of a day it is that day, whatever the frequency.
    return rows.assign(completed=last_session(rows["period"], Frequency.MONTHLY))


@pytest.mark.parametrize("last", ["2011-12-30", "2012-01-03", "2012-06-29", "2013-11-12"])
def test_a_shorter_history_has_the_same_rows_of_what_signals_watch(recent, watched, last):
    short = plain(simulate(recent[recent <= last], watched=True).observations)
    over = watched[watched["completed"] <= last]
    both = over.merge(short, on=["series", "period"], how="outer", suffixes=("", "_short"))
    assert len(both) == len(over) == len(short)
    for column in ("value", "known_at"):
        assert {*both["series"][both[column] != both[f"{column}_short"]]} == set()


def test_every_series_of_the_catalogue_is_there_and_nothing_else(market):
    assert list(market.observations.columns) == COLUMNS
    assert set(market.observations["series"]) == set(MODELLED)
    assert set(market.observations["source"]) == {SIMULATED}
    assert not market.observations.duplicated(["series", "period"]).any()


def test_observations_are_finite_and_never_known_before_their_period(market):
    observations = market.observations
    assert np.isfinite(observations["value"]).all()
    known = observations["known_at"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    assert (known > observations["period"]).all()
    for name, rows in observations.groupby("series", observed=True):
        periods = pd.DatetimeIndex(rows["period"])
        assert_array_equal(rows["known_at"], CATALOG[name].known_at(periods))


def test_the_same_seed_is_the_same_market_and_another_seed_is_another(days):
    first, again, other = (simulate(days[-1500:], seed=seed) for seed in (3, 3, 4))
    assert_frame_equal(first.observations, again.observations, check_exact=True)
    assert (first.regimes != other.regimes).mean() > 0.2
    values, others = wide(first), wide(other)
    assert not [name for name in MODELLED if values[name].equals(others[name])]


def test_fetch_runs_from_the_first_day_to_the_last():
    observations = fetch(pd.Timestamp("1963-03-02"), seed=5)  # a Saturday
    returns = observations[observations["series"] == "hi_10"]
    assert_array_equal(returns["period"], trading_days(FIRST_DAY, pd.Timestamp("1963-03-01")))
    share = observations[observations["series"] == "mcapshare_hi_10"]
    assert share["period"].max() == pd.Timestamp("1963-02-28")


@pytest.mark.parametrize("positions", [[], [4, 3, 2], [3, 3, 4]])
def test_days_that_are_none_or_out_of_order_are_refused(days, positions):
    with pytest.raises(SourceError, match="increasing trading days"):
        simulate(days[positions])


def test_a_day_before_the_first_is_refused():
    with pytest.raises(SourceError, match="starts on 1962-01-02"):
        fetch(pd.Timestamp("1961-12-29"))


# ---- units, starts and gaps


@pytest.mark.parametrize("name", MODELLED)
def test_each_series_starts_when_the_real_one_did(market, name):
    start = pd.Timestamp(STARTS.get(name, FIRST_DAY))
    first = market.observations.query("series == @name")["period"].min()
    if CATALOG[name].frequency is Frequency.MONTHLY:
        assert first == pd.Timestamp("1962-01-31")
    else:
        assert start <= first <= start + pd.Timedelta(days=5)  # a gap may open it


def test_funds_begin_at_one_hundred(daily):
    for name in FUNDS:
        assert daily.loc[STARTS[name], name] == 100.0


@pytest.mark.parametrize(
    ("names", "low", "high"),
    [
        ([name for name in MODELLED if CATALOG[name].unit is Unit.RETURN], -0.5, 0.5),
        (FUNDS, 1.0, 1e5),
        (["DFF", "DGS1", "DGS2", "DGS10"], 0.04, 15.0),
        (["DFII10"], -3.0, 12.0),
        (["T10YIE"], -0.5, 7.0),
        (["BAA10Y"], 0.7, 7.0),
        (["BAMLH0A0HYM2"], 1.0, 25.0),
        (["VIXCLS"], 9.0, 90.0),
        (SHARES, 0.0, 1.0),
        (["mcapshare_hi_10"], 0.4, 0.8),
        (["adv_minus_dec_ratio", "avg_corr_63d"], -1.0, 1.0),
        (["log_bm_june_q1_minus_q5", "log_bm_june_q2_minus_q5"], -1.5, 3.0),
        (["value_spread_q1", "value_spread_q5"], 0.5, 3.5),
        (["excess_cape_yield"], -0.06, 0.16),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_values_stay_in_the_range_of_their_unit(market, names, low, high):
    values = market.observations.query("series in @names")["value"]
    assert values.between(low, high).all(), (values.min(), values.max())


def test_the_long_yield_is_real_yield_plus_break_even_inflation(daily):
    parts = daily[["DGS10", "DFII10", "T10YIE"]].dropna()
    assert len(parts) > 5000
    assert_array_equal(parts["DGS10"], parts["DFII10"] + parts["T10YIE"])


def test_only_published_bond_and_breadth_series_have_gaps(daily):
    for name, values in daily.items():
        missing = values[STARTS.get(name, FIRST_DAY) :].isna()
        if name.startswith(("DGS", "DFII", "T10", "BAA")):
            assert 0.005 < missing.mean() < 0.02, name
        elif name in ("BAMLH0A0HYM2", "avg_corr_63d"):
            longest = missing.groupby((~missing).cumsum()).sum().max()
            assert 15 <= longest <= 60, name
        else:
            assert not missing.any(), name


def test_the_bond_market_keeps_its_own_holidays(daily):
    columbus_day, veterans_day = pd.Timestamp("2022-10-10"), pd.Timestamp("2022-11-11")
    assert daily.loc[[columbus_day, veterans_day], ["DGS1", "BAA10Y"]].isna().all(axis=None)
    assert daily.loc[[columbus_day, veterans_day], ["hi_10", "VIXCLS"]].notna().all(axis=None)


# ---- regimes


def test_episodes_last_and_follow_each_other_as_the_real_ones_do():
    durations, spent = [], np.zeros(3)
    for seed in range(12):
        draw = simulation.generators(seed)
        stress = simulation.autoregression(draw["stress"].standard_normal(16_000), 126)
        codes = simulation.draw_regimes(stress, draw["episodes"])
        durations.append(np.diff(switches(codes)))
        spent += np.bincount(codes, minlength=3)
    lengths = np.concatenate(durations)
    assert 100 < lengths.mean() < 125
    assert 75 < np.median(lengths) < 100  # skewed: below the mean
    assert np.quantile(lengths, 0.01) > 10  # stress can shorten the shortest a little
    assert_allclose(spent / spent.sum(), [0.40, 0.18, 0.42], atol=0.04)


def test_stress_shortens_episodes():
    calm, tense = (
        simulation.draw_regimes(np.full(100_000, level), np.random.default_rng(1))
        for level in (-2.0, 2.0)
    )
    assert len(switches(tense)) > 1.8 * len(switches(calm))


@pytest.mark.parametrize("seed", [1, 7, 8])
def test_hindsight_finds_the_regimes_about_as_well_as_real_leaders_stand_out(days, seed):
    simulated = simulate(days, seed=seed)
    lead = french_lead(wide(simulated).loc[days])
    path = hindsight_path(lead.to_numpy(), SWITCHING_COST)
    truth = codes_of(simulated.regimes[lead.index])
    leaders = lead.to_numpy()[np.arange(len(lead)), path]
    ruling = lead.to_numpy()[np.arange(len(lead)), truth]
    assert 1.9 < len(switches(path)) / len(path) * 252 < 2.7  # a year; real 2.3
    assert 0.65 < (path == truth).mean() < 0.85
    assert 0.20 < leaders.mean() < 0.28  # sd of lead; real 0.24
    assert 0.12 < ruling.mean() < 0.22


def test_funds_tell_the_same_story_as_the_portfolios(daily):
    portfolios = french_lead(daily)["2004":]
    returns = np.log(daily[["OEF", "RSP", "IWM"]]).diff()["2004":]
    excess = returns.sub(returns.mean(axis=1), axis=0).set_axis(list(Regime), axis=1)
    for regime in Regime:
        assert 0.85 < excess[regime].corr(portfolios[regime]) < 0.99


# ---- returns


def test_market_and_small_companies_are_as_volatile_as_the_real_ones(daily):
    market = daily["mkt_rf"] + daily["rf"]
    assert 0.13 < market.std() * 252**0.5 < 0.20
    assert 0.15 < daily["qnt_2"].std() * 252**0.5 < 0.23
    assert 0.02 < market.mean() * 252 < 0.15
    assert daily[PORTFOLIOS].corrwith(market).min() > 0.7
    assert 0.85 < daily["hi_10"].corr(daily["qnt_2"]) ** 0.5 < 0.97


def test_returns_have_fat_tails(daily):
    assert daily["mkt_rf"].kurt() > 4
    assert (french_lead(daily).kurt() > 2).all()


def test_volatility_clusters_and_rises_after_falls(daily):
    market = daily["mkt_rf"]
    squared = market**2
    assert all(squared.autocorr(lag) > 0.03 for lag in (1, 5, 21))
    assert abs(market.autocorr(1)) < 0.05
    assert market.corr(squared.shift(-1).clip(upper=squared.quantile(0.99))) < 0


def test_credit_and_implied_volatility_follow_the_volatility_of_returns(daily):
    realised = daily["mkt_rf"].rolling(21).std()
    assert daily["VIXCLS"].corr(realised) > 0.6
    assert daily["BAMLH0A0HYM2"].corr(daily["VIXCLS"]) > 0.3
    assert daily["BAMLH0A0HYM2"].corr(daily["BAA10Y"]) > 0.7


# ---- slow series


def test_more_members_beat_the_index_once_the_giants_do_not_lead(market, daily):
    giants = market.regimes == Regime.MEGA_CAP_LED
    share = daily["pct_beating_spy_63d"]
    assert share[~giants].mean() > share[giants].mean() + 0.02


def test_concentration_rises_while_the_giants_lead(market, monthly):
    giants = (market.regimes == Regime.MEGA_CAP_LED).resample("ME").mean()
    change = monthly["mcapshare_hi_10"].diff()
    assert change[giants > 0.9].mean() > 0 > change[giants < 0.1].mean()


def test_book_to_market_steps_in_july(monthly):
    moves = monthly["log_bm_june_q2_minus_q5"].diff().abs()
    in_july = moves.index.month == 7
    assert moves[in_july].mean() > 5 * moves[~in_july].mean()

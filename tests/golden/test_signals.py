"""The table of signals on the real market, against the raw files read without the project."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from golden.raw_market import Raw
from golden.raw_signals import expected
from once import once
from typer.testing import CliRunner

from regime.data.sources import files
from regime.data.store import ObservationStore
from regime.service import watching
from regime.settings import Settings
from training.cli import cli

pytestmark = pytest.mark.real_data

# Tables that signals read; the others of the folder would only take longer to store.
TABLES = [
    "etf_total_return_index_daily.csv.gz", "fred_daily.csv.gz", "fred_weekly.csv.gz",
    "fred_monthly.csv.gz", "fred_md_vintages.parquet", "french_factors_daily.csv.gz",
    "french_size_portfolios_vw_daily.csv.gz", "valuation_and_concentration_monthly.csv.gz",
    "shiller_monthly.csv.gz", "sp500_breadth_daily.csv.gz",
]  # fmt: skip
DAY, JULY = "2024-12-31", "2024-07-17"
# The folder ends its vintages with August 2024; its monthly file, of 2026, has another base and
# a later benchmark. Across the two, output would fall by 3.5% and 232,000 jobs a month be lost.
ONE_VINTAGE = {
    ("output_yoy", "2024-12-31"): 100 * (99.2925 / 100.8639 - 1),  # November: -1.6%
    ("payrolls_3m", "2024-10-15"): (157912 - 157695) / 3,  # September: +72 thousand
}


@pytest.fixture(scope="module")
def raw(real_data) -> Raw:
    return Raw(real_data)


@pytest.fixture(scope="module")
def told(real_data, tmp_path_factory):
    """What `regime signals --as-of DAY` says: its words, its table, and what it was made of."""

    def make(folder):
        (folder / "tables").mkdir()
        (folder / "home").mkdir()
        for name in TABLES:
            (folder / "tables" / name).symlink_to(real_data / name)
        read = files.fetch(folder / "tables", required=[])
        store = ObservationStore(Settings(home=folder / "home").store)
        store.append(read.observations, fetched_at=pd.Timestamp.now("UTC"))

    folder = once(tmp_path_factory, "signals", make)
    out = tmp_path_factory.mktemp("signals")

    def ask(day: str) -> SimpleNamespace:
        seen = []
        watch = watching.watch
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REGIME_HOME", str(folder / "home"))
            patch.delenv("REGIME_DATABASE_URL", raising=False)
            patch.setattr(watching, "watch", lambda *asked: seen.append(watch(*asked)) or seen[0])
            words = ["signals", "--as-of", day, "--csv", str(out / f"{day}.csv")]
            done = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        table = pd.read_csv(out / f"{day}.csv", index_col="name", keep_default_na=False)
        numbers = seen[0].numbers.set_index("name")
        return SimpleNamespace(said=done.stdout, table=table, numbers=numbers, watched=seen[0])

    return ask


@pytest.fixture(scope="module")
def july(told):
    return told(JULY)


@pytest.fixture(scope="module")
def december(told):
    return told(DAY)


@pytest.fixture(scope="module")
def reckoned(raw):
    return expected(raw)


@pytest.fixture(scope="module")
def past(raw, reckoned):
    """A signal on every session, worked out again."""
    kept = {}

    def of(name: str) -> np.ndarray:
        if name not in kept:
            values = [math.nan] * 300  # no window reaches further back
            values += [reckoned[name](t) for t in range(300, raw.last + 1)]
            kept[name] = np.array(values, dtype=np.float64)
        return kept[name]

    return of


def newest_at_least(values: np.ndarray, row: int) -> int | None:
    """The newest row before with a value as high, past the run that it stands in."""
    before = row - 1
    while before >= 0 and (values[before] == values[row] or math.isnan(values[before])):
        before -= 1
    while before >= 0 and not values[before] >= values[row]:
        before -= 1
    return before if before >= 0 else None


# 17 July 2024 -------------------------------------------------------------------------


def test_small_companies_had_their_best_five_days_since_april_2020(raw, july):
    iwm = raw.daily["IWM"]
    day = raw.number[pd.Timestamp("2024-07-16").date()]
    burst = iwm[day] / iwm[day - 5] - 1
    assert burst == pytest.approx(0.115, abs=0.001)
    earlier = next(t for t in range(day - 1, 0, -1) if iwm[t] / iwm[t - 5] - 1 >= burst)
    assert str(raw.days[earlier]) == "2020-04-29"

    row = july.table.loc["small_5d"]
    assert float(row["extreme"]) == pytest.approx(burst, rel=1e-12)
    assert row["extreme_on"] == "2024-07-16"
    assert (row["extreme_is"], row["extreme_since"]) == ("highest", "2020-04-29")
    assert "+11.5% on 16 July 2024: the highest since 29 April 2020" in july.said


def test_the_nasdaq_100_had_its_worst_day_of_2024_so_far(raw, july):
    qqq = raw.daily["QQQ"]
    day = raw.number[pd.Timestamp(JULY).date()]
    falls = {t: qqq[t] / qqq[t - 1] - 1 for t in range(raw.year_end(day) + 1, day + 1)}
    assert min(falls, key=falls.get) == day

    row = july.table.loc["nasdaq_1d"]
    assert float(row["value"]) == pytest.approx(falls[day], rel=1e-12)
    assert (row["extreme_is"], row["extreme_on"]) == ("lowest", JULY)
    assert row["extreme_since"] < "2024-01-01"
    since = raw.number[pd.Timestamp(row["extreme_since"]).date()]
    assert qqq[since] / qqq[since - 1] - 1 <= falls[day]
    assert all(qqq[t] / qqq[t - 1] - 1 > falls[day] for t in range(since + 1, day))


def test_the_turn_of_11_july_2024_was_confirmed_on_the_17th(july):
    labels = july.watched.labels
    known = labels[labels["confirmed_on"] <= pd.Timestamp(JULY)]
    turn = known[known["regime"] != known["regime"].shift()].iloc[-1]
    assert turn["regime"] == "small_cap_led"
    assert (str(turn["date"].date()), str(turn["confirmed_on"].date())) == ("2024-07-11", JULY)
    second = july.said.splitlines()[1]
    assert "small-cap led since 11 July 2024; confirmed on 17 July 2024" in second


# 31 December 2024 ---------------------------------------------------------------------


def test_every_known_signal_is_worked_out_again_here(december, reckoned):
    numbers = december.numbers
    assert {*numbers.index[numbers["state"] == "known"]} == {*reckoned}


def test_every_known_signal_has_the_value_that_the_raw_files_give(december, reckoned, raw):
    assert str(raw.days[-1]) == DAY
    values = december.numbers["value"]
    wrong = {
        name: (values[name], again)
        for name, value in reckoned.items()
        if not math.isclose(values[name], again := value(raw.last), rel_tol=1e-9, abs_tol=1e-12)
    }
    assert not wrong
    shown = pd.to_numeric(december.table["value"][[*reckoned]])
    np.testing.assert_allclose(shown, values[[*reckoned]], rtol=1e-12)


@pytest.mark.parametrize(("name", "day"), ONE_VINTAGE)
def test_growth_compares_months_of_one_vintage(december, name, day):
    growth = december.watched.history.loc[day, name]
    assert growth == pytest.approx(ONE_VINTAGE[name, day], rel=1e-9)


def test_a_signal_is_unknown_exactly_where_a_series_is_absent(december, real_data):
    there = {"dated_events", "members_coverage"}  # of the project; the column `coverage`
    for path in real_data.glob("*.csv.gz"):
        there |= {*pd.read_csv(path, nrows=0)}
    absent = {
        one["name"]: [name for name in one["needs"] if name.split("@")[0] not in there]
        for one in december.watched.declarations
    }
    numbers = december.numbers
    assert numbers["lacking"].to_dict() == {name: ", ".join(of) for name, of in absent.items()}
    # Blocks of the composite need any input with five years of values, and it needs two blocks.
    blocks = ("hedge_funds", "real_money", "equity_flows", "bond_flows", "world", "low", "high")
    never = {f"composite_{block}" for block in blocks} | {"composite"}
    state = numbers["state"]
    assert {*state.index[state == "missing"]} == never | {one for one, of in absent.items() if of}
    assert not (state == "late").any()


PLACED = [
    "equal_over_cap_63d", "small_5d", "small_over_giants_5d", "nasdaq_streak", "small_cheapness",
    "DGS10", "T10Y2Y", "fed_assets", "credit_over_treasuries_252d", "members_above_50d",
    "members_ahead_21d", "sectors_ahead_63d", "tech_over_200d", "XLF_21d", "XLC_21d",
    "momentum_21d", "calm_21d", "core_cpi_3m", "dollar_broad", "SPY_below_record",
]  # fmt: skip


@pytest.mark.parametrize("name", PLACED)
def test_percentile_and_changes_are_those_of_the_values_before(december, raw, past, name):
    row, values = december.numbers.loc[name], past(name)
    now, before = values[-1], values[-5041:-1]
    before = before[~np.isnan(before)]
    # Returns that tie here may differ in their last digit there.
    share = sum((one < now) + (one == now) / 2 for one in before.tolist()) / len(before)
    assert row["percentile"] == pytest.approx(share, abs=2.5 / len(before))
    for days in (21, 63):
        assert row[f"change_{days}"] == pytest.approx(now - values[-1 - days], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", PLACED)
def test_extremes_reach_back_as_far_as_a_search_day_by_day_says(december, raw, past, name):
    row, values = december.numbers.loc[name], past(name)
    first = next(t for t, value in enumerate(values) if not math.isnan(value))
    best = (62, None, "", None)
    for t in range(raw.last, raw.last - 5, -1):
        for word, signed in (("highest", values), ("lowest", -values)):
            before = newest_at_least(signed, t)
            back = t - (first if before is None else before)
            if back > best[0]:
                best = (back, t, word, before)
    _, on, word, before = best
    assert row["extreme_is"] == word
    if on is None:
        assert math.isnan(row["extreme"])
        return
    assert row["extreme"] == pytest.approx(values[on], rel=1e-9)
    assert row["extreme_on"].date() == raw.days[on]
    if before is None:
        assert pd.isna(row["extreme_since"])
        assert row["extreme_from"].date() == raw.days[first]
    else:
        assert row["extreme_since"].date() == raw.days[before]


@pytest.mark.parametrize(
    ("name", "favours"),
    [("small_over_large_5d", "small_cap_led"), ("equal_over_cap_21d", "mega_cap_led"),
     ("nasdaq_1d", "")],
)  # fmt: skip
def test_favours_are_those_of_a_count_by_hand(december, raw, past, name, favours):
    labels, row = december.watched.labels, december.numbers.loc[name]
    path = labels[labels["confirmed_on"] <= pd.Timestamp(DAY)]
    values = past(name)
    days = [(regime, values[raw.number[day.date()]])
            for day, regime in zip(path["date"], path["regime"], strict=True)]  # fmt: skip
    ordered = sorted(value for _, value in days if not math.isnan(value))

    def level(share: float) -> float:
        at = share * (len(ordered) - 1)
        low = int(at)
        return ordered[low] + (at - low) * (ordered[low + 1] - ordered[low])

    limits = [-math.inf, level(1 / 3), level(2 / 3), math.inf]
    third = next(one for one in range(3) if values[-1] <= limits[one + 1])
    assert row["third"] == ["lowest", "middle", "highest"][third]

    episodes = []  # regime, days in the third, days known
    for at, (regime, value) in enumerate(days):
        if not at or regime != days[at - 1][0]:
            episodes.append([regime, 0, 0])
        episodes[-1][1] += limits[third] < value <= limits[third + 1]
        episodes[-1][2] += not math.isnan(value)
    assert row["episodes"] == sum(inside > 0 for _, inside, _ in episodes)

    def shares(of: list, regime: str) -> tuple[float, float]:
        own = [one for one in of if one[0] == regime]
        return tuple(sum(one[n] for one in own) / sum(one[n] for one in of) for n in (1, 2))

    regimes = sorted({regime for regime, _ in days})
    best = max(regimes, key=lambda one: np.subtract(*shares(episodes, one)))
    drawn, dice = [], random.Random(1)
    for _ in range(400):
        firsts = [dice.randrange(len(episodes)) for _ in range(math.ceil(len(episodes) / 5))]
        again = [episodes[(first + n) % len(episodes)] for first in firsts for n in range(5)]
        drawn.append(np.subtract(*shares(again[: len(episodes)], best)))
    low, high = np.quantile(drawn, [0.05 / 6, 1 - 0.05 / 6])
    assert row["favours"] == favours == (best if low > 0 else "")
    if favours:
        inside, usual = shares(episodes, best)
        assert (row["share"], row["usual"]) == pytest.approx((inside, usual), rel=1e-9)
        # Ends in the tails of 400 draws and of 1,000 others.
        assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.03)


# Breadth from members -----------------------------------------------------------------


def test_breadth_of_members_is_that_of_their_prices(december, real_data):
    day = pd.Timestamp(DAY)
    table = pd.read_parquet(real_data / "sp500_member_prices_daily.parquet").set_index("date")
    rows = pd.read_csv(
        real_data / "sp500_membership_intervals.csv", parse_dates=["start_date", "end_date"]
    )
    members = {
        row.ticker
        for row in rows.itertuples()
        if row.start_date <= day and (pd.isna(row.end_date) or day < row.end_date)
    }
    assert pd.Timestamp(table.index[-1]) == day
    spy = pd.read_csv(real_data / "etf_total_return_index_daily.csv.gz", usecols=["SPY"])["SPY"]
    index = spy.iloc[-1] / spy.iloc[-64] - 1

    priced = above = judged = ahead = compared = 0
    for ticker in sorted(members & {*table.columns}):
        closes = table[ticker].to_numpy(np.float64)[-200:]
        if math.isnan(closes[-1]):
            continue
        priced += 1
        if not np.isnan(closes).any():
            judged += 1
            above += closes[-1] > sum(closes.tolist()) / 200
        if not math.isnan(closes[-64]):
            compared += 1
            ahead += closes[-1] / closes[-64] - 1 > index
    values = december.numbers["value"]
    # The file has six decimals.
    assert values["members_coverage"] == pytest.approx(priced / len(members), abs=5e-7)
    assert values["members_above_200d"] == pytest.approx(above / judged, abs=5e-7)
    assert values["members_ahead_63d"] == pytest.approx(ahead / compared, abs=5e-7)

"""How much member breadth flatters: prices are of members that could still be looked up later.

What the covered members say can be measured against what only those of them say that are
members to this day. What the members without a price would have said cannot.
"""

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.real_data

ERAS = {
    "1996-2003": ("1996", "2003"),
    "2004-2009": ("2004", "2009"),
    "2010-2017": ("2010", "2017"),
    "2018-2024": ("2018", "2024"),
}


@pytest.fixture(scope="module")
def published(real_data):
    """The breadth file that the panel reads."""
    path = real_data / "sp500_breadth_daily.csv.gz"
    return pd.read_csv(path, index_col="date", parse_dates=["date"])


@pytest.fixture(scope="module")
def measured(real_data, published):
    """Per day: members, those with a price, and breadth of all covered and of the survivors."""
    prices = pd.read_parquet(real_data / "sp500_member_prices_daily.parquet").set_index("date")
    prices = prices.astype(np.float64)
    intervals = pd.read_csv(
        real_data / "sp500_membership_intervals.csv", parse_dates=["start_date", "end_date"]
    )
    days = prices.index
    names = sorted({*intervals["ticker"], *prices.columns})
    member = pd.DataFrame(False, days, names)
    for row in intervals.itertuples():
        first = days.searchsorted(row.start_date)
        end = len(days) if pd.isna(row.end_date) else days.searchsorted(row.end_date)
        member.iloc[first:end, member.columns.get_loc(row.ticker)] = True
    # A firm that was renamed has survived: its history stands under today's symbol.
    symbol = pd.read_csv(real_data / "sp500_price_source_map.csv", index_col="ticker")[
        "price_symbol"
    ]
    today = {*symbol[member.columns[member.iloc[-1]]]}
    survived = symbol[prices.columns].isin(today).to_numpy()

    average = prices.rolling(200).mean().to_numpy()
    covered = member[prices.columns].to_numpy()
    judged = covered & np.isfinite(average) & prices.notna().to_numpy()
    above = judged & (prices.to_numpy() > average)
    table = pd.DataFrame(
        {
            "members": member.sum(axis="columns"),
            "priced": (covered & prices.notna().to_numpy()).sum(axis=1),
            "all": above.sum(axis=1) / judged.sum(axis=1).clip(1),
            "survivors": above[:, survived].sum(axis=1) / judged[:, survived].sum(axis=1).clip(1),
        },
        days,
    )
    changes = table[["all", "survivors"]].diff(21).add_suffix("_21d")
    return table.join(changes).loc[published.index]


def test_what_is_measured_here_is_the_breadth_that_models_read(measured, published):
    assert (measured["members"] == published["n_members"]).all()
    assert (measured["priced"] == published["n_priced"]).all()
    gap = (measured["all"] - published["pct_above_200dma"]).abs()
    assert gap.max() < 0.005
    assert (gap > 1e-6).mean() < 0.001


@pytest.mark.parametrize(
    ("era", "mean", "lowest"),
    [
        ("1996-2003", 0.50, 0.38),
        ("2004-2009", 0.66, 0.60),
        ("2010-2017", 0.83, 0.75),
        ("2018-2024", 0.95, 0.91),
    ],
)
def test_half_of_the_members_have_a_price_at_first_and_nearly_all_at_last(
    measured, era, mean, lowest
):
    first, last = ERAS[era]
    coverage = (measured["priced"] / measured["members"])[first:last]
    assert coverage.mean() == pytest.approx(mean, abs=0.02)
    assert coverage.min() == pytest.approx(lowest, abs=0.02)


@pytest.mark.parametrize(
    ("era", "mean", "spread"),
    [
        ("1996-2003", -1.15, 2.64),
        ("2004-2009", -2.01, 1.81),
        ("2010-2017", -2.51, 1.86),
        ("2018-2024", -1.69, 1.55),
    ],
)
def test_survivors_alone_look_one_to_three_points_healthier_than_all_that_are_covered(
    measured, era, mean, spread
):
    first, last = ERAS[era]
    points = 100 * (measured["all"] - measured["survivors"])[first:last]
    assert points.mean() == pytest.approx(mean, abs=0.3)
    assert points.std() == pytest.approx(spread, abs=0.3)


@pytest.mark.parametrize("era", ERAS)
def test_a_months_change_of_breadth_hardly_knows_who_will_survive(measured, era):
    first, last = ERAS[era]
    change = measured[["all_21d", "survivors_21d"]][first:last].dropna()
    assert np.corrcoef(change.to_numpy().T)[0, 1] > 0.98
    ratio = change["survivors_21d"].std() / change["all_21d"].std()
    assert ratio == pytest.approx(1, abs=0.04)

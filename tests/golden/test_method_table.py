"""Known values of METHOD.md: facts about 98 years of real data, c = 10."""

import numpy as np
import pandas as pd
import pytest

from regime.data.baskets import basket_returns, lead, splice_day, spliced_lead
from regime.labels.leadership import episodes, leadership_path

pytestmark = pytest.mark.real_data

KNOWN = {
    "funds": {
        "days": ("2003-07-29", "2024-12-31", 5394),
        "episodes": 46,
        "shares": (0.3845, 0.3235, 0.2920),
        "lag": (36, 159, 238),
        "open": 4,
    },
    "french": {
        "days": ("1926-09-14", "2024-12-31", 25841),
        "episodes": 235,
        "shares": (0.3967, 0.1811, 0.4222),
        "lag": (27, 129, 319),
        "open": 4,
    },
}

FUNDS_SINCE_2022 = [
    ("2022-05-12", "small_cap_led", "2022-08-15"),
    ("2022-08-16", "broadening", "2022-12-13"),
    ("2023-01-10", "mega_cap_led", "2023-03-15"),
    ("2023-11-13", "small_cap_led", "2023-12-15"),
    ("2023-12-28", "mega_cap_led", "2024-02-05"),
    ("2024-07-11", "small_cap_led", "2024-07-17"),
    ("2024-07-24", "broadening", "2024-11-26"),
    ("2024-09-11", "small_cap_led", "2024-12-12"),
    ("2024-11-26", "mega_cap_led", "2024-12-24"),
]


@pytest.fixture(scope="module")
def paths(real_panel):
    return {
        name: leadership_path(lead(basket_returns(real_panel, name)), switching_cost=10)
        for name in KNOWN
    }


@pytest.mark.parametrize("baskets", KNOWN)
def test_the_path_has_the_known_days_episodes_shares_and_lags(paths, baskets):
    path, known = paths[baskets], KNOWN[baskets]
    settled = path["confirmed_on"].dropna()
    lag = path.index.searchsorted(settled) - np.arange(len(settled))
    shares = path["regime"].value_counts(normalize=True).round(4)
    names = ("mega_cap_led", "broadening", "small_cap_led")
    assert (f"{path.index[0]:%Y-%m-%d}", f"{path.index[-1]:%Y-%m-%d}", len(path)) == known["days"]
    assert len(episodes(path)) == known["episodes"]
    assert tuple(shares[name] for name in names) == known["shares"]
    assert (np.median(lag), round(np.quantile(lag, 0.95)), lag.max()) == known["lag"]
    assert path["confirmed_on"].isna().sum() == known["open"]


def test_the_fund_path_since_2022_is_what_the_press_described(paths):
    table = episodes(paths["funds"])
    table = table[table["start"] >= "2022-05-01"]
    said = list(
        zip(
            table["start"].dt.strftime("%Y-%m-%d"),
            table["regime"],
            table["confirmed_on"].dt.strftime("%Y-%m-%d"),
            strict=True,
        )
    )
    assert said == FUNDS_SINCE_2022


def test_the_spliced_path_equals_the_fund_path_after_the_splice(real_panel, paths):
    day = splice_day(real_panel, "funds")
    assert day == pd.Timestamp("2004-05-01")
    spliced = leadership_path(spliced_lead(real_panel, "funds"), switching_cost=10)
    pd.testing.assert_series_equal(spliced["regime"][day:], paths["funds"]["regime"][day:])


def test_french_and_fund_leads_agree_as_measured(real_panel):
    # 2003-2024: correlation of 21-day excess returns 0.97 / 0.70 / 0.94, same regime 85%
    french, funds = (
        basket_returns(real_panel, name)["2003-05-02":] for name in ("french", "funds")
    )
    month = {
        name: returns.sub(returns.mean(axis=1), axis=0).rolling(21).sum()
        for name, returns in (("french", french), ("funds", funds))
    }
    agreement = month["french"].corrwith(month["funds"]).round(2)
    assert list(agreement) == [0.97, 0.70, 0.94]
    paths = [
        leadership_path(lead(basket_returns(real_panel, name)), switching_cost=10)["regime"]
        for name in ("french", "funds")
    ]
    both = paths[0].index.intersection(paths[1].index)
    assert abs((paths[0][both] == paths[1][both]).mean() - 0.85) < 0.01

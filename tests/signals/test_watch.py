"""What a user asks to be watched: how it is read, and its numbers worked by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from regime.data.calendar import trading_days
from regime.data.catalog import CATALOG
from regime.exceptions import ConfigError
from regime.signals.declaration import DAYS as SESSIONS
from regime.signals.declaration import POINTS, RETURN
from regime.signals.declared.levels import CURRENCIES, dollar_index
from regime.signals.declared.yours import bought, signals_of
from regime.signals.registry import SIGNALS, all_signals
from regime.signals.watch import (
    DEFAULT,
    FILE,
    PRICES,
    Basket,
    Level,
    Watch,
    load_prices,
    load_watch,
    price_of,
    series_of,
)

DAYS = trading_days(pd.Timestamp("2024-06-03"), pd.Timestamp("2024-06-14"))  # ten
NAN = np.nan


def of(watch, panel):
    """Each signal that a watch asks for, by name."""
    return {one.name: one.of(panel).to_numpy() for one in signals_of(watch)}


def level(at, day, name="XLK"):
    return Watch(levels={"one": Level(of=name, at=at, set=date.fromisoformat(day))})


# The file -----------------------------------------------------------------------------


def test_without_a_file_what_strategists_named_is_watched(tmp_path):
    assert load_watch(tmp_path) is DEFAULT
    names = [one.name for one in all_signals()]
    assert names[: len(SIGNALS)] == [*SIGNALS]
    assert names[len(SIGNALS) :] == [
        "level_technology", "level_technology_crossed", "level_bitcoin", "level_bitcoin_crossed",
        "level_gold", "level_gold_crossed", "level_dollar", "level_dollar_crossed",
        "basket_since_inauguration",
    ]  # fmt: skip


def test_a_file_says_what_is_watched_instead(tmp_path):
    (tmp_path / FILE).write_text(
        '\ufeff[levels.tech]\nof = "XLK"\nat = 133\nset = 2026-02-02\n'
        '[baskets.chips]\nof = ["NVDA", "SMH"]\nsince = 2025-01-20\n'
        '[baskets.mine]\nof = ["PRIV"]\nagainst = ["SPY"]\nsince = 2025-01-20\n',
        encoding="utf-8",
    )
    (tmp_path / PRICES).write_text("date,PRIV\n2025-01-20,3.5\n")
    watch = load_watch(tmp_path)
    assert watch.levels == {"tech": Level(of="XLK", at=133, set=date(2026, 2, 2))}
    said = {one.name: (one.title, one.unit, one.needs) for one in signals_of(watch)}
    assert said == {
        "level_tech": ("Tech: XLK against 133, distance", RETURN, ("XLK_close",)),
        "level_tech_crossed": (
            "Tech: XLK against 133, sessions since it was crossed", SESSIONS, ("XLK_close",),
        ),
        "basket_chips": ("Chips: NVDA, SMH, from 20 Jan 2025", RETURN, ("NVDA", "SMH")),
        "basket_mine": ("Mine: PRIV less SPY, from 20 Jan 2025", POINTS, ("PRIV", "SPY")),
    }  # fmt: skip


def test_an_empty_file_watches_nothing(tmp_path):
    (tmp_path / FILE).write_text("")
    assert signals_of(load_watch(tmp_path)) == []


LEVEL = '[levels.a]\nof = "{}"\nat = {}\nset = {}\n'
BASKET = "[baskets.a]\nof = [{}]\nagainst = [{}]\nsince = {}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEVEL.format("XLX", 1, "2024-01-02"), r"levels\.a: nothing is called 'XLX'.*are XL"),
        (LEVEL.format("gold", 1, "2024-01-02"), "gold_price"),
        (LEVEL.format("qqqqqqq", 1, "2024-01-02"), r"known\. Put a column of that name into own_"),
        (LEVEL.format("DGS10", 1, "2024-01-02"), "'DGS10' of which prices are known"),
        (LEVEL.format("XLK", 0, "2024-01-02"), r"levels\.a\.at: .*greater than 0"),
        (LEVEL.format("XLK", "inf", "2024-01-02"), r"levels\.a\.at: .*finite"),
        (LEVEL.format("XLK", 1, "'soon'"), r"levels\.a\.set: .*date"),
        (LEVEL.format("XLK", 1, "2024-02-30"), r"watch\.toml cannot be read"),
        (LEVEL.format("XLK", 1, "2024-01-02") + "att = 3\n", r"levels\.a\.att: .*not permitted"),
        (LEVEL.replace("levels.a", "levels.A B"), "cannot be read"),
        (LEVEL.replace("levels.a", "levels.Tech").format("XLK", 1, "2024-01-02"), "small letters"),
        ("[level.a]\nof = 'XLK'\n", r"level: .*not permitted"),
        (BASKET.format("", "", "2024-01-02"), r"baskets\.a\.of: .*at least 1"),
        (BASKET.format("'NVDA', 'METTA'", "", "2024-01-02"), r"baskets\.a: .*'METTA'.*META"),
        (BASKET.format("'NVDA'", "'SPYY'", "2024-01-02"), r"baskets\.a: .*'SPYY'.*SPY"),
        (BASKET.format("'DGS10'", "", "2024-01-02"), r"baskets\.a: nothing is called 'DGS10'"),
        (BASKET.format("'NVDA'", "", "2024"), r"baskets\.a\.since"),
    ],
)
def test_a_fault_names_the_key_and_what_is_near(tmp_path, text, said):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match=said) as raised:
        load_watch(tmp_path)
    assert str(tmp_path / FILE) in str(raised.value)


def test_a_level_of_a_total_return_index_means_nothing(tmp_path, monkeypatch):
    index = "ROBIN"  # every fund of the catalogue has a close
    monkeypatch.setitem(CATALOG, index, CATALOG["SPY"])
    (tmp_path / FILE).write_text(LEVEL.format(index, 1, "2024-01-02"))
    with pytest.raises(ConfigError, match=f"{index} is a total-return index"):
        load_watch(tmp_path)


def test_two_signals_cannot_have_one_name(tmp_path):
    both = LEVEL.format("XLK", 1, "2024-01-02")
    (tmp_path / FILE).write_text(both + both.replace("levels.a", "levels.a_crossed"))
    with pytest.raises(ConfigError, match="a_crossed"):
        load_watch(tmp_path)


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00\x00")
    with pytest.raises(ConfigError, match="Mend it, or move it away"):
        load_watch(tmp_path)


@pytest.mark.parametrize(
    ("name", "series", "price"),
    [("NVDA", "NVDA", "NVDA_close"), ("CBBTCUSD", "CBBTCUSD", "CBBTCUSD"),
     ("gold_price", "gold_price", "gold_price"), ("DGS10", None, "DGS10"),
     ("nothing", None, "nothing")],
)  # fmt: skip
def test_returns_are_of_indices_and_levels_of_closes(name, series, price):
    assert series_of(name) == series
    assert price_of(name) == price


# Own prices ---------------------------------------------------------------------------


def test_own_prices_are_read_by_day_whatever_their_order(tmp_path):
    (tmp_path / PRICES).write_text("\ufeffdate,A,B\n2024-06-04,2,\n\n2024-06-03,1,10\n,,\n")
    found = load_prices(tmp_path)
    assert list(found.index) == list(pd.to_datetime(["2024-06-03", "2024-06-04"]))
    assert_allclose(found, [[1, 10], [2, NAN]])
    assert load_prices(tmp_path / "none").empty


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,A\n2024-06-03,1\n2024-06-04,x\n", "line 3: .*'2024-06-04,x'"),
        ("date,A\n2024-06-03,1\n\n2024-06-04,0\n", "line 4: .*'2024-06-04,0'"),
        ("date,A\n2024-06-03,1\n2024-06-03,2\n", "line 3"),
        ("date,A\n03.06.2024,1\n", "line 2: needed a date, YYYY-MM-DD"),
        ("date,A\n2024-06-03,-1\n", "line 2"),
        ("date,A\n2024-06-03,inf\n", "line 2"),
        ("day,A\n2024-06-03,1\n", "first column is to be date"),
        ("date,XLK\n2024-06-03,1\n", "the catalogue has XLK already"),
        ("", "cannot be read"),
        ("date,A\n1,2,3,4\n5\n", "line 2"),
    ],
)
def test_a_fault_of_own_prices_names_its_line(tmp_path, text, said):
    (tmp_path / PRICES).write_text(text)
    with pytest.raises(ConfigError, match=said) as raised:
        load_prices(tmp_path)
    assert str(tmp_path / PRICES) in str(raised.value)


# Levels -------------------------------------------------------------------------------


def test_the_distance_is_from_the_level_in_shares_of_the_day_it_was_set():
    # Set at 200 on 5 June; on 10 June one share became four. 55 then is 220 in old shares.
    close = [210, 190, 200, 210, 220, 55, 45, NAN, 50, 60.0]
    split = [2.0, NAN, NAN, NAN, NAN, 4, NAN, NAN, NAN, NAN]
    panel = pd.DataFrame({"XLK_close": close, "XLK_split": split}, DAYS)
    told = of(level(200, "2024-06-05"), panel)["level_one"]
    assert_allclose(told, [NAN, NAN, 0, 0.05, 0.10, 0.10, -0.10, NAN, 0, 0.20])
    # Set on the day of the split or after it, it is meant in the new shares.
    told = of(level(50, "2024-06-10"), panel)["level_one"]
    assert_allclose(told[5:], [0.10, -0.10, NAN, 0, 0.20])


def test_a_level_is_crossed_on_the_day_the_price_is_on_the_other_side():
    close = [90, 110, 110, 100, 99, NAN, 98, 100, 101, 99.0]
    panel = pd.DataFrame({"XLK_close": close, "XLK_split": NAN}, DAYS)
    told = of(level(100, "2024-06-04"), panel)["level_one_crossed"]
    # Set on 4 June above; below on 7 June, at it (which counts as above) on 12, below on 14 June.
    assert_allclose(told, [NAN, NAN, NAN, NAN, 0, NAN, 2, 0, 1, 0])


def test_a_level_set_on_a_day_without_a_session_is_watched_from_the_next():
    panel = pd.DataFrame({"XLK_close": 110.0, "XLK_split": NAN}, DAYS)
    told = of(level(100, "2024-06-08"), panel)
    assert_allclose(told["level_one"], [NAN] * 5 + [0.1] * 5)
    assert np.isnan(told["level_one_crossed"]).all()


def test_a_level_of_the_dollar_is_held_against_the_index_of_six_currencies():
    panel = pd.DataFrame(dict.fromkeys(CURRENCIES, 1.0), DAYS)
    index = dollar_index(panel).iloc[0]
    assert_allclose(of(level(index / 2, "2024-06-03", "dollar_index"), panel)["level_one"], 1)


def test_without_word_of_splits_there_were_none():
    panel = pd.DataFrame({"XLK_close": 110.0, "MINE": 50.0}, DAYS)
    assert_allclose(of(level(100, "2024-06-03"), panel)["level_one"], 0.1)
    assert_allclose(of(level(100, "2024-06-03", "MINE"), panel)["level_one"], -0.5)


# Baskets ------------------------------------------------------------------------------


@pytest.fixture
def panel():
    return pd.DataFrame(
        {"NVDA": [100, 100, 110, 121, 60, 60, 60, 60, 150, 200.0], "META": [50.0] * 9 + [100.0],
         "SPY": [10, 10, 10, 10, 11, 11, NAN, 11, 11, 12.0]}, DAYS
    )  # fmt: skip


def test_a_basket_is_bought_in_equal_parts_and_held(panel):
    watch = Watch(baskets={"two": Basket(of=("NVDA", "META"), against=("SPY",), since=DAYS[1])})
    told = of(watch, panel)["basket_two"]
    # Bought on 4 June at 100 and 50. On 5 June +10% and nothing: 5%. On 14 June both have
    # doubled: 100%, less 20%. Rebalanced daily it would be another number.
    assert_allclose(told[:3], [NAN, NAN, 0.05])
    assert_allclose(told[4], (-0.4 + 0) / 2 - 0.1)
    assert np.isnan(told[6])  # SPY has no close
    assert_allclose(told[9], 1.0 - 0.2)


def test_a_basket_bought_on_a_sunday_is_bought_at_the_close_before(panel):
    watch = Watch(baskets={"one": Basket(of=("NVDA",), since=date(2024, 6, 9))})
    assert_allclose(of(watch, panel)["basket_one"], [NAN] * 5 + [0, 0, 0, 1.5, 200 / 60 - 1])


def test_a_part_without_a_price_leaves_the_basket_unknown(panel):
    gone = panel.assign(META=[NAN] * 4 + [50.0] * 6)
    assert bought(gone, ("NVDA", "META"), DAYS[1]).isna().all()
    assert bought(panel, ("NVDA",), pd.Timestamp("2024-05-31")).isna().all()


@pytest.mark.parametrize("text", [f"a = {'[' * 1500}", f"{'a.' * 50_000}a = 1"])
def test_what_takes_all_time_or_depth_to_read_is_no_watch_file(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match=r"watch\.toml cannot be read: it "):
        load_watch(tmp_path)

"""What was published is judged from when it could be acted on, and not too boldly."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgered import EVENING, rows
from numpy.testing import assert_allclose

from regime.data.calendar import session_closes, trading_days
from regime.evaluation import live_record
from regime.evaluation.live_record import (
    FAST,
    FEWEST_EPISODES,
    SLOW,
    fast_record,
    judged,
    slow_record,
    summary,
)
from regime.exceptions import EvaluationError
from regime.labels.leadership import leadership_path, target
from regime.taxonomy import REGIMES

DAYS = trading_days(pd.Timestamp("2018-01-02"), pd.Timestamp("2024-06-28"))


def ledger(days, calls="broadening", horizons=(0,), **values) -> pd.DataFrame:
    """Rows as the ledger gives them back, each published in its own evening."""
    days = pd.DatetimeIndex(days)
    one = rows("2024-06-03", horizons)
    told = one.loc[np.tile(one.index, len(days))].reset_index(drop=True)
    told["date"] = days.repeat(len(horizons))
    told[list(REGIMES)] = np.random.default_rng(0).dirichlet(np.ones(3), len(told))
    calls = [calls] * len(days) if isinstance(calls, str) else calls
    called = np.repeat(np.array(calls, dtype=object), len(horizons))
    published = pd.DatetimeIndex(told["date"]).tz_localize("UTC") + EVENING
    told = told.assign(call=called, published_at=published.as_unit("us"))
    return told.assign(seq=np.arange(1, len(told) + 1), corrects=pd.NA, **values)


def chance(days=DAYS, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(0, 0.01, (len(days), 3))
    return pd.DataFrame(values, days, list(REGIMES))


# When a call begins to earn ----------------------------------------------------------------


def test_a_call_earns_nothing_on_its_day_nor_on_the_next():
    returns = pd.DataFrame(0.0, DAYS, list(REGIMES))
    returns.iloc[[10, 11], 1] = 9.0  # the day itself, and the session at whose close one trades
    returns.iloc[[12, 13], 1] = np.log(4.0)  # the two it can earn
    returns.iloc[14, 1] = 9.0
    found = fast_record(ledger(DAYS[[10]]), returns, sessions=(2,))
    assert_allclose(found["excess_2"], 2 * (np.log(4.0) - np.log((4.0 + 1 + 1) / 3)))
    other = fast_record(ledger(DAYS[[10]], "mega_cap_led"), returns, sessions=(2,))
    assert_allclose(other["excess_2"], -2 * np.log(2.0))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 30), st.data())
def test_the_fast_record_is_what_a_loop_over_days_finds(seed, count, data):
    days = DAYS[:60]
    returns = chance(days, seed)
    at = data.draw(st.lists(st.integers(0, 59), min_size=1, max_size=8, unique=True))
    gone = data.draw(st.lists(st.integers(0, 59), max_size=5))
    returns.iloc[gone, 0] = np.nan
    told = ledger(days[sorted(at)], [REGIMES[one % 3] for one in sorted(at)])
    found = fast_record(told, returns, sessions=(count,))
    left = returns.dropna()
    for (_, row), got in zip(told.iterrows(), found[f"excess_{count}"], strict=True):
        after = left[left.index > row["date"]].iloc[1 : 1 + count]
        if len(after) < count:
            assert np.isnan(got)
            continue
        mix = np.log(np.exp(after).mean(axis=1)).sum()
        assert_allclose(got, after[row["call"]].sum() - mix, atol=1e-12)


def test_a_later_return_changes_nothing_that_was_complete():
    told, returns = ledger(DAYS[:200]), chance()
    short = fast_record(told, returns.iloc[:150])
    whole = fast_record(told, returns)
    done = short["excess_63"].notna()
    assert done.sum() == 150 - 64
    assert_allclose(short.loc[done, "excess_63"], whole.loc[done, "excess_63"], atol=1e-12)


def test_returns_that_do_not_reach_the_day_leave_all_open():
    found = fast_record(ledger(DAYS[-3:]), chance(DAYS[:100]))
    assert found[["excess_21", "excess_63"]].isna().all(axis=None)


# What was published in time ----------------------------------------------------------------


def test_a_row_is_late_from_the_second_after_the_next_close():
    told = ledger(DAYS[[5, 5]])
    close = session_closes(DAYS[5])[DAYS[6]]
    told["horizon"] = [0, 21]
    told["published_at"] = [close, close + pd.Timedelta(seconds=1)]
    assert judged(told)["late"].to_list() == [False, True]


def test_a_day_before_a_long_weekend_has_time_until_the_next_session_closes():
    told = ledger(["2024-05-24"], published_at=pd.Timestamp("2024-05-28 19:59", tz="UTC"))
    assert not judged(told)["late"].any()  # Monday the 27th was Memorial Day


def test_a_late_correction_neither_mends_a_day_nor_takes_it_out():
    told = ledger(DAYS[[5, 5, 5, 6]], ["broadening", "mega_cap_led", "small_cap_led", "broadening"])
    told["seq"], told["corrects"] = [1, 3, 4, 2], [pd.NA, 1, 3, pd.NA]
    told.loc[1, "published_at"] = told["published_at"].iloc[0] + pd.Timedelta(minutes=5)  # in time
    told.loc[2, "published_at"] = told["published_at"].iloc[0] + pd.Timedelta(days=30)
    found = judged(told)
    assert found["seq"].to_list() == [3, 2]
    assert not found["late"].any()


def test_of_a_day_published_only_late_the_first_row_is_kept_and_marked():
    told = ledger(DAYS[[5, 5]], ["broadening", "mega_cap_led"])
    told["published_at"] += pd.Timedelta(days=9)
    found = judged(told)
    assert (found["call"].to_list(), found["late"].to_list()) == (["broadening"], [True])


def test_rows_of_two_baskets_or_roles_are_not_judged_as_one():
    for values in ({"baskets": ["funds", "french"]}, {"role": ["champion", "former"]}):
        with pytest.raises(EvaluationError, match="one basket set and one role"):
            judged(ledger(DAYS[:2], **values))


def test_nothing_published_is_an_empty_record():
    nothing = ledger(DAYS[:1]).iloc[:0]
    assert fast_record(nothing, chance()).empty
    found = summary(fast_record(nothing, chance()))
    assert [one["verdict"] for one in found] == ["nothing to judge yet"] * 2


# The settled label -------------------------------------------------------------------------


def test_the_slow_record_is_minus_the_log_of_what_was_said_of_the_settled_label(leads):
    path = leadership_path(leads, switching_cost=4.0)
    told = ledger(leads.index[-200:], horizons=(0, 21))
    targets = {horizon: target(path, horizon) for horizon in (0, 21)}
    found = slow_record(told, targets)
    assert len(found) == 400
    settled = found.dropna(subset=["log_loss"])
    assert 0 < len(settled) < 400
    for row in settled.sample(40, random_state=0).itertuples():
        said = told[(told["date"] == row.date) & (told["horizon"] == row.horizon)].iloc[0]
        came = targets[row.horizon].loc[row.date]
        assert (row.regime, row.confirmed_on) == (came["regime"], came["confirmed_on"])
        assert_allclose(row.log_loss, -np.log(said[came["regime"]]))
    still = found[found["log_loss"].isna()]
    assert still["confirmed_on"].isna().all()
    assert still["regime"].isna().all()


def test_a_day_without_a_label_stays_open_and_no_target_is_an_error(leads):
    path = leadership_path(leads, switching_cost=4.0)
    found = slow_record(ledger(DAYS[-5:]), {0: target(path, 0)})
    assert found["log_loss"].isna().all()
    with pytest.raises(EvaluationError, match="target of some horizon"):
        slow_record(ledger(DAYS[-5:]), {})


# The summary -------------------------------------------------------------------------------


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr("regime.evaluation.significance.RESAMPLES", 100)


def alternating(count: int, length: int) -> list[str]:
    return [REGIMES[at // length % 3] for at in range(count)]


def only(found, record, sessions):
    (one,) = [row for row in found if (row["record"], row["sessions"]) == (record, sessions)]
    return one


def test_late_days_are_counted_and_in_no_other_number():
    told = ledger(DAYS[:300], alternating(300, 30))
    late = told["seq"].isin([7, 8, 9])
    told["published_at"] = told["published_at"].where(
        ~late, told["published_at"] + pd.Timedelta("9D")
    )
    fast = fast_record(told, chance(DAYS[:320]))
    one = only(summary(fast), FAST, 21)
    assert (one["n_days"], one["n_open"], one["n_late"]) == (320 - 22 - 3, 300 - 298, 3)
    assert one["mean"] == pytest.approx(fast["excess_21"][~late].mean())
    assert one["n_episodes"] == 10
    assert json.loads(json.dumps(summary(fast), allow_nan=False))[0] == one


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize(
    ("n_days", "length"), [(900, 20), (1200, 80)], ids=["few days", "few calls"]
)
def test_too_few_days_or_calls_have_no_interval_and_say_so(n_days, length):
    told = ledger(DAYS[:n_days], alternating(n_days, length))
    one = only(summary(fast_record(told, chance())), FAST, 21)
    assert one["low"] is one["high"] is None
    assert f"{n_days:,} days in {n_days // length} calls, too few to tell" in one["verdict"]


@pytest.mark.usefixtures("_quick")
def test_many_calls_that_earn_by_chance_are_not_told_from_chance_and_foresight_is():
    returns = chance()
    told = ledger(DAYS[:1300], alternating(1300, 20))
    one = only(summary(fast_record(told, returns)), FAST, 21)
    assert one["n_episodes"] == 65 >= FEWEST_EPISODES
    assert one["low"] < 0 < one["high"]
    assert one["verdict"] == "not told from chance"
    ahead = returns.rolling(21).sum().shift(-22).dropna()
    knowing = ledger(DAYS[:1300], list(ahead.iloc[:1300].idxmax(axis=1)))
    one = only(summary(fast_record(knowing, returns)), FAST, 21)
    assert 0 < one["low"] < one["mean"] < one["high"]
    assert one["verdict"].startswith("more than the mix, before costs")
    least = ledger(DAYS[:1300], list(ahead.iloc[:1300].idxmin(axis=1)))
    assert only(summary(fast_record(least, returns)), FAST, 21)["verdict"].startswith("less than")


@pytest.mark.usefixtures("_quick")
def test_a_log_loss_is_better_than_saying_nothing_only_where_its_interval_is():
    told = ledger(DAYS[:1100], alternating(1100, 25))
    slow = pd.DataFrame(
        {
            "date": told["date"], "horizon": 0, "call": told["call"], "late": False,
            "regime": told["call"], "log_loss": np.random.default_rng(0).normal(0.5, 0.1, 1100),
        }
    )  # fmt: skip
    fast = fast_record(told, chance())
    assert only(summary(fast, slow), SLOW, 0)["verdict"].startswith("better than three equal")
    worse = slow.assign(log_loss=slow["log_loss"] + 0.6)
    assert only(summary(fast, worse), SLOW, 0)["verdict"].startswith("not told from three")
    stuck = slow.assign(regime="broadening")  # many calls, one outcome
    one = only(summary(fast, stuck), SLOW, 0)
    assert (one["low"], one["n_episodes"]) == (None, 1)
    assert "1,100 days in 1 episode, too few to tell" in one["verdict"]


def test_the_thresholds_are_those_that_were_measured():
    assert (live_record.FEWEST_BLOCKS, live_record.BLOCK, FEWEST_EPISODES) == (4, 252, 20)

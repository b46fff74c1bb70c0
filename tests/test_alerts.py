"""What is worth an alert: known days by hand, and one day at a time against all at once."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime.alerts import (
    BAND,
    Alert,
    Kind,
    data_stale,
    drift,
    gate_rejected,
    of_readiness,
    of_scores,
    promoted,
    retrain_failed,
    run_failed,
    source_failed,
    trial,
)
from regime.call import regime_call
from regime.exceptions import PanelError
from regime.scoring import Readiness, State
from regime.taxonomy import REGIMES

LEVELS = (0.5, 0.8)
DAY = pd.Timestamp("2024-07-17")


def scored(rows, horizons=(0, 21, 63)) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calls, and the same probabilities at every horizon."""
    days = pd.bdate_range("2024-07-15", periods=len(rows), name="date")
    now = pd.DataFrame(rows, days, list(REGIMES))
    long = [now.reset_index().assign(horizon=horizon) for horizon in horizons]
    return regime_call(now), pd.concat(long, ignore_index=True)


def restless(seed: int, n_days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    weight = np.exp(rng.normal(size=(n_days, 3)).cumsum(axis=0) * 0.5)
    return scored(weight / weight.sum(axis=1, keepdims=True))


def told(frames, through=None, *, levels=LEVELS, simulated=False) -> list[Alert]:
    return of_scores(*frames, told_through=through, levels=levels, simulated=simulated, version="7")


def mega(*shares: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Probabilities of mega-cap-led; the rest is split so that no other one reaches a half."""
    return scored([[share, (1 - share) / 2, (1 - share) / 2] for share in shares])


def keys(alerts) -> list[str]:
    return [alert.key for alert in alerts]


def test_a_change_of_call_is_one_alert_with_both_regimes_and_its_status():
    frames = scored([[0.6, 0.2, 0.2], [0.10, 0.18, 0.72]])
    alert = told(frames, levels=())[0]
    assert alert.kind is Kind.CALL_CHANGED
    assert alert.key == "call:2024-07-16:small_cap_led"
    assert alert.title == ("Regime call: mega-cap-led -> small-cap-led (handover, unconfirmed)")
    assert alert.day == pd.Timestamp("2024-07-16")


def test_the_body_says_what_a_reader_needs_and_no_more():
    frames = scored([[0.6, 0.2, 0.2], [0.10, 0.18, 0.72]])
    lines = told(frames, simulated=True)[0].body.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("Handover, unconfirmed: Mega-cap led to Small-cap led (the prob")
    assert lines[0].endswith("Called since 2024-07-16.")
    assert lines[1] == (
        "Now (the day before): away from the giants 90% (40%), mega-cap-led 10% (60%), "
        "broadening 18% (20%), small-cap-led 72% (20%)."
    )
    assert lines[2].startswith("In 21 trading days: mega-cap-led 10% (60%)")
    assert lines[3].startswith("In 63 trading days: ")
    assert lines[4] == "Model version 7, as of the close of 2024-07-16, on a SIMULATED market."
    assert lines[5].startswith("A nowcast of hindsight")
    assert lines[5].endswith("not a promise of returns.")


def test_a_challenger_that_has_not_reached_the_margin_changes_no_call():
    assert told(scored([[0.48, 0.26, 0.26], [0.35, 0.25, 0.40]]), levels=()) == []


def test_a_simulated_market_is_named_in_the_title_too():
    frames = scored([[0.9, 0.05, 0.05], [0.05, 0.05, 0.9]])
    assert all(alert.title.startswith("SIMULATED: ") for alert in told(frames, simulated=True))
    assert not any("SIMULATED" in alert.title + alert.body for alert in told(frames))


def test_a_level_is_told_only_once_its_further_side_is_left():
    shares = [0.40, 0.525, 0.475, 0.575, 0.50, 0.475, 0.525, 0.425, 0.525, 0.60]
    frames = mega(*shares)
    days = frames[0].index
    assert keys(told(frames, days[0], levels=(0.5,))) == [
        f"level:{days[3]:%Y-%m-%d}:away_from_giants:below:0.5",
        f"level:{days[7]:%Y-%m-%d}:away_from_giants:above:0.5",
        f"level:{days[9]:%Y-%m-%d}:away_from_giants:below:0.5",
    ]


def test_one_half_of_the_giants_is_told_once_and_not_from_both_sides():
    alerts = told(mega(0.3, 0.6), levels=LEVELS)
    assert [alert.title for alert in alerts if alert.kind is Kind.LEVEL_CROSSED] == [
        "Away from the giants below 50%: 40%, the day before 70%"
    ]
    assert "level:2024-07-16:mega_cap_led:above:0.8" in keys(told(mega(0.7, 0.9)))


def test_two_levels_in_one_day_are_one_alert():
    alerts = told(scored([[0.4, 0.3, 0.3], [0.05, 0.05, 0.9]]))
    assert [alert.title for alert in alerts if "small_cap_led:" in alert.key] == [
        "Small-cap-led above 50% and 80%: 90%, the day before 30%"
    ]
    assert "level:2024-07-16:small_cap_led:above:0.8" in keys(alerts)
    back = told(scored([[0.05, 0.05, 0.9], [0.4, 0.3, 0.3]]))
    assert "level:2024-07-16:small_cap_led:below:0.5" in keys(back)


def test_without_a_last_day_only_the_newest_one_is_looked_at():
    frames = scored([[0.9, 0.05, 0.05], [0.05, 0.05, 0.9], [0.05, 0.9, 0.05]])
    newest = told(frames)
    assert {alert.day for alert in newest} == {frames[0].index[-1]}
    assert newest == told(frames, frames[0].index[1])
    assert told(frames, frames[0].index[-1]) == []


def test_a_first_day_and_no_day_have_nothing_to_tell():
    assert told(scored([[0.1, 0.1, 0.8]])) == []
    calls, rows = scored([[0.1, 0.1, 0.8]])
    assert told((calls[:0], rows[:0])) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.integers(2, 40), st.data())
def test_days_told_one_by_one_or_together_make_the_same_alerts(seed, n_days, data):
    calls, rows = restless(seed, n_days)
    days = calls.index
    together = told((calls, rows), days[0])
    cuts = [*sorted(data.draw(st.sets(st.integers(1, n_days - 1)))), n_days - 1]
    apart, through = [], days[0]
    for cut in cuts:
        known = calls.loc[: days[cut]], rows[rows["date"] <= days[cut]]
        apart += told(known, through)
        through = days[cut]
    assert apart == together
    assert len({alert.key for alert in together}) == len(together)


def slow_crossings(share, level):
    """One day after the other, as a reader would."""
    side, found = None, []
    for day, value in share.items():
        now = "above" if value >= level + BAND / 2 else "below"
        if level - BAND / 2 < value < level + BAND / 2:
            continue
        if side is not None and now != side:
            found.append((day, now))
        side = now
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from(REGIMES[1:]), st.sampled_from([0.3, 0.5, 0.8]))
def test_crossings_are_those_a_reader_going_day_by_day_would_note(seed, name, level):
    calls, rows = restless(seed, 60)
    share = rows[rows["horizon"] == 0].set_index("date")[name]
    alerts = told((calls, rows), calls.index[0], levels=(level,))
    found = [tuple(one.key.split(":")[1:4:2]) for one in alerts if f":{name}:" in one.key
             and one.kind is Kind.LEVEL_CROSSED]  # fmt: skip
    assert found == [(f"{day:%Y-%m-%d}", side) for day, side in slow_crossings(share, level)]


def test_frames_that_do_not_belong_together_are_a_clear_fault():
    calls, rows = scored([[0.6, 0.2, 0.2], [0.1, 0.2, 0.7]])
    with pytest.raises(PanelError, match="2024-07-16 has none"):
        told((calls, rows[rows["date"] < "2024-07-16"]))
    with pytest.raises(PanelError, match="horizon 0"):
        told((calls, rows[rows["horizon"] == 21]))
    with pytest.raises(PanelError, match="there is no words, broadening"):
        told((calls.drop(columns="words"), rows.drop(columns="broadening")))
    with pytest.raises(PanelError, match="some days have several"):
        told((calls, pd.concat([rows, rows])))


def test_a_held_and_a_degraded_day_are_alerts_and_a_published_one_is_not():
    last = DAY - pd.Timedelta(days=1)
    held = of_readiness(Readiness(State.HELD, DAY, last, ("IWM",)))
    assert (held.kind, held.key) == (Kind.HELD, "held:2024-07-17")
    assert "IWM is not known at its close" in held.body
    degraded = of_readiness(Readiness(State.DEGRADED, DAY, DAY, ("DGS10",)), simulated=True)
    assert (degraded.kind, degraded.key) == (Kind.DEGRADED, "degraded:2024-07-17")
    assert "DGS10" in degraded.body
    assert degraded.body.endswith("SIMULATED market: this says nothing about real prices.")
    assert of_readiness(Readiness(State.PUBLISHED, DAY, DAY)) is None


FAULTS = [
    data_stale("DGS10", newest=DAY - pd.Timedelta(days=9), day=DAY),
    drift("the yield curve", "PSI 0.4", version="3", since=DAY, day=DAY),
    source_failed("fred", "nobody answers", since=DAY, day=DAY),
    retrain_failed("the fit did not converge", day=DAY),
    gate_rejected("4", ["log loss 0.95, needed 0.93"], champion="3", day=DAY),
    promoted("4", previous="3", day=DAY),
    promoted("1", previous=None, day=DAY, calls=("broadening", "small_cap_led")),
    run_failed("score", "the panel is empty", day=DAY),
    trial(pd.Timestamp("2024-07-17 21:05", tz="UTC")),
    of_readiness(Readiness(State.HELD, DAY, DAY, ("IWM",))),
    of_readiness(Readiness(State.DEGRADED, DAY, DAY, ("DGS10",))),
]


@pytest.mark.parametrize("alert", FAULTS, ids=lambda alert: alert.key)
def test_every_alert_is_short_plain_text_that_survives_being_written(alert):
    assert "\n" not in alert.title
    assert len(alert.title) <= 120
    assert 2 <= len(alert.body.splitlines()) <= 6
    assert alert.key.startswith(f"{alert.kind}:")
    assert alert.kind.urgency in {"info", "warning", "failure"}
    assert Alert.of_dict(alert.as_dict()) == alert


def test_every_kind_is_made_by_something():
    made = {alert.kind for alert in FAULTS} | {Kind.CALL_CHANGED, Kind.LEVEL_CROSSED}
    assert made == set(Kind)


def test_a_lasting_fault_keeps_its_key_from_day_to_day():
    tomorrow = DAY + pd.Timedelta(days=1)
    assert (
        source_failed("fred", "one reason", since=DAY, day=DAY).key
        == source_failed("fred", "another", since=DAY, day=tomorrow).key
    )
    assert retrain_failed("x", day=DAY).key != retrain_failed("x", day=tomorrow).key


def test_a_promotion_that_moves_the_call_says_so():
    alert = promoted("4", previous="3", day=DAY, calls=("mega_cap_led", "broadening"))
    assert alert.title.endswith("regime call: mega-cap-led -> broadening")
    assert "not because the market moved" in alert.body
    same = promoted("4", previous="3", day=DAY, calls=("broadening", "broadening"))
    assert same.title == "Model version 4 is in service"


def test_a_reason_is_cut_to_one_line_and_loses_addresses_that_may_hold_keys():
    reason = "no answer from https://example.org/data?api_key=hunter2\nTraceback\n" + "x" * 900
    for alert in (
        source_failed("fred", reason, since=DAY, day=DAY),
        run_failed("s", reason, day=DAY),
    ):
        assert "hunter2" not in alert.body
        assert "https" not in alert.body
        assert max(map(len, alert.body.splitlines())) <= 300
        assert len(alert.body.splitlines()) == 3

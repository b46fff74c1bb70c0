"""What Today says follows from what was published, and from nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from briefed import DAYS, HORIZONS, ledger, snapshot

from regime.brief import sure, today
from regime.brief.snapshot import as_known_on
from regime.call import Status
from regime.taxonomy import REGIMES


@pytest.fixture(scope="module")
def shown():
    return snapshot()


# State and call ------------------------------------------------------------------------


def test_a_state_says_when_the_close_was_published_and_when_it_was_corrected(shown):
    state = today.state_of(shown)
    assert state.name == "PUBLISHED"
    assert "31 December 2020 was published on 1 January 2021 at 06:00 UTC" in state.moment
    both = pd.concat([ledger(DAYS[-1:]), ledger(DAYS[-1:], corrects=1)], ignore_index=True)
    both.loc[1, "published_at"] += pd.Timedelta("2D")
    told = today.state_of(replace(shown, ledger=both)).moment
    assert "1 January 2021" in told
    assert told.endswith("and corrected on 3 January 2021 at 06:00 UTC.")


@pytest.mark.parametrize("name", ["HELD", "DEGRADED"])
def test_a_held_or_degraded_day_says_what_was_missing_once(name):
    state = today.state_of(snapshot(about={"state": name, "words": f"{name}: RSP is not known."}))
    assert (state.name, state.words) == (name, "RSP is not known.")


def test_a_day_that_was_never_published_does_not_claim_to_be(shown):
    then = as_known_on(shown, DAYS[-40], None)
    state = today.state_of(then)
    assert state.name == today.REPLAYED
    assert "not published" in state.moment
    assert "not in the ledger" in today.state_of(replace(shown, ledger=ledger(DAYS[:0]))).moment


@pytest.mark.parametrize("status", Status)
def test_every_status_is_explained_and_a_contested_call_names_who_stands(shown, status):
    calls = shown.calls.copy()
    calls.loc[calls.index[-1], ["status", "regime"]] = [status, "small_cap_led"]
    call = today.call_of(replace(shown, calls=calls))
    assert call.means
    assert ("stands at small-cap led" in call.means) == (status is Status.CONTESTED)


def test_a_confirmed_call_says_whether_its_probability_or_hindsight_confirmed_it(shown):
    confirmed = shown.calls.assign(status=Status.CONFIRMED)
    said = []
    for most in (0.81, 0.6):
        rest = (1 - most) / 2
        scores = shown.scores.copy()
        scores.loc[scores["date"] == shown.day, list(REGIMES)] = [most, rest, rest]
        said.append(today.call_of(replace(shown, calls=confirmed, scores=scores, _proba={})).means)
    assert "above 80%" in said[0]
    began = today.day_words(shown.call["path_since"])
    assert f"settled that it began on {began}; whether it still lasts is not" in said[1]


def test_a_call_has_both_its_dates_and_says_which_may_change(shown):
    call = today.call_of(shown)
    row = shown.call
    since = shown.calls.loc[shown.calls["regime"] == row["regime"], "date"]
    sessions = (shown.calls["date"] >= row["called_since"]).sum()
    assert row["called_since"] in set(since)
    assert f"{sessions} session" in call.called
    assert "Never revised" in call.called
    assert today.day_words(row["path_since"]) in call.hindsight
    begun = shown.labels.set_index("date")["confirmed_on"].notna()[row["path_since"]]
    assert ("That it began is settled" in call.hindsight) == begun
    assert "rovisional" in call.hindsight


def test_an_episode_whose_beginning_may_still_change_is_called_provisional(shown):
    labels = shown.labels.assign(confirmed_on=pd.NaT)
    assert "may still change it" in today.call_of(replace(shown, labels=labels)).hindsight


# Odds ----------------------------------------------------------------------------------


def test_readings_are_of_this_close_the_one_before_and_a_month_before(shown):
    table = today.readings(shown)
    assert list(table["horizon"]) == [*HORIZONS] * 3
    proba = shown.probabilities(21)
    away = table[(table["reading"] == today.AWAY) & (table["horizon"] == 21)].iloc[0]
    for name, at in (("value", -1), ("yesterday", -2), ("month", -22)):
        assert away[name] == 1 - proba["mega_cap_led"].iloc[at]
    assert (away["yesterday_on"], away["month_on"]) == (DAYS[-2], DAYS[-22])


def test_the_parts_add_up_to_what_is_away_from_the_giants(shown):
    table = today.readings(shown).set_index(["reading", "horizon"])[["value", "yesterday", "month"]]
    parts = table.drop(today.AWAY).groupby("horizon").sum()
    np.testing.assert_allclose(parts, table.loc[today.AWAY])


def test_the_first_day_has_nothing_before_it(shown):
    then = as_known_on(shown, DAYS[0], None)
    table = today.readings(then)
    assert table[["yesterday", "month", "yesterday_on", "month_on"]].isna().all(axis=None)
    assert list(today.split(table, then)) == ["probability of", "2 Jan"]


def test_of_which_close_is_said_by_its_date(shown):
    assert today.when(shown, 0) == "at the close of 31 December 2020"
    assert today.when(shown, 21) == "21 sessions after that"


# How sure ------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_record_is_counted_on_settled_days_by_hand(shown, horizon):
    one = next(one for one in sure.how_sure(shown) if one.horizon == horizon)
    proba, path = shown.probabilities(horizon), shown.labels.set_index("date")
    top = proba.iloc[-1].max()
    said, so, episodes, was, number = [], [], set(), None, 0
    for at, day in enumerate(DAYS[: len(DAYS) - horizon]):
        later = path.iloc[at + horizon]
        if pd.isna(later["confirmed_on"]):
            continue
        number += later["regime"] != was
        was = later["regime"]
        if top - 0.05 <= proba.loc[day].max() < top + 0.05:
            said.append(proba.loc[day].max())
            so.append(proba.loc[day].idxmax() == later["regime"])
            episodes.add(number)
    assert one.probability == top
    assert one.record.n_days == len(so) > 10
    np.testing.assert_allclose([one.record.said, one.record.so], [np.mean(said), np.mean(so)])
    assert one.record.n_episodes == len(episodes)
    assert f"it was so {np.mean(so):.0%} of the time" in one.words


def test_few_episodes_are_warned_of_and_a_worse_record_has_the_word(shown, monkeypatch):
    for one in sure.how_sure(shown):
        assert one.few == (one.record.n_episodes < sure.FEW)
        assert ("too few to lean on" in one.words) == one.few
    monkeypatch.setattr(sure, "FEW", 1)
    for one in sure.how_sure(shown):
        assert one.word == sure.in_words(min(one.probability, one.record.so))
        lower = one.word != sure.in_words(one.probability)
        assert (f"{one.word}, judged by its record." in one.words) == lower


def test_what_was_never_said_is_not_backed_by_anything(shown):
    first = as_known_on(shown, DAYS[0], None)
    for one in sure.how_sure(first):
        assert one.few
        assert "nothing backs it" in one.words
    assert "settled none" in sure.been_right(first)


def test_days_a_model_was_trained_on_are_no_record(shown):
    trained = replace(shown, scores=shown.scores.assign(basis="in_sample"), _proba={})
    assert all(one.record.n_days == 0 for one in sure.how_sure(trained))


def test_words_follow_the_scale():
    said = [sure.in_words(one) for one in (0.34, 0.5, 0.6, 0.75, 0.9, 0.99)]
    assert said == [
        "little better than a guess among three", "a coin's toss", "more likely than not",
        "likely", "very likely", "nearly certain",
    ]  # fmt: skip


def test_being_right_is_beside_what_one_constant_answer_would_have_been(shown):
    path = shown.labels[shown.labels["confirmed_on"].notna()].set_index("date")["regime"]
    right = (shown.probabilities(0).idxmax(axis=1).loc[path.index] == path).mean()
    told = sure.been_right(shown)
    assert f"On {len(path)} settled days since 2 January 2019" in told
    assert f"hindsight's {right:.0%}" in told
    assert f"been right {path.value_counts(normalize=True).max():.0%}" in told


# What moved, and what would ------------------------------------------------------------

MOVED = [
    {"horizon": h, "regime": one, "before": 0.30, "now": 0.35, "market": 0.05, "revision": None,
     "model": 0.0}
    for h in (0, 21) for one in REGIMES
]  # fmt: skip


def test_what_moved_overnight_never_says_now_of_a_close_that_is_past():
    moved = today.overnight_of(snapshot(about={"moved": MOVED}, ledger=ledger(DAYS[-3:])))
    assert moved.since == DAYS[-2]
    assert [len(moved.words[horizon]) for horizon in (0, 21)] == [3, 3]
    assert moved.words[0][0].startswith("Mega-cap led at the close 30% → 35%: market +5")
    assert " now " not in " ".join(moved.words[0] + moved.words[21])


def test_what_moved_is_told_from_the_close_it_was_compared_with():
    caught_up = ledger(DAYS[-3:]).assign(published_at=lambda rows: rows["published_at"].max())
    before = ledger(DAYS[-6:-5])
    filled_in = ledger(DAYS[-5:-4], published_at=caught_up["published_at"].iloc[0])
    rows = pd.concat([before, filled_in, caught_up], ignore_index=True)
    moved = today.overnight_of(snapshot(about={"moved": MOVED}, ledger=rows))
    assert moved.since == DAYS[-6]


def test_where_nothing_moved_it_says_why(shown):
    assert "No earlier close" in today.overnight_of(shown).why_not
    then = as_known_on(shown, DAYS[-40], None)
    assert "not kept" in today.overnight_of(then).why_not
    two = replace(shown, ledger=ledger(DAYS[-2:]))
    assert "30 December 2020 could not be told" in today.overnight_of(two).why_not


def flips(moves, confirmed=True):
    rows = [
        {"basket": "mega", "direction": "up", "move": move, "to_regime": "broadening",
         "confirmed": confirmed, "monotone": True, "words": f"Level {at}."}
        for at, move in enumerate(moves)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_nearest_flip_level_comes_first_and_those_that_would_not_change_it_last():
    told = today.flips_of(snapshot(flips=flips([0.06, np.nan, -0.04, np.nan, 0.03, np.nan])))
    rest = "The other three moves, up to 15%, would leave it as it is."
    assert told == ["Level 4.", "Level 2.", "Level 0.", rest]


def test_flip_levels_say_what_they_are_not_sure_of(shown):
    assert today.flips_of(shown) == []
    (none,) = today.flips_of(snapshot(flips=flips([np.nan] * 6)))
    assert none.startswith("No basket alone would change it")
    assert "did not confirm" in today.flips_of(snapshot(flips=flips([0.1], confirmed=False)))[0]


# What it is worth ----------------------------------------------------------------------


EARNED = {"earned_from": "2010-01-06", "earned_to": "2020-12-31"}


def card(**verdicts):
    # At no cost everything has an edge, at a high one nothing: neither is what is judged.
    value = [
        {"rival": name, "cost_bp": cost, "verdict": told} | EARNED
        for name, verdict in verdicts.items()
        for cost, told in ((0, "a trading edge of 9%"), (10, verdict), (20, "no trading edge"))
    ]
    legs = {"mega_cap_led": ["OEF"]}
    return {
        "value": value or None,
        "model": {"legs": legs},
        "test": {"from": "2010-01-04", "to": "2020-12-31"},
    }


@pytest.mark.parametrize(
    ("roster", "said"),
    [
        (None, "not measured for version 4"),
        ({"versions": []}, "not measured for version 4"),
        ({"versions": [{"number": 4, "card": None}]}, "not measured for version 4"),
        ({"versions": [{"number": "4", "card": card()}]}, "not measured for version 4"),
        (
            {"versions": [{"number": "4", "card": card(equal_mix="no trading edge")}]},
            "version 4 showed no trading edge over the equal mix.",
        ),
        (
            {
                "versions": [
                    {"number": "3", "card": card(equal_mix="no trading edge")},
                    {
                        "number": "4",
                        "card": card(
                            equal_mix="no trading edge", mega_cap_led="a trading edge of 1%"
                        ),
                    },
                ]
            },
            "showed a trading edge over always-mega (OEF), and none over the equal mix.",
        ),
    ],
)
def test_a_trading_edge_is_claimed_only_where_the_card_of_the_version_in_service_has_one(
    shown, roster, said
):
    assert said in today.edge_of(shown, roster)


def test_on_an_earlier_day_a_card_that_was_registered_later_is_not_quoted(shown):
    then = as_known_on(shown, DAYS[-40], None)
    later = {"number": "4", "card": card(equal_mix="no trading edge")}
    none, other = "No version had been registered", {"number": "3", "card": None}
    for registered, said in ((DAYS[-41], "showed no trading edge"), (DAYS[-1], none)):
        roster = {"versions": [later | {"registered_at": f"{registered:%F}T22:00:00+00:00"}]}
        assert said in today.edge_of(then, roster)
    roster["versions"].append(other | {"registered_at": f"{DAYS[-50]:%F}T22:00:00+00:00"})
    assert "Version 4 had not been registered by this day" in today.edge_of(then, roster)


def test_a_horizon_that_the_newest_day_is_not_spoken_of_is_not_shown_for_it(shown):
    gone = (shown.scores["date"] == shown.day) & (shown.scores["horizon"] == 63)
    told = snapshot(scores=shown.scores[~gone])
    assert told.horizons == [0, 21]
    assert set(today.readings(told)["horizon"]) == {0, 21}
    assert [one.horizon for one in sure.how_sure(told)] == [0, 21]

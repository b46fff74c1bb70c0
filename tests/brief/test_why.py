"""Why says what the shares say, whether they add up, and what it does not know."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from briefed import DAYS, explained, snapshot
from numpy.testing import assert_allclose

from regime.brief import why
from regime.brief.snapshot import as_known_on
from regime.explained import FILTER, MEMORY

PATH = "the path of leads itself (filter)"
BEFORE, NOW = (0.5, 0.3, 0.2), (0.2, 0.6, 0.2)


def centred(proba):
    logs = np.log(proba)
    return logs - logs.mean()


CHANGE = centred(NOW) - centred(BEFORE)


def split(*parts):
    """Shares by player: so much of the whole change each, the rest to the path."""
    names = ["rates", "leadership", MEMORY]
    shares = {name: tuple(part * CHANGE) for name, part in zip(names, parts, strict=False)}
    return {FILTER: tuple((1 - sum(parts)) * CHANGE), **shares}


def shown(*parts, before=BEFORE, now=NOW, **changes):
    return snapshot(shares=explained(split(*parts), before, now), **changes)


def test_shares_are_of_the_day_and_the_horizon_and_add_up():
    change = why.change_of(shown(0.25, -0.1), 0)
    assert (change.day, change.since) == (DAYS[-1], DAYS[-22])
    assert_allclose(change.shares.sum(), CHANGE)
    assert change.gap < 1e-12
    assert why.adds_up(change).startswith("The shares add up")
    assert why.change_of(shown(0.25), 21) is None


def test_shares_that_do_not_add_up_are_called_out():
    table = explained(split(0.5), BEFORE, NOW)
    table.loc[0, "share"] += 1e-5
    change = why.change_of(snapshot(shares=table), 0)
    assert "do not rely on them" in why.adds_up(change)


def test_a_family_the_model_does_not_read_is_left_out():
    change = why.change_of(shown(0.3, 0.0), 0)
    assert list(change.shares.index) == [FILTER, "rates"]


def test_steps_lead_from_nothing_to_the_whole_change_the_largest_first():
    change = why.change_of(shown(0.5, -0.2, 0.1), 0)
    table = why.steps(change, "broadening")
    assert list(table["player"]) == [FILTER, "rates", "leadership", MEMORY]
    assert (table["share"].abs().diff().iloc[1:] <= 1e-12).all()
    assert table["start"].iloc[0] == 0
    ends = table["start"] + table["share"]
    assert_allclose(table["start"].iloc[1:], ends.iloc[:-1])
    assert_allclose(ends.iloc[-1], CHANGE[1])


@pytest.mark.parametrize(
    ("parts", "regime", "way", "who"),
    [
        ((0.1,), "broadening", "rise of broadening from 30% to 60%", f"{PATH}."),
        ((0.45,), "mega_cap_led", "fall of mega-cap leadership from 50% to 20%",
         f"{PATH} and rates."),
        ((0.7, -0.4), "broadening", "rise of broadening from 30% to 60%",
         f"{PATH} and rates; relative strength (leadership) pulled the other way."),
    ],
)  # fmt: skip
def test_a_sentence_names_who_did_most_and_who_pulled_the_other_way(parts, regime, way, who):
    told = why.sentence(why.change_of(shown(*parts), 0), regime)
    assert told == f"The {way} since 1 December 2020 comes mostly from {who}"


def test_what_hardly_moved_is_not_explained_away():
    told = why.sentence(why.change_of(shown(0.1), 0), "small_cap_led")
    assert told.startswith("Small-cap leadership has hardly moved: 20% on 1 December 2020, 20% on")


def test_a_rise_against_all_shares_is_laid_to_the_other_regimes():
    """Known case: the least likely of three may gain probability and lose centred log odds."""
    before, now = (0.90, 0.099, 0.001), (0.80, 0.1999, 0.0001)
    moved = centred(now) - centred(before)
    assert now[0] < before[0]
    assert moved[0] > 0
    table = explained({FILTER: tuple(moved)}, before, now)
    change = why.change_of(snapshot(shares=table), 0)
    assert "what moved the other two regimes" in why.sentence(change, "mega_cap_led")


def test_the_table_has_both_days_every_share_and_the_sum_beside_the_change():
    change = why.change_of(shown(0.25), 0)
    table = why.table(change)
    assert list(table["what"]) == [
        "Probability on 1 Dec 2020", "The path of leads itself (filter)", "Rates",
        "Sum of the shares, nats", "Change to be explained, nats", "Probability on 31 Dec 2020",
    ]  # fmt: skip
    assert list(table["Broadening"]) == [
        "30.0%", f"{0.75 * CHANGE[1]:+.3f}", f"{0.25 * CHANGE[1]:+.3f}",
        f"{CHANGE[1]:+.3f}", f"{CHANGE[1]:+.3f}", "60.0%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "said"), [("PUBLISHED", "an earlier fit"), ("DEGRADED", "the filter spoke")]
)
def test_an_explanation_of_another_answer_than_the_published_one_says_so(state, said):
    one = shown(0.2, about={"state": state})
    change = why.change_of(one, 0)
    assert said in why.other_answer(one, change)
    published = one.probabilities(0).iloc[-1]
    then = one.probabilities(0).loc[change.since]
    same = replace(change, now=published, before=then)
    assert why.other_answer(one, same) == ""


@pytest.mark.parametrize(
    ("basis", "whose"),
    [
        ("walk_forward", "what an earlier fit said, which had not seen the day:"),
        ("live", "; what was said that day:"),
    ],
)
def test_another_answer_on_the_day_it_moved_from_has_both_numbers(basis, whose):
    one = shown(0.2)
    one = replace(one, scores=one.scores.assign(basis=basis))
    change = why.change_of(one, 0)
    said = one.probabilities(0).loc[change.since]
    change = replace(change, now=one.probabilities(0).iloc[-1], before=said.add([0.05, -0.05, 0]))
    told = why.other_answer(one, change)
    assert told.startswith("Looking back to 1 December 2020, version 4 gives mega-cap led ")
    assert f"{said.iloc[0] + 0.05:.1%} and broadening {said.iloc[1] - 0.05:.1%};" in told
    assert told.endswith(f"{whose} {said.iloc[0]:.1%} and {said.iloc[1]:.1%}.")
    then = why.other_answer(replace(one, then=True), change)
    assert "version 4" not in then


def test_it_opens_on_the_called_regime_unless_that_hardly_moved():
    change = why.change_of(shown(0.1), 0)
    assert why.opening(change, "mega_cap_led") == "mega_cap_led"
    assert why.opening(change, "small_cap_led") in ("mega_cap_led", "broadening")
    still = replace(change, now=change.before.add([0.004, -0.005, 0.001]))
    assert why.opening(still, "small_cap_led") == "small_cap_led"


@pytest.mark.parametrize(
    ("told", "horizon", "regime", "lost"),
    [
        ({}, None, None, ""),
        ({"horizon": "21", "regime": "broadening"}, 21, "broadening", ""),
        ({"horizon": "0"}, 0, None, ""),
        ({"horizon": "22"}, None, None, "the horizon “22”, which is none of 0, 21 and 63"),
        ({"regime": "x" * 99}, None, None, f"the regime “{'x' * 20}”, which"),
    ],
)
def test_an_address_is_followed_where_it_can_be(told, horizon, regime, lost):
    *found, words = why.asked_for(told, [0, 21, 63])
    assert found == [horizon, regime]
    assert lost in words
    assert bool(words) == bool(lost)


def test_a_day_without_shares_says_why():
    then = as_known_on(shown(0.2), DAYS[-30], None)
    assert why.change_of(then, 0) is None
    assert "newest 252 sessions only, and 18 November 2020" in why.why_not(then)
    assert "Choose a later day" in why.why_not(replace(then, kept=True))
    note = "Why the probabilities moved is not told: the panel is short."
    assert why.why_not(snapshot(about={"notes": [note, "Similar days are not told: x"]})) == note
    assert "Run `regime score`" in why.why_not(snapshot())


def test_features_of_a_family_come_largest_first_with_readable_names():
    rows = [
        (0, "rates", name, "sd", 1.0, 2.0, "broadening", share, exact)
        for name, share, exact in (
            ("curve_10y_1y", 0.1, True),
            ("yield_10y_change_21d", -0.4, False),
        )
    ]
    columns = [
        "horizon", "family", "feature", "unit", "before", "now", "regime", "share", "exact",
    ]  # fmt: skip
    one = snapshot(drivers=pd.DataFrame(rows, columns=columns))
    found = why.inside(one, 0, "rates", "broadening")
    assert list(found["feature"]) == ["yield_10y_change_21d", "curve_10y_1y"]
    assert found["words"][0] == "10-year yield, change over a month"
    assert found.attrs == {"exact": False}
    assert why.families_inside(one, 0) == ["rates"]
    assert why.families_inside(one, 21) == []
    assert why.inside(one, 21, "rates", "broadening").empty


def test_similar_days_are_counted_by_what_followed_and_by_episodes():
    days = pd.DataFrame(
        {
            "date": DAYS[[10, 100, 200]],
            "distance": [0.1, 0.2, 0.3],
            "regime": ["broadening"] * 3,
            "followed": ["small_cap_led", "small_cap_led", None],
            "episode": [DAYS[20], DAYS[20], pd.NaT],
        }
    )
    one = snapshot(similar=days)
    assert list(why.alike(one)["followed"]) == ["Small-cap led", "Small-cap led", "not settled"]
    assert why.alike_words(one) == (
        "3 days; of 2 it is settled which regime led 63 sessions later: mega-cap led 0, "
        "broadening 0, small-cap led 2. They belong to 1 independent episode."
    )
    assert why.alike(snapshot()).empty


@pytest.mark.parametrize(
    ("kept", "notes", "said"),
    [
        (False, [], "kept of days that were published only, and not of 31 December 2020"),
        (True, ["Similar days are not told: x."], "Similar days are not told: x."),
        (True, ["What moved inside the families is not told: x."], "could not be told"),
    ],
)
def test_what_was_not_kept_is_not_told_apart_from_what_could_not_be(kept, notes, said):
    one = snapshot(kept=kept, then=True, about={"notes": notes})
    assert said in why.not_told(one, "Similar days are")


def test_a_similar_day_is_never_called_a_forecast():
    assert "1.116" in why.NO_FORECAST

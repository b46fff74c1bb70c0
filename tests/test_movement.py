"""What moved the probabilities: parts that add up, each for the cause it is named after."""

import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from regime.bundle import Bundle, fit_bundle
from regime.config import ExperimentConfig
from regime.exceptions import EvaluationError
from regime.movement import COLUMNS, overnight, words
from regime.taxonomy import REGIMES

DAY, EARLIER = pd.Timestamp("2008-12-31"), pd.Timestamp("2008-12-30")
CAUSES = ["market", "revision", "model"]


def experiment(kind, *sets, horizons=(0, 21)):
    return ExperimentConfig(
        name=kind,
        baskets=("french",),
        labels={"horizons": horizons},
        features={"sets": sets, "window": 504},
        training={"every": 3},
        model={"kind": kind},
    )


@pytest.fixture(scope="module")
def old(market):
    return fit_bundle(experiment("filter"), "french", market[:"2001-12-31"])


@pytest.fixture(scope="module")
def new(market):
    return fit_bundle(experiment("filter"), "french", market[:"2006-12-29"])


@pytest.fixture(scope="module")
def logistic(market):
    return fit_bundle(experiment("logistic", "leadership"), "french", market[:"2006-12-29"])


@pytest.fixture(scope="module")
def revised(market):
    """Small companies had a better November than was first told."""
    panel = market.copy()
    panel.loc["2008-11-03":"2008-11-28", "qnt_2"] += 0.004
    return panel


def said_by(bundle, panel, day=EARLIER):
    """What a bundle published of a day, with the figures known by then."""
    rows = bundle.predict_proba(panel[:day])
    return rows[rows["date"] == day].reset_index(drop=True)


def on(bundle, panel, day):
    """The same, one row after the other, as `overnight` orders them."""
    return said_by(bundle, panel, day)[list(REGIMES)].to_numpy().ravel()


# Parts and sums -----------------------------------------------------------------------


@pytest.mark.parametrize("before", ["old", "logistic", None])
@pytest.mark.parametrize("same_data", [False, True])
def test_the_parts_add_up_whoever_spoke_and_whatever_was_revised(
    before, same_data, market, revised, new, request
):
    who = None if before is None else request.getfixturevalue(before)
    told = said_by(who or new, market)
    moved = overnight(told, who, new, revised, DAY, same_data=same_data)
    assert list(moved) == COLUMNS
    assert list(zip(moved["horizon"], moved["regime"], strict=True)) == [
        (horizon, name) for horizon in (0, 21) for name in REGIMES
    ]
    change = moved["now"] - moved["before"]
    assert (moved[CAUSES].sum(axis=1) - change).abs().max() < 1e-15
    assert moved.groupby("horizon")[[*CAUSES]].sum().abs().max().max() < 1e-12
    assert_array_equal(moved["before"], told[list(REGIMES)].to_numpy().ravel())
    assert_array_equal(moved["now"], on(new, revised, DAY))


def test_each_part_is_a_difference_of_two_answers(market, revised, old, logistic):
    """Brute force: every answer is asked for by itself, of a panel that ends on its day."""
    moved = overnight(said_by(old, market), old, logistic, revised, DAY)
    market_part = on(logistic, revised, DAY) - on(logistic, revised, EARLIER)
    assert_array_equal(moved["market"], market_part)
    model_part = on(logistic, revised, EARLIER) - on(old, revised, EARLIER)
    assert_array_equal(moved["model"], model_part)
    assert_array_equal(moved["revision"], on(old, revised, EARLIER) - on(old, market, EARLIER))
    assert (moved[CAUSES].abs().groupby(moved["horizon"]).max() > 1e-4).all(axis=None)


def test_one_speaker_on_the_same_figures_was_moved_by_the_market_alone(market, new):
    moved = overnight(said_by(new, market), new, new, market, DAY)
    assert (moved["model"] == 0).all()
    assert (moved["revision"] == 0).all()
    assert (moved["market"] == moved["now"] - moved["before"]).all()
    assert moved["market"].abs().max() > 1e-3


def test_a_revision_alone_is_no_change_of_model(market, revised, new):
    moved = overnight(said_by(new, market), new, new, revised, DAY)
    assert (moved["model"] == 0).all()
    assert moved["revision"].abs().max() > 1e-3


def test_a_new_model_alone_is_no_revision(market, old, new):
    moved = overnight(said_by(old, market), old, new, market, DAY)
    assert (moved["revision"] == 0).all()
    assert moved["model"].abs().max() > 1e-3


def test_on_unchanged_figures_another_answer_is_other_code(market, new):
    """The figures are to the bit what they were, and yet the same speaker says otherwise."""
    told = said_by(new, market)
    told[list(REGIMES)] = told[list(REGIMES)] * 0.9 + 0.1 / 3
    moved = overnight(told, new, new, market, DAY, same_data=True)
    assert (moved["revision"] == 0).all()
    assert moved["model"].abs().max() > 1e-3
    unsaid = overnight(told, new, new, market, DAY)
    assert (unsaid["model"] == 0).all()
    np.testing.assert_allclose(unsaid["revision"], moved["model"], atol=1e-15)


def test_where_the_earlier_speaker_is_gone_both_are_told_together(market, revised, old, new):
    told = said_by(old, market)
    apart = overnight(told, old, new, revised, DAY)
    together = overnight(told, None, new, revised, DAY)
    assert together["revision"].isna().all()
    np.testing.assert_allclose(together["model"], apart["model"] + apart["revision"], atol=1e-15)
    assert_array_equal(together["market"], apart["market"])
    assert all("model and data revisions together" in line for line in words(together))
    assert not any("together" in line for line in words(apart))


@pytest.mark.parametrize("since", ["2008-12-30", "2008-10-01"])  # the day itself, or for long
def test_an_earlier_speaker_whose_baskets_have_ended_is_as_good_as_gone(market, new, since):
    other = fit_bundle(experiment("logistic", "leadership"), "funds", market[:"2006-12-29"])
    told = said_by(other, market)
    gone = market.copy()
    gone.loc[since:, "IWM"] = np.nan
    moved = overnight(told, other, new, gone, DAY)
    assert moved["revision"].isna().all()
    pd.testing.assert_frame_equal(moved, overnight(told, None, new, gone, DAY), check_exact=True)


def test_days_that_were_not_published_count_as_market(market, new):
    long_ago = market.index[-12]
    moved = overnight(said_by(new, market, long_ago), new, new, market, DAY)
    assert (moved["market"] == moved["now"] - moved["before"]).all()


def test_after_a_day_the_filter_spoke_for_the_model_its_return_is_the_model(market, new, logistic):
    moved = overnight(said_by(new, market), new, logistic, market, DAY)
    assert_array_equal(moved["model"], on(logistic, market, EARLIER) - on(new, market, EARLIER))


def test_what_was_published_of_the_newest_day_is_taken_as_it_is(market, new):
    said = said_by(new, market, DAY)
    said[list(REGIMES)] = [[0.2, 0.3, 0.5], [0.3, 0.3, 0.4]]
    moved = overnight(said_by(new, market), new, new, market, DAY, said=said)
    assert moved["now"].tolist() == [0.2, 0.3, 0.5, 0.3, 0.3, 0.4]
    assert (moved["market"] == moved["now"] - moved["before"]).all()


def test_later_days_of_the_panel_change_nothing_and_are_not_looked_at(
    market, revised, old, new, monkeypatch
):
    day = market.index[-30]
    told = said_by(old, market, market.index[-31])
    whole = overnight(told, old, new, revised, day, X=new.features_of(revised))
    cut = overnight(told, old, new, revised[:day], day)
    pd.testing.assert_frame_equal(whole, cut, check_exact=True)
    read = Bundle.features_of
    ends = []
    monkeypatch.setattr(
        Bundle,
        "features_of",
        lambda self, panel: ends.append(panel.index[-1]) or read(self, panel),
    )
    overnight(told, old, new, revised, day)
    assert ends == [day]


def test_a_horizon_only_one_of_the_two_days_knows_is_left_out(market, new):
    other = fit_bundle(experiment("filter", horizons=(21, 63)), "french", market[:"2006-12-29"])
    moved = overnight(said_by(other, market), other, new, market, DAY)
    assert set(moved["horizon"]) == {21}
    # The earlier speaker knows nothing of a horizon that was published: not told apart there.
    moved = overnight(said_by(new, market), other, new, market, DAY)
    assert moved.groupby("horizon")["revision"].count().tolist() == [0, 3]


def test_features_are_computed_once_for_each_kind_of_reader(
    market, old, new, logistic, monkeypatch
):
    asked = []
    whole = Bundle.features_of
    monkeypatch.setattr(
        Bundle, "features_of", lambda self, panel: asked.append(self) or whole(self, panel)
    )
    told = said_by(old, market)
    known = whole(new, market)
    for before, now, X, times in (
        (new, new, None, 1),
        (old, new, None, 1),
        (old, logistic, None, 2),
        (old, new, known, 0),
        (old, logistic, whole(logistic, market), 1),
    ):
        asked.clear()
        overnight(told, before, now, market, DAY, X=X)
        assert len(asked) == times


def test_it_takes_less_than_half_a_second(market, old, logistic):
    told = said_by(old, market)
    begin = time.process_time()
    overnight(told, old, logistic, market, DAY)
    assert time.process_time() - begin < 0.5


# In words -----------------------------------------------------------------------------


def rows(*values):
    frame = pd.DataFrame(values, columns=[*COLUMNS[:2], "before", *CAUSES])
    frame["now"] = frame["before"] + frame[CAUSES].sum(axis=1)
    return frame[COLUMNS]


def test_sentences_worked_by_hand():
    both = "model and data revisions together"
    told = words(
        rows(
            (0, "small_cap_led", 0.31, 0.058, 0.012, 0.0),
            (21, "broadening", 0.40, 0.004, 0.004, 0.004),
            (63, "mega_cap_led", 0.50, -0.0105, np.nan, -0.0145),
            (0, "mega_cap_led", 0.25, 0.0, 0.0, 0.0),
            (0, "broadening", 0.005, 0.0, 0.0, 0.01),  # halves are rounded to even numbers
        )
    )
    assert told == [
        "Small-cap led now 31% -> 38%: market +6 points, data revisions +1, model 0.",
        "Broadening in 21 days 40% -> 41%: market +1 point, data revisions 0, model 0.",
        f"Mega-cap led in 63 days 50% -> 48%: market -1 point, {both} -1.",
        "Mega-cap led now 25% -> 25%: market 0 points, data revisions 0, model 0.",
        "Broadening now 0% -> 2%: market 0 points, data revisions 0, model +2.",
    ]


PART = st.just(0.0) | st.floats(-0.3, 0.3)


@given(st.floats(0, 1), PART, PART | st.just(np.nan), PART)
@settings(max_examples=100, deadline=None)
def test_printed_points_add_up_and_nothing_stays_nothing(before, market, revision, model):
    (told,) = words(rows((0, "broadening", before, market, revision, model)))
    first, last = (int(number) for number in re.findall(r"(-?\d+)%", told))
    points = [int(number) for number in re.findall(r"[a-z] ([+-]?\d+)", told.split(": ")[1])]
    parts = [one for one in (market, revision, model) if not np.isnan(one)]
    assert len(points) == len(parts)
    assert sum(points) == last - first
    for point, part in zip(points, parts, strict=True):
        assert abs(point - 100 * part) < 2
        assert point == 0 or part != 0
    assert "\n" not in told


# What it refuses ----------------------------------------------------------------------


def test_what_cannot_be_split_is_refused_in_one_line(market, new):
    told = said_by(new, market)
    two = pd.concat([told, said_by(new, market, market.index[-3])])
    holiday = told.assign(date=pd.Timestamp("2008-12-25"))
    for wrong, day, says in (
        (two, DAY, "one day before"),
        (told[:0], DAY, "found nothing"),
        (told, EARLIER, "one day before"),
        (told, DAY + pd.Timedelta(days=2), "none on 2009-01-02"),
        (holiday, DAY, "none on 2008-12-25"),
        (told.assign(horizon=[5, 10]), DAY, "none is common"),
        (pd.concat([told, told]), DAY, "two spoke of horizon 0"),
    ):
        with pytest.raises(EvaluationError, match=says) as error:
            overnight(wrong, new, new, market, day)
        assert "\n" not in str(error.value)

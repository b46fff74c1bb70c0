"""Every trap of the numbers that strategists argue with, and the test that holds the product to it.

Rows are numbered as the list of what is watched has them, 1 to 42; row 0 is what holds for all.
"""

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from observed import FETCHED, frame
from watched import drawn_path
from worked import known_and_old

from regime.brief.signals import signal_table
from regime.data import catalog
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.data.store import ObservationStore
from regime.signals.numbers import signal_numbers
from regime.signals.registry import SIGNALS, all_signals, history
from regime.signals.standing import KNOWN, LATE
from regime.taxonomy import Regime

TESTS = Path(__file__).parents[1]
LAWS, HERE = "contracts/test_signals", "signals/test_traps"

TOPICS = {
    1: "Equal weight against cap weight", 2: "Top 50 against the other 450", 3: "Size ladder",
    4: "Small against large in a burst", 5: "Nasdaq 100 falls", 6: "Concentration",
    7: "Valuation spread, long history", 8: "Valuation spread, current", 9: "Market valuation",
    10: "Rate-cut pricing", 11: "Rates, curve and real yield", 12: "Credit",
    13: "Breadth: above the 200-day average", 14: "Breadth: participation", 15: "Sector rotation",
    16: "Momentum crash", 17: "Quality or junk", 18: "Value against growth", 19: "Short covering",
    20: "Capital spending of the giants", 21: "Earnings revisions", 22: "Fund flows",
    23: "Bull and bear composite", 24: "Watch levels", 25: "Systemic stress", 26: "Election cycle",
    27: "Abroad", 28: "Policy events", 29: "Inflation and its surprises", 30: "Jobs",
    31: "Giants' balance sheets", 32: "Giants' own P/E and earnings growth",
    33: "Small-company fragility", 34: "Crypto and precious metals as a wealth effect",
    35: "Custom basket since an event", 36: "Streaks", 37: "Liquidity", 38: "Policy uncertainty",
    39: "Distance from the extremes", 40: "Strategists' targets, approval, election odds",
    41: "Turn of the year", 42: "Mid-cap growth",
}  # fmt: skip

TRAPS = [
    (0, "value, day, percentile, changes, favours and episodes, source and age are shown",
     HERE, "test_a_row_shows_all_that_is_asked_of_it"),
    (0, "a value that is missing today is not told as today's", HERE,
     "test_a_value_of_yesterday_is_told_as_such"),
    (0, "the same, of every signal", LAWS,
     "test_what_is_missing_today_gives_no_number_today_and_changes_none_before"),
    (0, "the day it was known", "signals/test_standing",
     "test_a_late_value_has_its_day_and_no_number_of_today"),
    (0, "the percentile is of what was known then", "signals/test_numbers",
     "test_it_reads_nothing_that_came_after_the_day"),
    (0, "the percentile by hand", "signals/test_standing",
     "test_a_percentile_is_of_the_twenty_years_before_with_ties_counted_half"),
    (0, "changes over 21 and 63 sessions", "signals/test_standing",
     "test_changes_are_to_the_value_so_many_rows_before"),
    (0, "whom it favoured, and when too few episodes tell", "signals/test_favoured",
     "test_fewer_than_ten_episodes_tell_nothing"),
    (0, "how stale it is: the oldest period behind it", "signals/test_numbers",
     "test_a_value_is_as_old_as_the_oldest_period_behind_it"),
    (0, "a missing source says so and what to do", LAWS,
     "test_a_signal_whose_needs_are_missing_says_what_to_supply"),
    (0, "nothing sees the future", LAWS, "test_every_signal_is_blind_to_the_future"),
    (1, "funds from 2003 on, French deciles before", "signals/test_sizes",
     "test_french_deciles_tell_it_without_any_fund"),
    (1, "since any date", "signals/test_since",
     "test_each_pair_is_told_once_from_the_close_of_the_day"),
    (2, "the weight is of the day before", "signals/test_sizes",
     "test_the_rest_earns_what_the_top_50_do_not_with_the_weight_of_the_day_before"),
    (2, "without a holdings file a stated constant", "signals/test_sizes",
     "test_without_holdings_a_stated_constant_stands_in"),
    (2, "an old weight is not used for long", "signals/test_sizes",
     "test_an_old_holdings_file_gives_way_to_the_constant"),
    (3, "rank and slope need every rung", "signals/test_sizes",
     "test_a_ladder_with_a_rung_missing_has_no_slope_and_no_place"),
    (4, "largest since, of the last days too", "signals/test_standing",
     "test_a_burst_three_days_ago_is_told_and_one_six_days_ago_is_not"),
    (5, "one and three sessions", "signals/test_sizes",
     "test_falls_are_of_one_session_and_of_three"),
    (6, "no free history of weights: what was fetched is kept", HERE,
     "test_what_a_publisher_drops_is_kept_from_the_first_fetch_on"),
    (6, "it says so", "signals/test_valuation", "test_each_trap_is_told"),
    (7, "book-to-market stands in for price over earnings, and steps each July",
     "signals/test_valuation", "test_each_trap_is_told"),
    (7, "usable from July of the formation year", "signals/test_valuation",
     "test_the_ratio_of_a_july_is_not_used_before_that_july_is_over"),
    (7, "twenty years as known then", "signals/test_valuation",
     "test_twenty_years_forget_what_came_before_and_all_history_does_not"),
    (8, "the definition is stored, with or without loss-makers", "signals/test_companies",
     "test_every_pe_of_trailing_income_says_how_it_counts_losses"),
    (8, "one index, two numbers", "signals/test_companies",
     "test_the_same_index_of_january_2024_is_dear_or_cheap"),
    (9, "earnings are known months later", "signals/test_valuation",
     "test_earnings_count_four_months_after_their_month"),
    (10, "bills carry a term premium", "signals/test_rates", "test_each_trap_is_told"),
    (10, "futures only where a user has them", "signals/test_rates",
     "test_what_no_source_has_says_what_to_supply"),
    (11, "a yield that stopped", "signals/test_rates",
     "test_a_yield_that_stopped_is_no_number_after_ten_days"),
    (12, "three years only: archived", HERE,
     "test_what_a_publisher_drops_is_kept_from_the_first_fetch_on"),
    (12, "it says so", "signals/test_rates", "test_each_trap_is_told"),
    (13, "survivorship: coverage is shown", "signals/test_breadth",
     "test_breadth_of_members_is_told_with_its_coverage_and_as_that_of_survivors"),
    (14, "survivorship", "signals/test_breadth",
     "test_breadth_of_members_is_told_with_its_coverage_and_as_that_of_survivors"),
    (15, "sectors that were parted", "signals/test_sectors",
     "test_sectors_that_were_taken_out_of_others_are_a_trap"),
    (15, "any window", "signals/test_sectors", "test_the_league_is_told_over_any_window"),
    (16, "which momentum", "signals/test_styles",
     "test_a_crash_of_momentum_says_which_momentum_and_how_late"),
    (17, "one index screens for profit and the other does not", "signals/test_styles",
     "test_small_quality_says_that_one_index_screens_for_profit"),
    (17, "days that junk has led", "signals/test_styles",
     "test_the_lead_of_junk_is_counted_in_days"),
    (18, "French factors come late", "signals/test_styles",
     "test_value_has_funds_now_and_a_factor_for_the_past"),
    (19, "seventh business day, latest revision", "signals/test_positioning",
     "test_days_to_cover_are_told_of_small_and_large_and_as_a_gap"),
    (19, "not before it is published", "data/sources/test_finra",
     "test_a_day_is_asked_for_from_the_close_of_the_eighth_session_on"),
    (20, "both definitions", "signals/test_companies",
     "test_spending_is_told_over_cash_flow_and_over_cash_held"),
    (20, "leases apart", "signals/test_companies",
     "test_each_row_of_the_watch_list_has_its_heading_and_its_trap"),
    (20, "from the day of the filing", "signals/test_companies",
     "test_spending_ends_with_the_first_filing_that_grew_too_old"),
    (21, "no free history", "signals/test_revisions",
     "test_without_a_table_of_ones_own_revisions_say_which_columns_to_supply"),
    (21, "a proxy says that it is one", "signals/test_revisions",
     "test_the_proxy_says_that_it_is_one_and_asks_for_nothing"),
    (22, "seven days late, re-benchmarked", "signals/test_positioning",
     "test_flows_say_how_late_and_how_short_they_are"),
    (22, "not used before it is out", "data/sources/test_ici",
     "test_no_flow_is_used_before_it_was_out"),
    (22, "a changed week is a revision", "data/sources/test_ici",
     "test_weeks_add_up_to_a_history_and_a_changed_one_is_a_revision"),
    (23, "ours, and never a probability", "signals/test_composite",
     "test_the_composite_is_never_called_a_probability"),
    (23, "number of live blocks and band", "signals/test_composite",
     "test_the_composite_is_ten_times_the_mean_of_live_blocks_with_a_band"),
    (23, "six blocks of equal weight", "signals/test_composite",
     "test_there_are_six_blocks_of_equal_weight"),
    (24, "a price as quoted and no total return", "signals/test_yours",
     "test_a_level_is_held_against_a_price_as_quoted_and_no_total_return"),
    (24, "splits", "signals/test_yours", "test_a_split_crosses_no_level"),
    (24, "a total-return index is refused", "signals/test_watch",
     "test_a_level_of_a_total_return_index_means_nothing"),
    (25, "the broad index is another scale", "signals/test_levels", "test_each_trap_is_told"),
    (25, "rebuilt from six currencies", "signals/test_levels",
     "test_the_dollar_index_is_the_published_product_of_six_currencies"),
    (25, "both conditions, and days true", "signals/test_levels",
     "test_stress_is_a_dollar_at_100_and_half_a_point_less_yield_in_63_sessions"),
    (26, "few cycles: the count is shown", "signals/test_calendar",
     "test_a_midterm_year_is_set_beside_the_midterm_years_that_were_over"),
    (26, "it says so", "signals/test_calendar",
     "test_seasons_say_how_few_they_are_and_have_no_percentile"),
    (27, "funds in dollars", "signals/test_abroad", "test_funds_in_dollars_are_a_trap"),
    (28, "a note, never a feature", "signals/test_calendar",
     "test_no_feature_of_any_model_reads_dated_events"),
    (28, "the user's list, by date", "tracking/test_dated_events",
     "test_what_is_saved_is_read_again_by_date_whatever_its_titles_hold"),
    (29, "as first published", "signals/test_economy",
     "test_a_revision_of_a_month_is_no_surprise_of_its_own"),
    (29, "one vintage", "signals/test_prints", "test_both_sides_of_a_change_are_of_one_vintage"),
    (30, "one vintage", "signals/test_economy",
     "test_payrolls_are_the_mean_change_of_three_months_of_one_vintage"),
    (30, "no model reads what is revised", "signals/test_economy",
     "test_no_model_reads_what_is_revised"),
    (31, "from the day of the filing", "signals/test_companies",
     "test_each_row_of_the_watch_list_has_its_heading_and_its_trap"),
    (31, "no line of debt is not no debt", "signals/test_companies",
     "test_a_company_without_a_line_of_debt_is_not_taken_for_one_without_debt"),
    (32, "the definition is stored", "signals/test_companies",
     "test_every_pe_of_trailing_income_says_how_it_counts_losses"),
    (32, "from the day of the filing", "signals/test_companies",
     "test_earnings_grow_stale_with_their_filing"),
    (33, "a sample, and stated to be one", "signals/test_companies",
     "test_loss_makers_among_small_filers_are_told_beside_those_among_large"),
    (33, "the price of it is a proxy", "signals/test_companies",
     "test_the_price_of_frailty_is_what_losses_gain_over_profits"),
    (34, "the number of coins is stated", "signals/test_levels", "test_each_trap_is_told"),
    (34, "value lost against spending", "signals/test_levels",
     "test_value_lost_is_what_is_gone_from_the_peak_over_a_year_of_consumption"),
    (35, "any series, from any date", "signals/test_yours",
     "test_a_basket_is_of_any_series_against_any_other"),
    (36, "runs come by chance", "signals/test_sizes",
     "test_a_run_says_that_a_coin_has_runs_too"),
    (36, "longest since", "signals/test_standing",
     "test_the_extreme_is_that_of_a_search_day_by_day"),
    (37, "weekly, out on Thursday", "signals/test_rates", "test_each_trap_is_told"),
    (37, "a report that stopped", "signals/test_rates",
     "test_liquidity_is_no_number_once_the_weekly_report_stopped"),
    (38, "what it counts", "signals/test_economy", "test_each_trap_is_told"),
    (39, "dividends reinvested", "signals/test_levels", "test_each_trap_is_told"),
    (40, "no free source: supplied by the user", "signals/test_levels",
     "test_what_no_source_has_says_what_to_supply"),
    (40, "an old poll", "signals/test_levels", "test_an_old_poll_is_no_approval_of_today"),
    (41, "the count of years", "signals/test_calendar",
     "test_turns_are_averaged_once_they_are_over_and_counted"),
    (41, "by session, with the count of years", "signals/test_seasons",
     "test_the_average_by_place_says_of_how_many_years"),
    (42, "against the market and against value", "signals/test_sizes",
     "test_mid_cap_growth_is_told_against_the_market_and_against_value"),
]  # fmt: skip

DAYS = trading_days(pd.Timestamp("2018-01-02"), pd.Timestamp("2024-07-17"))
TODAY = DAYS[-1]
ONE = SIGNALS["small_over_large_21d"]


@cache
def written_in(module: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((TESTS / f"{module}.py").read_text(encoding="utf-8"))
    return {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}


def test_every_trap_is_held_by_a_test_that_exists_and_asserts_something():
    wrong = []
    for row, _, module, name in TRAPS:
        test = written_in(module).get(name)
        if test is None or not any(_asserts(node) for node in ast.walk(test)):
            wrong.append(f"{row}: {module}.py::{name}")
    assert not wrong


def _asserts(node: ast.AST) -> bool:
    """Whether it asserts, or calls what does, or asks for an error."""
    called = node.func if isinstance(node, ast.Call) else None
    name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
    return isinstance(node, ast.Assert) or name.startswith(("assert_", "raises"))


def test_no_trap_is_listed_twice_and_no_row_is_without_one():
    assert len({(row, module, name, said) for row, said, module, name in TRAPS}) == len(TRAPS)
    assert {row for row, *_ in TRAPS} == {*range(43)} == {0, *TOPICS}


def test_every_row_is_told_under_its_heading():
    told = {one.topic.title for one in all_signals()}
    assert not {*TOPICS.values()} - told
    assert len({*TOPICS.values()}) == 42


@pytest.fixture(scope="module")
def panels():
    """Funds known to today; and to yesterday."""
    return known_and_old([ONE], DAYS)


def row_of(panel, day=TODAY):
    said = [ONE.declaration()]
    newest = {name: panel[name].last_valid_index() for name in ONE.needs}
    numbers = signal_numbers(
        said, lambda _: history(panel, [ONE]), drawn_path(DAYS, 4), day, newest
    )
    return signal_table(said, numbers).iloc[0]


def test_a_row_shows_all_that_is_asked_of_it(panels):
    panel, _ = panels
    row, past = row_of(panel), ONE.of(panel).to_numpy()
    assert (row["value"], row["known"], row["state"]) == (past[-1], TODAY, KNOWN)
    earlier = past[21:-1]  # fewer than twenty years: all there are
    assert row["percentile"] == pytest.approx((earlier < past[-1]).mean())
    assert row["window_from"] == DAYS[21]
    assert row["change_21"] == past[-1] - past[-22]
    assert row["change_63"] == past[-1] - past[-64]
    assert row["third"] in {"lowest", "middle", "highest"}
    assert row["favours"] in {"", *Regime}
    assert row["episodes"] > 0
    assert all(name in row["source"] for name in ONE.needs)
    assert (row["of"], row["old"], row["stale"], row["remedy"]) == (TODAY, 0, 0, "")


def test_a_value_of_yesterday_is_told_as_such(panels):
    row = row_of(panels[1])
    assert np.isnan(row["value"])
    assert np.isnan(row["percentile"])
    assert (row["state"], row["stale"], row["known"]) == (LATE, 1, DAYS[-2])
    assert row["last"] == ONE.of(panels[1]).iloc[-2]
    assert "Not known since 16 July 2024, 1 session ago" in row["remedy"]
    assert "regime fetch" in row["remedy"]


def test_what_a_publisher_drops_is_kept_from_the_first_fetch_on(tmp_path):
    # Each publisher shows its newest days alone; of the first fetch nothing is in the second.
    names = ("BAMLH0A0HYM2", "spy_top10_weight", "ici_equity_flow")
    store = ObservationStore(tmp_path / "store.db")
    for at, day in enumerate(("2024-05-03", "2024-05-31")):
        known = FETCHED - pd.Timedelta(days=31) + at * pd.Timedelta(days=28)
        rows = [(name, day, known.isoformat(), 0.3 + at / 100) for name in names]
        store.append(frame(rows), fetched_at=FETCHED + pd.Timedelta(days=at))
    panel = point_in_time(
        store.read(), trading_days(pd.Timestamp("2024-05-01"), pd.Timestamp("2024-06-03"))
    )
    for name in names:
        assert catalog.get(name).rolling  # a shorter history is no fault of a fetch
        assert panel[name]["2024-05-06"] == 0.3
        assert panel[name].iloc[-1] == 0.31

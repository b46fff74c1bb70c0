"""How good the models are, on days they had not seen, and who decided which one serves."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from app import queries, widgets
from app.charts import models as charts
from app.charts.style import SHORT
from regime.brief import models, runs
from regime.brief.deflation import baskets_words
from regime.taxonomy import Regime
from regime.tracking.card_text import escaped
from regime.tracking.wording import day_words, edge_words, horizon_name, moment_words

ALL = "All three"
MOST = 4  # runs side by side; more are not readable

snapshot = widgets.page(
    "How good are the models?",
    "Brier score", "Calibration", "Challenger", "Champion", "Edge", "Episode", "Filter", "Gate",
    "Live record", "Log loss", "Nat",
)  # fmt: skip
roster = widgets.roster()


def in_service() -> None:
    """Who serves, who waits, who served before; and what the gate said of each."""
    found = models.roles(roster, snapshot)
    if not found:
        st.info(
            "No version had been registered by this day: its probabilities are of the "
            "walk-forward, by fits that had not seen it."
            if snapshot.then
            else "No version is listed yet. `regime retrain` registers one, and `regime run` "
            "renews the list."
        )
        return
    for role, version in found:
        st.subheader(f"{models.ROLES[role]}: version {version['number']}", anchor=False)
        st.write(escaped(" ".join(models.story(version))))
        checks = models.gate_table(version)
        if len(checks):
            st.table(checks.map(escaped), hide_index=True)
        st.link_button(
            "In MLflow", runs.version_address(queries.mlflow_ui(), roster["model"], version),
            help="Opens where `regime ui` runs.", key=f"version_{version['number']}_{role}",
        )  # fmt: skip


def said_and_so() -> None:
    """Whether what was said came true as often as it was said."""
    horizon = st.segmented_control(
        "Said of", snapshot.horizons, format_func=horizon_name, default=snapshot.horizons[0],
        key="reliability_horizon",
    )  # fmt: skip
    horizon = snapshot.horizons[0] if horizon is None else horizon
    named = {ALL: None} | {SHORT[regime]: regime.value for regime in Regime}
    who = st.segmented_control("Who", list(named), default=ALL, key="reliability_regime") or ALL
    proba, actual = models.settled(snapshot, horizon)
    if actual.empty:
        st.info("No day is settled yet: hindsight may still change all of them.")
        return
    points = models.said_and_so(proba, actual, named[who])
    what = f"{who.lower() if who == ALL else who}, {horizon_name(horizon)}"
    widgets.chart(
        charts.said_and_so_chart(points, what, widgets.source(snapshot)), "said_and_so", points,
        words=f"{len(actual):,} settled days, {day_words(actual.index[0])} to "
        f"{day_words(actual.index[-1])}. Points on the dashed line came true as often as was said.",
    )  # fmt: skip


def by_decade() -> None:
    """The edge over the filter, where the card of the version in service has it."""
    version = models.in_service(roster, snapshot)
    card = None if version is None else version["card"]
    edges = pd.DataFrame() if card is None else models.decades(card)
    if edges.empty:
        st.info(
            "There is no score by decade for this day. It comes with the card of a version, from "
            "`regime retrain`, and holds from the day that was registered."
        )
        return
    words = f"{card['model']['experiment']}, card of version {version['number']}"
    widgets.chart(
        charts.decades_chart(edges, widgets.source(snapshot, words)), "decades", edges,
        words=f"Walk-forward, {_day(card['test']['from'])} to {_day(card['test']['to'])}. "
        "Where a bar spans zero, model and filter cannot be told apart.",
    )  # fmt: skip


def live_record() -> None:
    """What was published before the next close, held against what came."""
    rows = models.live(snapshot)
    if not rows:
        st.info(
            "Nothing had been published live by this day. `regime run`, every evening, makes the "
            "record; it cannot be made afterwards."
        )
        return
    table = models.live_table(rows)
    widgets.table(table, "live_record", data=pd.DataFrame(rows))
    st.caption(
        "Only what stood published before the next session closed counts. A call is entered a "
        "close later, so the first return it earns is that of the session after. Still open: days "
        "whose return or label is not complete. No interval is given from fewer than four years "
        "of days or 20 episodes: it would promise too much."
    )


def all_scores() -> None:
    """Every stored comparison, by basket set."""
    results = [found for name in queries.experiments() if (found := queries.comparison(name))]
    rows = [row for result in results for row in result["about"]["scores"]]
    if snapshot.then:
        rows = [row for row in rows if pd.Timestamp(row["test_to"]) <= snapshot.day]
    if not rows:
        st.info(
            "No comparison ended by this day."
            if snapshot.then and results
            else "Nothing to compare yet. Run `regime compare filter resampled_leadership`."
        )
        return
    simulated = any(result["about"]["simulated"] for result in results)
    if simulated and not snapshot.about["simulated"]:  # else the page has said so
        st.warning("**SIMULATED market.** These scores say nothing about real prices.")
    scores = pd.DataFrame(rows)
    for baskets in scores["baskets"].unique():
        mine = scores[scores["baskets"] == baskets]
        st.subheader(f"{baskets_words(baskets).capitalize()} baskets", anchor=False)
        table = pd.DataFrame(
            {
                "model": mine["experiment"],
                "sessions ahead": mine["horizon"],
                "log loss": mine["log_loss"].map("{:.3f}".format),
                "edge [90%]": [edge_words(row) for row in mine.to_dict("records")],
                "ECE": mine["ece"].map("{:.3f}".format),
                "sessions late": mine["detection_delay_days"].round(0),
            }
        )
        widgets.table(table.sort_values(["sessions ahead", "log loss"]), f"scores_{baskets}")
        st.caption(
            f"{_day(mine['test_from'].min())} to {_day(mine['test_to'].max())}, "
            f"{mine['n_episodes'].max()} episodes. Log loss in nats. Edge: the loss of a filter "
            "that was fitted anew on the very days the model was, less the model's. A model with "
            "other such days than the filter in this table has another filter to beat, so "
            "differences of two rows are not quite its edge. Above zero beats the filter; where "
            "the interval spans zero the two cannot be told apart. ECE: the mean gap between what "
            "was said and how often it was so. Sessions late: from a change of regime until the "
            "most probable regime followed."
        )


def side_by_side() -> None:
    """Two to four logged runs: what differs in how they were made, and in what came out."""
    known = {runs.run_label(run): run for run in runs.known_runs(roster, snapshot)}
    if len(known) < 2:
        st.info(
            "There are not two finished runs to put side by side. `regime compare` with experiment "
            "files logs one for each."
        )
        return
    chosen = st.multiselect(
        "Runs, the newest first", list(known), default=list(known)[:2], max_selections=MOST,
        key="runs",
    )  # fmt: skip
    if len(chosen) < 2:
        st.info(f"Choose two to {MOST} runs.")
        return
    picked = [known[label] for label in chosen]
    if words := runs.unlike(picked):
        st.warning(words)
    params = runs.differing(picked)
    st.subheader("What differs in how they were made", anchor=False)
    if params.empty:
        st.write("No parameter.")
    else:
        widgets.table(params, "parameters")
    st.subheader("What came out", anchor=False)
    if shared := runs.baskets_of(picked):
        baskets = st.segmented_control(
            "Baskets", shared, default=shared[-1], key="run_baskets", format_func=baskets_words
        )
        numbers = runs.side_by_side(picked, baskets or shared[-1])
        widgets.table(numbers, "numbers")
        st.caption(
            "Each run against the filter of its own data. Whether one of two runs is better than "
            "the other, day by day and with an interval: `regime compare --runs A B`."
        )
    else:
        st.write("They were scored on different baskets.")
    ui = queries.mlflow_ui()
    with st.container(horizontal=True):
        st.link_button("All of them in MLflow", runs.compare_address(ui, picked))
        for run in picked:
            st.link_button(escaped(run["name"]), runs.run_address(ui, run), key=run["run_id"])


def _day(told: str) -> str:
    return day_words(pd.Timestamp(told))


SECTIONS: dict[str, Callable[[], None]] = {
    "Said and so": said_and_so,
    "In service": in_service,
    "By decade": by_decade,
    "Live record": live_record,
    "All scores": all_scores,
    "Side by side": side_by_side,
}


@st.fragment
def section() -> None:
    """The part that was chosen; only that is drawn."""
    first = next(iter(SECTIONS))
    SECTIONS[
        st.segmented_control("What to look at", list(SECTIONS), default=first, key="section")
        or first
    ]()


section()
if roster is not None:
    st.caption(
        f"Versions and runs as of {moment_words(pd.Timestamp(roster['as_of']))}; "
        "`regime run`, retrain, promote, rollback and compare renew the list."
    )

"""Every number that is watched: where it stands, how unusual that is, and who led at such times."""

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from app import queries, widgets
from app.charts import signals as charts
from app.charts.style import GREY
from regime.brief.signal_words import NOT_KNOWN, family_words, reading, short
from regime.brief.signals import (
    UNTOLD,
    about_words,
    extreme_words,
    favours_sentence,
    favours_words,
    headline,
    missing_words,
    most_extreme_first,
    most_unusual_first,
    tied_words,
    unit_words,
)
from regime.exceptions import StoreError
from regime.signals.favoured import EPISODES, leaders
from regime.signals.standing import KNOWN, WINDOW
from regime.taxonomy import REGIMES
from regime.tracking.card_text import escaped
from regime.tracking.wording import day_words

A_WEEK = 5  # sessions without a new value that are worth a word
MOST = 5  # extremes told above the table
YEARS = {"1 year": 1, "5 years": 5, "20 years": 20, "All": None}
# Of the session: which signal is looked at, the table, and whether a row was just selected.
CLOSER, PICKED, ASKED = "signals_closer", "signals_table", "signals_asked"
DOUBTFUL = {UNTOLD, NOT_KNOWN}
COLUMNS = {
    "Signal": st.column_config.TextColumn(width=255),
    "Now": st.column_config.NumberColumn(width=95),
    "Percentile": st.column_config.ProgressColumn(
        format="%.0f", min_value=0, max_value=100, width=80,
        help="Share of the 20 years before with a lower value, as known at this close.",
    ),
    "Last year": st.column_config.LineChartColumn(width=65),
    "21 sessions": st.column_config.NumberColumn(width=88, help="The change over them."),
    "63 sessions": st.column_config.NumberColumn(width=88, help="The change over them."),
    "Has favoured": st.column_config.TextColumn(
        width=100,
        help="Who led when it stood in the third of its history in which it stands now.",
    ),
    "Lately": st.column_config.TextColumn(
        width="large",
        help="Of the last five sessions, the value that was highest or lowest for the longest.",
    ),
    "Episodes": st.column_config.NumberColumn(
        width="small", help="Of the hindsight path, behind what is said of whom it has favoured."
    ),
    "Of": st.column_config.DateColumn(
        "Figures of", format="D MMM YYYY", width="small",
        help="The oldest period that the value rests on; what is published late is older. Of an "
        "earlier day it was not kept.",
    ),
    "Unchanged": st.column_config.NumberColumn(
        "Unchanged for", format="%d sessions", width="small",
        help="Sessions since the value was another.",
    ),
    "Topic": st.column_config.TextColumn(width="medium"),
}  # fmt: skip
# The others would be cut at the edge of a screen; the eye above the table shows them.
SEEN = ["Signal", "Now", "Percentile", "Last year", "21 sessions", "63 sessions", "Has favoured",
        "Lately"]  # fmt: skip

snapshot = widgets.page(
    "Signals", "Confirmed", "Episode", "Hindsight path", "Percentile", "Regime",
    "Standard deviation (sd)", "Third",
)  # fmt: skip
try:
    signals = queries.signals(widgets.chosen_day())
except StoreError as error:
    st.info(escaped(str(error)))
    st.stop()
table = most_unusual_first(signals.table)
TITLES = dict(zip(table["name"], table["title"], strict=True))


def as_read(rows: pd.DataFrame) -> Styler:
    """The table as it is shown: values in their unit, words for what is not known."""
    said = [(reading(row["unit"]), row) for row in rows.to_dict("records")]
    shown = pd.DataFrame(
        {
            "Signal": rows["title"].tolist(),
            "Now": [unit.shown(row["value"]) for unit, row in said],
            "Percentile": (100 * rows["percentile"]).tolist(),
            "Last year": [signals.recent.get(name, []) for name in rows["name"]],
            **{
                f"{days} sessions": [
                    unit.shown(row["value"]) - unit.shown(row["value"] - row[f"change_{days}"])
                    for unit, row in said
                ]
                for days in (21, 63)
            },
            "Has favoured": [favours_words(row) for _, row in said],
            "Lately": [extreme_words(row) for _, row in said],
            "Episodes": rows["episodes"].tolist(),
            "Of": rows["of"].dt.date.tolist(),
            "Unchanged": rows["unchanged"].tolist(),
            "Topic": rows["topic"].tolist(),
        }
    )
    # Numbers below, so that a click on a head sorts them; their words above.
    styler = shown.style.map(pale, subset=["Has favoured"])
    for name in dict.fromkeys(rows["unit"]):
        unit, mine = reading(name), (rows["unit"] == name).to_numpy()
        styler = styler.format(
            lambda value, unit=unit: unit.said(unit.back(value)), subset=(mine, ["Now"])
        ).format(
            lambda moved, unit=unit: unit.said_moved(moved),
            subset=(mine, ["21 sessions", "63 sessions"]),
        )
    return styler


def pale(cell: object) -> str:
    """Grey for what cannot be told."""
    return f"color: {GREY}" if isinstance(cell, str) and cell in DOUBTFUL else ""


@st.fragment
def listing() -> None:
    """The table and what narrows it; what is below stands meanwhile."""
    families = st.pills(
        "Families", table["family"].drop_duplicates().sort_values().tolist(),
        format_func=family_words, selection_mode="multi", help="None chosen: all of them.",
    )  # fmt: skip
    search, all_of_them = st.columns([4, 1], vertical_alignment="bottom")
    wanted = search.text_input("Search", placeholder="yield, IWM, giants").strip().lower()
    rows = table[table["family"].isin(families)] if families else table
    if not all_of_them.toggle("Unknown too", help="Also signals that have no value now."):
        rows = rows[rows["state"] == KNOWN]
    if wanted:
        text = rows[["title", "topic", "name", "why", "series"]].agg(" ".join, axis=1).str.lower()
        rows = rows[text.str.contains(wanted, regex=False)]
    if rows.empty:
        st.info(
            "No signal that is known is called so. Search for another word, choose no family for "
            "all, or show the unknown too."
        )
        return
    names = rows["name"].tolist()
    key = f"{PICKED}_{'_'.join(families)}_{wanted}_{len(rows)}"  # a place holds in one list only

    def pick() -> None:
        if chosen := st.session_state[key]["selection"]["rows"]:
            st.session_state[CLOSER] = names[chosen[0]]
            st.session_state[ASKED] = True

    if st.session_state.pop(ASKED, False):
        st.rerun()  # of the whole page: what is below is not of this fragment
    st.dataframe(
        as_read(rows), hide_index=True, column_config=COLUMNS, key=key,
        column_order=SEEN,
        height=35 * (min(len(rows), 14) + 1) + 3, on_select=pick, selection_mode="single-row",
    )  # fmt: skip
    about, keep = st.columns([5, 1])
    about.caption(
        f"Most unusual first. Percentiles: against the {WINDOW // 252} years before, or all there "
        "are. Has favoured: who led, in hindsight, when it stood in the same third of its "
        f"confirmed history; grey where fewer than {EPISODES} episodes or chance could account "
        "for it. Of a hundred signals some five are named by chance alone. sd: standard "
        "deviations. The eye above the table shows more columns."
    )
    with keep:
        widgets.take(rows, "signals")


@st.fragment
def closer() -> None:
    """One signal at length: its numbers, history, past values, and who led in each third."""
    names = table["name"].tolist()
    if st.session_state.get(CLOSER) not in names:
        st.session_state[CLOSER] = names[0]
    chosen = st.selectbox(
        "Look closer at", names, key=CLOSER, format_func=TITLES.get,
        help="Or select a row above.",
    )  # fmt: skip
    row = table.set_index("name", drop=False).loc[chosen].to_dict()
    st.subheader(row["title"], anchor=False)
    st.markdown(escaped(about_words(row)))
    if row["state"] != KNOWN:
        st.warning(escaped(row["remedy"]))
    else:
        metrics(row)
    st.markdown(escaped(favours_sentence(row)))
    if words := signals.said.get(row["topic"]):
        st.markdown(escaped(words))
    if queries.signal_history(row["name"], snapshot.day).notna().any():
        over_time(row)
        past_values(row)
        thirds(row)
    said = [
        f"{unit_words(row['unit'])} Source: {row['source']}.",
        f"Unchanged for {row['unchanged']:,.0f} sessions." if row["unchanged"] > A_WEEK else "",
        f"Said to favour: {row['lean']}." if row["lean"] else "",
        f"Beware: {row['trap']}" if row["trap"] else "",
        f"Topic: {row['topic']}.",
    ]
    st.caption(escaped(" ".join(text for text in said if text)))


def metrics(row: dict) -> None:
    """Where it stands, in four numbers."""
    unit = reading(row["unit"])
    ranked = pd.notna(row["percentile"])
    told = {
        f"At the close of {day_words(row['known'])}": unit.said(row["value"]),
        f"Percentile since {row['window_from']:%Y}" if ranked else "Percentile":
            f"{100 * row['percentile']:.0f}" if ranked else "too few values",
        "Over 21 sessions": unit.said_change(row["change_21"], row["value"]),
        "Over 63 sessions": unit.said_change(row["change_63"], row["value"]),
    }  # fmt: skip
    with st.container(horizontal=True):
        for label, value in told.items():
            st.metric(label, value, width="content")


@st.fragment
def over_time(row: dict) -> None:
    """Its history above who led."""
    unit, values = reading(row["unit"]), queries.signal_history(row["name"], snapshot.day)
    shown = st.segmented_control("Shown", list(YEARS), default="5 years", key="signals_years")
    years = YEARS[shown or "All"]
    begin = snapshot.day - pd.DateOffset(years=years) if years else values.first_valid_index()
    recent = values.loc[begin:]
    source = widgets.source(snapshot, row["series"] or row["source"])
    widgets.chart(
        charts.history(recent, snapshot.labels.set_index("date"), row["title"], unit, source),
        "signal", recent.rename("value").reset_index(),
        words=f"{row['title']}, day by day, over the regime that hindsight has confirmed.",
    )  # fmt: skip


def past_values(row: dict) -> None:
    """How often each value was."""
    unit, values = reading(row["unit"]), queries.signal_history(row["name"], snapshot.day)
    source = widgets.source(snapshot, row["series"] or row["source"])
    past = values.iloc[-WINDOW - 1 : -1]
    widgets.chart(
        charts.distribution(past, row["value"], unit, source),
        "signal_values", past.rename("value").reset_index(),
        words="How often each value was in the 20 years before; the line is the value now.",
    )  # fmt: skip


def thirds(row: dict) -> None:
    """Who led in each third of its confirmed history."""
    unit = reading(row["unit"])
    told = leaders(queries.signal_history(row["name"], snapshot.day), snapshot.labels, snapshot.day)
    tied = tied_words(told)
    told = told[told["days"] > 0]
    widgets.table(
        pd.DataFrame(
            {
                "Third": told["third"],
                "From": told["above"].map(unit.said),
                "To": told["up_to"].map(unit.said),
                **{short(regime): 100 * told[regime] for regime in REGIMES},
                "Episodes": told["episodes"],
                "Has favoured": [favours_words(row) for row in told.to_dict("records")],
            }
        ),
        "signal_thirds", data=told,
        columns={
            short(regime): st.column_config.NumberColumn(format="%.0f%% of days")
            for regime in REGIMES
        },
    )  # fmt: skip
    if tied:
        st.caption(tied)


st.markdown(escaped(headline(table)))
if len(lately := most_extreme_first(table).head(MOST)):
    st.markdown(
        "\n".join(
            f"- {escaped(row['title'])}: {escaped(extreme_words(row))}"
            for row in lately.to_dict("records")
        )
    )
listing()
closer()
gone = signals.table[signals.table["state"] != KNOWN]
if len(gone):
    with st.expander(f"{len(gone):,} signals are not known now, and what would change that"):
        for topic, rows in gone.groupby("topic", sort=False):
            st.markdown(f"**{escaped(topic)}** " + escaped(" ".join(missing_words(rows))))

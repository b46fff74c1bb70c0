"""What was said of each day, what hindsight says of it, and what the baskets did meanwhile."""

import pandas as pd
import streamlit as st

from app import queries, widgets
from app.charts import history as charts
from app.charts.style import SHORT
from regime.brief.history import (
    PRESETS,
    RETURNS,
    Span,
    asked_horizon,
    asked_span,
    footing,
    indexed,
    preset_span,
    stretches,
)
from regime.exceptions import RegimeError
from regime.taxonomy import REGIMES, Regime
from regime.tracking.card_text import escaped
from regime.tracking.dated_events import ISO_DATE, LONGEST, Events, saved_words
from regime.tracking.wording import day_words

ASKED = "history_span"  # of the session: what was asked for, as the address has it
SAVED = "events_saved"  # of the session: said once
ENDS, AHEAD, BENEATH = ("from", "to"), "horizon", "below"
LEAD, RETURN, CALLS = "Lead", "Total return", "Each call"
DAY = st.column_config.DateColumn(format="D MMM YYYY")
BASKETS = dict(zip(REGIMES, ("Giants", "Average company", "Small companies"), strict=True))


def ask(**told: str) -> None:
    """Choose; the address follows."""
    st.session_state[ASKED] = st.session_state.get(ASKED, {}) | told
    st.query_params.update(st.session_state[ASKED])


def ask_span(since: pd.Timestamp, until: pd.Timestamp) -> None:
    """Choose a stretch."""
    ask(**{name: f"{day:%Y-%m-%d}" for name, day in zip(ENDS, (since, until), strict=True)})


def asked() -> dict[str, str]:
    """What the address asks for, or what was looked at before."""
    told = {
        name: st.query_params[name] for name in (*ENDS, AHEAD, BENEATH) if name in st.query_params
    }
    if told:
        st.session_state[ASKED] = told
    elif ASKED in st.session_state:
        st.query_params.update(st.session_state[ASKED])
    return st.session_state.get(ASKED, {})


snapshot = widgets.page(
    "History", "Call", "Confirmed", "Episode", "Hindsight path", "Lead", "Provisional", "Regime",
    "Time machine", "Walk-forward",
)  # fmt: skip
first, last = pd.Timestamp(snapshot.leads["date"].iloc[0]), snapshot.day
DAYS = (first, last, max(first, snapshot.first))


def controls() -> tuple[Span, int]:
    """Which stretch is shown, and how far ahead the probabilities look."""
    told = asked()
    span, words = asked_span(told.get("from"), told.get("to"), *DAYS)
    horizon, instead = asked_horizon(told.get(AHEAD), snapshot.horizons)
    for one in filter(None, (words, instead)):
        st.warning(escaped(one))
    st.session_state["history_horizon"] = horizon
    st.session_state["history_preset"] = span.preset
    st.session_state["history_from"] = span.since.date()
    st.session_state["history_to"] = span.until.date()

    def by_preset() -> None:
        name = st.session_state["history_preset"]
        if name is not None:
            chosen = preset_span(name, *DAYS)
            ask_span(chosen.since, chosen.until)

    def by_dates() -> None:
        ask_span(*(pd.Timestamp(st.session_state[f"history_{name}"]) for name in ENDS))

    def by_horizon() -> None:
        ask(**{AHEAD: str(st.session_state["history_horizon"])})

    within = {"min_value": first.date(), "max_value": last.date(), "on_change": by_dates}
    left, since, until = st.columns([2, 1, 1])
    left.segmented_control("Shown", list(PRESETS), key="history_preset", on_change=by_preset)
    since.date_input("From", key="history_from", **within)
    until.date_input("To", key="history_to", **within)
    st.segmented_control(
        "Probabilities of who leads", snapshot.horizons, key="history_horizon", required=True,
        format_func=lambda one: f"{one} sessions later" if one else "at that close",
        on_change=by_horizon,
    )  # fmt: skip
    return span, horizon


def listed() -> pd.DataFrame:
    """The events up to the day that is looked at; none where they cannot be read."""
    try:
        table = queries.events().table
    except RegimeError as error:
        st.warning(escaped(str(error)))
        return pd.DataFrame({"date": pd.DatetimeIndex([]), "title": []})
    return table[table["date"] <= last]


def calls_table(span: Span) -> None:
    """Each call of the stretch, beside hindsight and what the baskets returned."""
    found = stretches(snapshot)
    shown = (found["since"] <= span.until) & ~(found["until"] < span.since)
    found = found[shown].iloc[::-1]
    percent = {
        f"{BASKETS[regime]}, %": 100 * found[column]
        for regime, column in zip(REGIMES, RETURNS, strict=True)
    }
    table = pd.DataFrame(
        {
            "since": found["since"],
            "until": found["until"].map(day_words, na_action="ignore").fillna("it stands"),
            "called": [SHORT[Regime(one)] for one in found["regime"]],
            "against hindsight": found["words"],
            **percent,
        }
    )
    widgets.table(
        table, "calls", data=found, most=15,
        columns={"since": DAY}
        | {name: st.column_config.NumberColumn(format="%+.1f") for name in percent},
    )  # fmt: skip
    st.caption(
        "Newest first. Returns are total returns of the baskets from the close a call was made "
        "at to the close of the next one. Sessions late are counted from the first day of "
        "the episode that hindsight names, once that day is confirmed; “hindsight disagrees” "
        "means that it names another regime throughout."
    )


@st.fragment
def over_time() -> None:
    """Charts and tables of the stretch; only this is drawn anew when it changes."""
    span, horizon = controls()
    if span.of(snapshot.conditions).empty:
        st.info("No session lies in this stretch: choose a longer one.")
        return
    ends, source = (span.since, span.until), widgets.source(snapshot)
    events = charts.placed(listed(), ends)
    proba = snapshot.probabilities(horizon)[span.since : span.until]
    calls, path = span.of(snapshot.calls), span.of(snapshot.labels)
    published = None if snapshot.ledger.empty else pd.Timestamp(snapshot.ledger["date"].min())
    late = "" if span.since >= snapshot.first else (
        f" Probabilities begin on {day_words(snapshot.first)}; what came before taught the model."
    )  # fmt: skip
    widgets.chart(
        charts.probability_ribbon(
            proba, calls, path, ends, source,
            horizon=horizon, events=events, published=published,
        ),
        "ribbon", proba.reset_index(),
        words=f"{footing(snapshot)}{late} Below: who was called that day, and who led in hindsight."
    )  # fmt: skip
    beneath(span, events)
    st.subheader("Dated events", anchor=False)
    if events.empty:
        st.caption("None in this stretch.")
        return
    table = events[["number", "date", "title"]]
    widgets.table(table, "events", most=12, columns={"date": DAY})


@st.fragment
def beneath(span: Span, events: pd.DataFrame) -> None:
    """What the baskets did on the same days, or each call; one at a time, to be drawn at once."""
    choices = [LEAD, RETURN, CALLS]
    told = asked().get(BENEATH)
    st.session_state["history_below"] = told if told in choices else LEAD

    def choose() -> None:
        ask(**{BENEATH: st.session_state["history_below"]})

    shown = st.segmented_control(
        "On the same days", choices, key="history_below", required=True, on_change=choose
    )
    ends, source = (span.since, span.until), widgets.source(snapshot)
    if shown == CALLS:
        calls_table(span)
    elif shown == RETURN:
        returns = indexed(span.of(snapshot.conditions))
        widgets.chart(
            charts.total_returns(returns, ends, source, events=events),
            "returns", returns.reset_index(),
            words="Dividends reinvested, before costs.",
        )  # fmt: skip
    else:
        leads = span.of(snapshot.leads)
        widgets.chart(
            charts.cumulative_leads(leads, ends, source, events=events),
            "leads", leads.reset_index(),
            words="A lead is a basket's return over the mean of the three, in its usual size.",
        )  # fmt: skip


@st.fragment
def edit_events() -> None:
    """The user's own list; notes on the charts, and nothing a model reads."""
    turn = st.session_state.setdefault("events_turn", 0)
    key = f"events_editor_{turn}"
    read: Events | None = st.session_state.get("events_read")
    # Not while somebody is typing: what they began with is what their list is compared with.
    if read is None or not any(st.session_state.get(key, {}).values()):
        try:
            read = queries.events()
        except RegimeError as error:
            st.error(escaped(str(error)))
            return
        st.session_state["events_read"] = read

    def anew() -> None:
        st.session_state["events_turn"] = turn + 1
        st.session_state.pop("events_read", None)

    edited = st.data_editor(
        read.table.assign(date=read.table["date"].dt.strftime("%Y-%m-%d")),
        num_rows="dynamic", hide_index=True, key=key,
        column_config={
            # A date field would take 2020-11-09 for another day, or for none.
            "date": st.column_config.TextColumn("date, as 2020-11-09", validate=ISO_DATE),
            "title": st.column_config.TextColumn("title", max_chars=LONGEST),
        },
    )  # fmt: skip
    save, again = st.columns(2)
    if save.button("Save events", key="events_save", type="primary"):
        try:
            kept = len(queries.keep_events(edited, read.version).table)
        except RegimeError as error:
            st.error(escaped(str(error)))
        else:
            anew()
            st.session_state[SAVED] = saved_words(kept, len(edited) - kept)
            st.rerun()
    if told := st.session_state.pop(SAVED, ""):
        st.success(told)
    if again.button("Read them again", key="events_again", help="Drops what was not saved."):
        anew()
        st.rerun()


over_time()
if snapshot.then:
    st.caption("Events are edited on the newest day; those after this close are not shown.")
else:
    with st.expander("Edit the events"):
        st.caption("A line for each: notes on the charts, kept here; no model reads them.")
        edit_events()

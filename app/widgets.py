"""What pages have in common: their head, their charts and tables, and what can be taken along."""

import io
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.errors import StreamlitAPIException

from app import queries
from app.charts.style import Source
from app.glossary import TERMS
from regime.brief.history import day_of
from regime.brief.snapshot import Snapshot
from regime.exceptions import RegimeError, StoreError
from regime.tracking.card_text import escaped
from regime.tracking.wording import day_words

DAY, FORMAT = "day", "chart_format"  # of the session; the day is in the address too
_TOLD = "day_told"  # what became of a day that could not be shown; said once
_ISO = "%Y-%m-%d"
_SIMULATED = "**SIMULATED market.** No real prices: this shows what the app does, no more."
# What stands beside the camera would hide titles on a phone; dragging zooms without it.
_NOT_WANTED = [
    "zoom2d", "pan2d", "select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d",
]  # fmt: skip


def page(title: str, *terms: str) -> Snapshot:
    """Begin a page: its title, what to be warned of, and the snapshot it shows.

    Where there is nothing to show, or nothing readable, the page says what to do and ends.

    Parameters
    ----------
    terms : keys of `glossary.TERMS` that the page uses
    """
    st.title(title, anchor=False)
    glossary(*terms)
    try:
        snapshot = queries.snapshot(chosen_day())
    except RegimeError as error:
        st.error(escaped(str(error)))
        if chosen_day() is not None:
            st.button("Back to the newest day", on_click=choose_day, args=(None,))
        st.stop()
    if snapshot is None:
        st.info(
            "No model is in service yet. For a simulated market run `regime demo`. For your own "
            "data: `regime fetch --source files --path DIR`, `regime retrain "
            "resampled_leadership`, `regime promote`, `regime score`."
        )
        st.stop()
    if told := st.session_state.pop(_TOLD, ""):
        st.warning(escaped(told))
    if snapshot.about["simulated"]:
        st.warning(_SIMULATED)
    if snapshot.then:
        _then(snapshot)
    else:
        _how_new(snapshot)
    return snapshot


def _then(snapshot: Snapshot) -> None:
    st.info(
        f"**Time machine: the close of {day_words(snapshot.day)}.** What is shown is what was "
        "known then: probabilities as they were published, or of a model that had not seen the day."
    )
    st.button("Back to the newest day", on_click=choose_day, args=(None,))


def _how_new(snapshot: Snapshot) -> None:
    about, behind = snapshot.about, queries.sessions_behind(snapshot.day)
    if behind > 0:
        sessions = "session has" if behind == 1 else "sessions have"
        held = f" {escaped(about['words'])}" if about.get("state") == "HELD" else ""
        st.error(
            f"**Not today's numbers.** The newest close here is {day_words(snapshot.day)}; "
            f"{behind:,} {sessions} closed since.{held} Run `regime run`."
        )
    elif about.get("state") == "DEGRADED":
        st.warning(f"**{escaped(about['words'])}**")


# The day that is looked at


def chosen_day() -> pd.Timestamp | None:
    """The day the time machine stands on; None for the newest."""
    day: pd.Timestamp | None = st.session_state.get(DAY)
    return day


def choose_day(day: pd.Timestamp | None) -> None:
    """Set the time machine; the address follows."""
    st.session_state[DAY] = day
    if day is None:
        st.query_params.pop(DAY, None)
    else:
        st.query_params[DAY] = day.strftime(_ISO)


def read_address() -> None:
    """Take the day from the address where it has one, and put it there where it lacks it."""
    told = st.query_params.get(DAY)
    if told is None:
        if chosen_day() is not None:
            choose_day(chosen_day())
        return
    day = day_of(told)
    if day is None:
        st.session_state[_TOLD] = (
            f"The address asks for the day “{told[:20]}”, which is no date as 2024-07-11 is; the "
            "newest day is shown."
        )
    choose_day(day)


def settle_day(newest: Snapshot) -> None:
    """See that the time machine stands on a day with probabilities; if not, on the one before."""
    day = chosen_day()
    if day is None:
        return
    days = newest.probabilities(0).index
    shown = days[max(days.searchsorted(day, side="right") - 1, 0)]
    if shown != day:
        why = "There is no close of" if days[0] < day < days[-1] else "There is nothing of"
        st.session_state[_TOLD] = (
            f"{why} {day_words(day)} here; what is shown is the close of {day_words(shown)}."
        )
    if shown != day or shown == newest.day:
        choose_day(None if shown == newest.day else shown)


def link(name: str, label: str) -> None:
    """Lead to another page; plain words where a page runs by itself, without the others.

    Parameters
    ----------
    name : of the script in `views`, without its ending
    """
    try:
        st.page_link(f"views/{name}.py", label=label, icon=":material/arrow_forward:")
    except StreamlitAPIException:
        st.caption(label)


def roster() -> dict[str, Any] | None:
    """What is known of versions and runs; a page says so where it cannot be read, and goes on."""
    try:
        return queries.roster()
    except StoreError as error:
        st.warning(escaped(str(error)))
        return None


# Charts and tables


def source(snapshot: Snapshot, words: str = "") -> Source:
    """Where the numbers of a chart come from."""
    about = snapshot.about
    said = words or f"{about['experiment']}, version {about['model_version']}, {about['baskets']}"
    return Source(f"{said}; SIMULATED prices" if about["simulated"] else said, snapshot.day)


def chart(figure: go.Figure, name: str, data: pd.DataFrame, *, words: str) -> None:
    """Draw a chart; it can be kept as a picture, and its numbers as a table.

    Parameters
    ----------
    name : of the files it is kept in, and of its elements; once a page
    data : the numbers behind it, undiluted
    words : what it shows, for who cannot see it
    """
    picture = st.session_state.get(FORMAT, "PNG").lower()
    st.plotly_chart(
        figure,
        width="stretch",
        key=f"chart_{name}",
        config={
            "displaylogo": False,
            "modeBarButtonsToRemove": _NOT_WANTED,
            "toImageButtonOptions": {"format": picture, "filename": file_name(name), "scale": 2},
        },
    )
    left, right = st.columns([5, 1], vertical_alignment="top")
    left.caption(words)
    with right:
        take(data, name)


def table(
    frame: pd.DataFrame,
    name: str,
    *,
    data: pd.DataFrame | None = None,
    columns: dict[str, object] | None = None,
    most: int = 30,
) -> None:
    """Show a table that can be kept.

    Parameters
    ----------
    frame : as it is read
    name : of its files and elements; once a page
    data : as it is kept, if not as it is read
    columns : `st.column_config` by column
    most : rows that are seen at once
    """
    rows = min(len(frame), most)
    st.dataframe(
        frame,
        hide_index=True,
        height=35 * (rows + 1) + 3,
        column_config=columns,
        key=f"table_{name}",
    )
    take(frame if data is None else data, name)


def take(frame: pd.DataFrame, name: str) -> None:
    """Offer a table as CSV and as Parquet; made when it is asked for."""
    with st.popover("Keep", key=f"keep_{name}", help="This table as a file"):
        for kind, make, mime in (
            ("csv", lambda: frame.to_csv(index=False).encode(), "text/csv"),
            ("parquet", lambda: _parquet(frame), "application/vnd.apache.parquet"),
        ):
            st.download_button(
                "CSV" if kind == "csv" else "Parquet", make, f"{file_name(name)}.{kind}", mime,
                key=f"{kind}_{name}", on_click="ignore",
            )  # fmt: skip


def file_name(name: str) -> str:
    """What a chart or table is called where it is kept: with its day, and that it is simulated."""
    try:
        snapshot = queries.snapshot(chosen_day())
    except RegimeError:
        snapshot = None
    if snapshot is None:
        return name
    kind = "simulated_" if snapshot.about["simulated"] else ""
    return f"{kind}{name}_{snapshot.day.strftime(_ISO)}"


def _parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()


def glossary(*terms: str) -> None:
    """The page's words in the margin, each in one sentence."""
    with st.sidebar.expander("Words on this page"):
        st.markdown("\n".join(f"- **{term}**: {TERMS[term]}" for term in sorted(terms)))

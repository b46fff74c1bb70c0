"""Page setup, navigation and margin."""

import gc
from pathlib import Path

import pandas as pd
import streamlit as st

from app import queries, sign_in, widgets
from regime.exceptions import RegimeError

VIEWS = Path(__file__).parent / "views"
PAGES = {
    "Now": [("today", "Today"), ("why", "Why"), ("what_if", "What if")],
    "Then": [("history", "History"), ("signals", "Signals")],
    "Trust": [
        ("value", "Value"), ("models", "Models"), ("card", "Model card"),
        ("audit", "Audit"), ("data", "Data"), ("glossary", "Glossary"),
    ],
}  # fmt: skip
STYLE = """<style>
/* Figures under one another line up. */
body, [data-testid="stMetricValue"], table { font-variant-numeric: tabular-nums; }
[data-testid="stMainBlockContainer"] { padding-top: 3.5rem; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.85; }
[data-testid="stMainBlockContainer"] h1 { font-size: 1.9rem; padding-top: 0; }
/* On a phone a wide table breaks its words instead of scrolling by itself. */
@media (max-width: 640px) {
  [data-testid="stTable"] :is(td, th) { overflow-wrap: anywhere; white-space: normal;
    min-width: 0; padding: 0.2rem 0.3rem; font-size: 0.75rem; }
}
</style>"""

st.set_page_config(page_title="Equity leadership", page_icon="📊", layout="wide")
st.html(STYLE)
sign_in.let_in()
widgets.read_address()
chosen = st.navigation(
    {
        group: [
            st.Page(VIEWS / f"{name}.py", title=title, default=name == "today")
            for name, title in pages
        ]
        for group, pages in PAGES.items()
    }
)


def margin() -> None:
    """The time machine, and in which format charts are kept."""
    try:
        newest = queries.snapshot()
    except RegimeError:
        return  # the page says so
    if newest is None:
        return

    def travel() -> None:
        widgets.choose_day(pd.Timestamp(st.session_state["time_machine"]))
        widgets.settle_day(newest)

    widgets.settle_day(newest)
    st.session_state["time_machine"] = (widgets.chosen_day() or newest.day).date()
    with st.sidebar:
        st.date_input(
            "As known at the close of", key="time_machine", on_change=travel,
            min_value=newest.first.date(), max_value=newest.day.date(),
            help="Time machine: every page as it was known then. Choose a day, or type one and "
            "leave the field.",
        )  # fmt: skip
        st.segmented_control(
            "Charts are kept as", ["PNG", "SVG"], default="PNG", key=widgets.FORMAT,
            help="By the camera above a chart; the picture has its source line.",
        )  # fmt: skip


@st.cache_resource(show_spinner=False)
def lay_aside(page: str) -> None:
    """Take what a page has imported and loaded out of the search for garbage, once a server.

    After each run Streamlit searches all there is, a tenth of a second in which nothing is sent
    to anybody; nearly all of it is modules and what was published, which stay.
    """
    del page
    gc.collect()
    gc.freeze()


margin()
chosen.run()
lay_aside(chosen.title)

"""Page setup and navigation."""

from pathlib import Path

import streamlit as st

VIEWS = Path(__file__).parent / "views"

st.set_page_config(page_title="Equity leadership", page_icon="📊", layout="wide")
st.navigation(
    [
        st.Page(VIEWS / "today.py", title="Today", default=True),
        st.Page(VIEWS / "models.py", title="Models"),
        st.Page(VIEWS / "card.py", title="Model card"),
    ]
).run()

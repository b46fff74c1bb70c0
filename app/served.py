"""The app as `regime app` serves it: main.py behind a door."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.starlette import App

from regime.door import LOCAL, Door

app = App(
    Path(__file__).with_name("main.py"),
    middleware=[
        Middleware(
            Door,
            hosts=st.get_option("server.allowedHosts") or LOCAL,
            origins=st.get_option("server.corsAllowedOrigins"),
            page=(Path(st.__file__).parent / "static" / "index.html").read_text("utf-8"),
        )
    ],
)

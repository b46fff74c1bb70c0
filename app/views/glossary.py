"""Every term of the screen in one sentence."""

import streamlit as st

from app.glossary import TERMS

st.title("Glossary", anchor=False)
for term, sentence in TERMS.items():
    st.markdown(f"**{term}.** {sentence}")

"""What there is to know of a registered version before relying on it."""

import streamlit as st

from app import queries
from regime.exceptions import StoreError
from regime.tracking.card_sections import sections
from regime.tracking.card_text import SIMULATED, card_markdown, escaped, summary

st.title("Model card")
try:
    with st.spinner("Reading the registry"):
        versions = queries.versions()
    if not versions:
        st.info(
            "No version is registered yet. Run `regime retrain "
            "experiments/resampled_leadership.toml`, or `regime demo` for a simulated market."
        )
        st.stop()
    chosen = versions[0]
    if len(versions) > 1:
        chosen = st.selectbox("Version, the one in service first", versions)
    card = queries.card(chosen)
except StoreError as error:
    st.error(escaped(str(error)))
    st.stop()

if card["simulated"]:
    st.warning(f"**{SIMULATED}**")
st.write(escaped(summary(card)))
st.caption(
    escaped(
        f"Version {card['version']}, as of the close of {card['training']['trained_until']}; "
        f"registered {card['registered_at'][:10]}."
    )
)
for section in sections(card):
    st.subheader(section.title)
    if section.words:
        st.write(escaped(section.words))
    if section.table is not None:
        st.table(section.table.map(escaped), hide_index=True)
    if section.points:
        st.markdown("\n".join(f"- {escaped(words)}" for words in section.points))
name = f"model_card_{card['version']}.md"
st.download_button("This card as Markdown", card_markdown(card), name, "text/markdown")

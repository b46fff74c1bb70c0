"""What there is to know of a registered version before relying on it."""

import pandas as pd
import streamlit as st

from app import queries, widgets
from regime.data.calendar import end_of_day
from regime.exceptions import StoreError
from regime.tracking.card_sections import sections
from regime.tracking.card_text import SIMULATED, card_markdown, escaped, summary
from regime.tracking.wording import day_words, moment_words

st.title("Model card", anchor=False)
try:
    roster = queries.roster()
except StoreError as error:
    st.error(escaped(str(error)))
    st.stop()
versions = {} if roster is None else {one["number"]: one for one in roster["versions"]}
if not versions:
    st.info(
        "No version is listed yet. Run `regime retrain resampled_leadership`, or "
        "`regime demo` for a simulated market; `regime run` renews the list."
    )
    st.stop()
if (day := widgets.chosen_day()) is not None:
    until = end_of_day(day)
    versions = {
        number: one
        for number, one in versions.items()
        if pd.Timestamp(one["registered_at"]) <= until
    }
    if not versions:
        st.info(
            f"No version had been registered by the close of {day_words(day)}, where the time "
            "machine stands, so there was no card."
        )
        st.button("Back to the newest day", on_click=widgets.choose_day, args=(None,))
        st.stop()

# The one in service first, then the newest.
numbers = sorted(versions, key=lambda number: number != roster["champion"])
chosen = numbers[0]
if len(numbers) > 1:
    chosen = st.selectbox("Version, the one in service first", numbers)
card = versions[chosen]["card"]
checked = moment_words(pd.Timestamp(roster["as_of"]))
if card is None:
    st.error(escaped(versions[chosen]["card_fault"]))
    st.caption(f"As found on {checked}.")
    st.stop()

if card["simulated"]:
    st.warning(f"**{SIMULATED}**")
st.write(escaped(summary(card)))
st.caption(
    escaped(
        f"Version {card['version']}, as of the close of "
        f"{day_words(pd.Timestamp(card['training']['trained_until']))}; registered "
        f"{day_words(pd.Timestamp(card['registered_at']))}. On {checked} the card was, to the "
        "byte, what was registered."
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

"""Which regime the market is in, as far as the last close can tell."""

import pandas as pd
import streamlit as st

from app import queries, widgets
from app.charts import regimes
from regime.brief import sure, today
from regime.exceptions import RegimeError
from regime.taxonomy import REGIMES
from regime.tracking.card_text import escaped

COLOURS = {"PUBLISHED": "green", "DEGRADED": "orange", "HELD": "red"}

snapshot = widgets.page(
    "Which companies lead?", "Regime", "Call", "Away from the giants", "Broadening", "Confirmed",
    "Contested", "Handover", "Provisional", "Hindsight path", "PUBLISHED", "DEGRADED", "HELD",
    "Replayed", "Episode", "Flip level",
)  # fmt: skip
day = today.day_words(snapshot.day)

# State
state = today.state_of(snapshot)
st.badge(state.name, color=COLOURS.get(state.name, "gray"))
st.markdown(f"{escaped(state.words)} {escaped(state.moment)}")

# Call
call = today.call_of(snapshot)
st.header(escaped(call.words), anchor=False)
st.caption(f"At the close of {day}. {escaped(call.means)} {escaped(call.qualifier)}")
called, hindsight = st.columns(2)
called.markdown(f"**{escaped(call.called)}**")
hindsight.markdown(escaped(call.hindsight))

# Odds
st.subheader(today.AWAY, anchor=False)
readings = today.readings(snapshot)
away = readings[readings["reading"] == today.AWAY]
for place, (_, row) in zip(st.columns(len(away)), away.iterrows(), strict=True):
    horizon = int(row["horizon"])
    place.metric(
        f"{horizon} sessions after {day}" if horizon else f"At the close of {day}",
        f"{row['value']:.0%}",
    )
    before = [
        f"{row[name]:.0%} on {today.day_words(row[f'{name}_on'])}"
        for name in ("yesterday", "month")
        if pd.notna(row[name])
    ]
    place.caption("  \n".join(["Before that:", *before] if before else ["The first day there is."]))
latest = snapshot.scores[snapshot.scores["date"] == snapshot.day].set_index("horizon")
latest = latest[list(REGIMES)]
widgets.chart(
    regimes.horizon_bars(latest, widgets.source(snapshot)), "horizons", latest.reset_index(),
    words="Each bar is 100%, the giants' part first. What is away from them is broadening and "
    "small companies.",
)  # fmt: skip
widgets.table(
    today.split(readings, snapshot), "away_split", data=readings,
    columns={"probability of": st.column_config.TextColumn(pinned=True)},
)  # fmt: skip
widgets.link("history", "Every day there has been: History")

# How sure
st.subheader("How sure is that?", anchor=False)
judged = [
    (one.few, f"{today.when(snapshot, one.horizon)}: {one.words}")
    for one in queries.how_sure(snapshot)
]
told = {
    few: [escaped(said[0].upper() + said[1:]) for is_few, said in judged if is_few is few]
    for few in (False, True)
}
for few, say in ((False, st.markdown), (True, st.warning)):
    if told[few]:
        say("\n".join(f"- {said}" for said in told[few]))
st.caption(escaped(sure.been_right(snapshot)))
widgets.link("models", "Has it been right, and against whom? Models")

# Overnight
moved = today.overnight_of(snapshot)
st.subheader("What moved since the close before", anchor=False)
if moved.words:
    first, *others = moved.words
    st.caption(f"From the close of {today.day_words(moved.since)} to that of {day}.")
    st.markdown("\n".join(f"- {escaped(one)}" for one in moved.words[first]))
    if others:
        with st.expander("The horizons ahead"):
            st.markdown("\n".join(f"- {escaped(one)}" for h in others for one in moved.words[h]))
else:
    st.markdown(escaped(moved.why_not))
widgets.link("why", "Which family of figures did it, over the month? Why")

# Flip levels
st.subheader("What would change the call", anchor=False)
if flips := today.flips_of(snapshot):
    st.markdown("\n".join(f"- {escaped(one)}" for one in flips))
    st.caption("No forecast: one basket moves, the other two and all else stand still.")
elif snapshot.then and not snapshot.kept:
    st.markdown("What would have changed the call was not kept for this day.")
else:
    st.markdown("What would change the call could not be told for this day.")

# Worth
st.subheader("What is it worth?", anchor=False)
try:
    roster = queries.roster()
except RegimeError:
    roster = None  # Models says what is wrong with it
st.markdown(escaped(today.edge_of(snapshot, roster)))
widgets.link("value", "Held as a portfolio: Value")
widgets.link("data", "What it was made from: Data")

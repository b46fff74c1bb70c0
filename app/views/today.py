"""Which regime the market is in, as far as the last close can tell."""

import pandas as pd
import streamlit as st

from app import charts, queries
from regime.taxonomy import REGIMES, Regime

st.title("Which companies lead?")
names = queries.experiments()
if not names:
    st.info(
        "Nothing has been computed yet. Run `regime demo` for a simulated market, or "
        "`regime fetch --source files --path DIR` and `regime compare experiments/*.toml`."
    )
    st.stop()

left, right, years_box = st.columns([2, 1, 2])
name = left.selectbox("Model", names)
result = queries.result(name)
if result is None:
    st.error(f"The result of {name} cannot be read. Run `regime compare experiments/{name}.toml`.")
    st.stop()
baskets = right.selectbox("Baskets", list(reversed(result["predictions"]["baskets"].unique())))
years = years_box.slider("Years shown", 1, 50, 5)
if result["about"]["simulated"]:
    st.warning("**SIMULATED market.** No real prices: these numbers show what the app does.")

proba = result["predictions"].query("baskets == @baskets")
day = proba["date"].max()
latest = proba[proba["date"] == day].set_index("horizon")[list(REGIMES)]
calls = result["calls"].query("baskets == @baskets").set_index("date")
path = result["labels"].query("baskets == @baskets").set_index("date")
call = calls.iloc[-1]

behind = queries.sessions_behind(day)
if behind > 1:
    st.error(f"The newest close here is {day:%d %B %Y}; {behind} sessions have closed since.")

away = 1 - latest[Regime.MEGA_CAP_LED]
first, *others = st.columns(1 + len(latest))
first.metric("Away from the giants, now", f"{away.iloc[0]:.0%}")
for column, (horizon, value) in zip(others, away.iloc[1:].items(), strict=False):
    column.metric(f"in {horizon} trading days", f"{value:.0%}")
st.subheader(call["words"])
dates = f"Called since {call['called_since']:%d %B %Y}, never revised."
if pd.notna(call["path_since"]):
    dates += f" In hindsight since {call['path_since']:%d %B %Y}, provisional until confirmed."
st.write(dates + (f" {call['qualifier'].capitalize()}." if call["qualifier"] else ""))

st.plotly_chart(charts.horizon_bars(latest), width="stretch")
now = proba[proba["horizon"] == 0].set_index("date")
since = day - pd.DateOffset(years=years)
st.markdown("**Probability of each regime at each close, and below it the path in hindsight**")
st.plotly_chart(
    charts.probability_ribbon(now.loc[since:], path.loc[max(since, now.index[0]) :]),
    width="stretch",
)
st.caption(
    f"As of the close of {day:%d %B %Y}. Each day uses only figures published by that day's "
    "close, and a model fitted on labels confirmed before it. Pale: hindsight may still change. "
    "A nowcast of hindsight, not a promise of returns."
)

"""Which regime the market is in, as far as the last close can tell."""

import pandas as pd
import streamlit as st

from app import charts, queries
from regime.taxonomy import REGIMES, Regime

st.title("Which companies lead?")
said = queries.published()
if said is None:
    st.info(
        "No model is in service yet. For a simulated market run `regime demo`. For your own data: "
        "`regime fetch --source files --path DIR`, `regime retrain "
        "experiments/resampled_leadership.toml`, `regime promote`, `regime score`."
    )
    st.stop()

about = said["about"]
if about["simulated"]:
    st.warning("**SIMULATED market.** No real prices: this shows what the app does, no more.")
scores, day = said["scores"], said["scores"]["date"].max()
behind = queries.sessions_behind(day)
if behind > 0:
    sessions = "session has" if behind == 1 else "sessions have"
    held = f" {about['words']}" if about.get("state") == "HELD" else ""
    st.error(
        f"**Not today's numbers.** The newest close here is {day:%d %B %Y}; {behind:,} {sessions} "
        f"closed since.{held} Run `regime fetch`, then `regime score`."
    )
elif about.get("state") == "DEGRADED":
    st.warning(f"**{about['words']}**")

latest = scores[scores["date"] == day].set_index("horizon")[list(REGIMES)]
call = said["calls"].iloc[-1]
away = 1 - latest[Regime.MEGA_CAP_LED]
month = scores[(scores["horizon"] == 0)].set_index("date")[Regime.MEGA_CAP_LED]
columns = st.columns(len(latest))
for column, (horizon, value) in zip(columns, away.items(), strict=True):
    label = "Away from the giants, now" if horizon == 0 else f"in {horizon} trading days"
    change = (
        f"{(1 - month.iloc[-22]):.0%} a month ago" if horizon == 0 and len(month) > 22 else None
    )
    column.metric(label, f"{value:.0%}", change, delta_color="off", delta_arrow="off")

st.subheader(call["words"])
dates = f"Called since {call['called_since']:%d %B %Y}; that date is never revised."
if pd.notna(call["path_since"]):
    dates += (
        f" In hindsight, as it looks now, since {call['path_since']:%d %B %Y}; "
        "provisional until confirmed."
    )
if call["qualifier"]:
    dates += f" Since the call: {call['qualifier']}."
st.write(dates)
st.plotly_chart(charts.horizon_bars(latest), width="stretch")

years = st.slider("Years shown", 1, 50, 5)
since = day - pd.DateOffset(years=years)
path = said["labels"].set_index("date")
now = scores[scores["horizon"] == 0].set_index("date")
st.markdown("**Probability of each regime at each close, and the path in hindsight**")
start = max(since, now.index[0])
st.plotly_chart(charts.probability_ribbon(now.loc[start:], path.loc[start:]), width="stretch")
st.markdown("**Lead of the three baskets, added up**")
st.plotly_chart(
    charts.cumulative_leads(said["leads"].set_index("date").loc[start:]), width="stretch"
)
st.caption(
    f"As of the close of {day:%d %B %Y}; {about['experiment']}, version {about['model_version']}, "
    f"{about['baskets']} baskets, trained until {pd.Timestamp(about['trained_until']):%d %B %Y}. "
    "Each day uses only figures published by its close and a model fitted on labels confirmed "
    "before it; no day is drawn by a model that was trained on it. Pale: hindsight may still "
    "change. A nowcast of hindsight, not a promise of returns."
)

"""How good each model was, on days it had not seen."""

import pandas as pd
import streamlit as st

from app import queries

st.title("How good are the models?")
results = [found for name in queries.experiments() if (found := queries.comparison(name))]
if not results:
    st.info("Nothing to compare yet. Run `regime compare experiments/*.toml`.")
    st.stop()
if any(result["about"]["simulated"] for result in results):
    st.warning("**SIMULATED market.** These scores say nothing about real prices.")
scores = pd.DataFrame([row for result in results for row in result["about"]["scores"]])
for baskets in scores["baskets"].unique():
    mine = scores[scores["baskets"] == baskets]
    st.subheader(f"{baskets} baskets")
    table = pd.DataFrame(
        {
            "model": mine["experiment"],
            "horizon, days": mine["horizon"],
            "log loss, nats": mine["log_loss"].round(3),
            "edge over the filter": mine["edge"].round(3),
            "90% from": mine["edge_low"].round(3),
            "to": mine["edge_high"].round(3),
            "calibration error": mine["ece"].round(3),
            "days late at a change": mine["detection_delay_days"].round(0),
        }
    )
    st.dataframe(table.sort_values(["horizon, days", "log loss, nats"]), hide_index=True)
    st.caption(
        f"{mine['test_from'].min()} to {mine['test_to'].max()}, {mine['n_episodes'].max()} "
        "episodes. An edge above zero beats the filter; where its interval spans zero the two "
        "cannot be told apart."
    )

"""How good each model was, on days it had not seen."""

import pandas as pd
import streamlit as st

from app import queries
from regime.tracking.figures import edge_words

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
            "days ahead": mine["horizon"],
            "log loss": mine["log_loss"].map("{:.3f}".format),
            "edge [90%]": [edge_words(row) for row in mine.to_dict("records")],
            "ECE": mine["ece"].map("{:.3f}".format),
            "days late": mine["detection_delay_days"].round(0),
        }
    )
    table = table.sort_values(["days ahead", "log loss"])
    st.dataframe(table, hide_index=True, height=35 * (len(table) + 1) + 3)
    st.caption(
        f"{mine['test_from'].min()} to {mine['test_to'].max()}, {mine['n_episodes'].max()} "
        "episodes. Log loss in nats. Edge: the filter's loss less the model's; above zero beats "
        "the filter, and where its interval spans zero the two cannot be told apart. ECE: the mean "
        "gap between what was said and how often it was so. Days late: from a change of regime "
        "until the most probable regime followed."
    )

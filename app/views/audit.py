"""What the newest audit found: whether anything served has seen the future."""

import pandas as pd
import streamlit as st

from app import queries, widgets
from regime.exceptions import StoreError
from regime.tracking.card_text import escaped
from regime.tracking.wording import day_words

snapshot = widgets.page("Audit", "Walk-forward")
try:
    told = queries.certificate()
except StoreError as error:
    st.error(escaped(str(error)))
    st.stop()
if told is None:
    st.info(
        "Nothing was audited yet. `regime audit --days 200` works random past days out again from "
        "what was known at their close, checks the books, and tries the model on a random walk."
    )
    st.stop()
about = snapshot.about
when = day_words(pd.Timestamp(told["audited_at"]).tz_localize(None))
found = pd.DataFrame(told["findings"])
failed = found[~found["holds"]]
if told["passed"]:
    st.success(f"**Passed** on {when}: {len(found):,} of {len(found):,} checks hold.")
else:
    st.error(f"**Failed** on {when}: {len(failed):,} of {len(found):,} checks do not hold.")
if str(told["model_version"]) != str(about["in_service"]):
    st.warning(
        f"It is of version {told['model_version']}; version {about['in_service']} is in service "
        "now. Run `regime audit`."
    )
elif told["panel_digest"] != about["panel_digest"]:
    st.warning("Something was published since, which it has not looked at. Run `regime audit`.")
with st.container(horizontal=True):
    st.metric("Days worked out again", f"{told['days']:,}", width="content")
    st.metric("Of days with probabilities", f"{told['of_days']:,}", width="content")
    values = sum(int(one.get("cells", 0)) for one in found["counts"])
    st.metric("Values compared", f"{values:,}", width="content")
WHAT = {
    "replay": "Past days, worked out again from what was known at their close",
    "bookkeeping": "What each fit learned from",
    "books": "What was published, made again from the store",
    "structure": "How series and models are made",
    "chance": "On a random walk, where nothing can be known",
    "declared": "When the experiment was declared",
}
for check, rows in found.groupby("check", sort=False):
    st.subheader(WHAT.get(str(check), str(check)), anchor=False)
    st.markdown(
        "\n".join(
            f"- {'✓' if row['holds'] else '✗ **does not hold**'} "
            f"**{escaped(str(row['about']))}**: {escaped(str(row['words']))}"
            for row in rows.to_dict("records")
        )
    )
st.caption(
    escaped(
        f"Version {told['model_version']} ({told['experiment']}, {told['baskets']} baskets), seed "
        f"{told['seed']}, bundle {told['bundle_digest'][:12]}, panel {told['panel_digest']}, code "
        f"{told['code_digest'][:12]}, certificate {told['digest'][:12]}. The same days again: "
        f"regime audit --days {told['days']} --seed {told['seed']}"
    )
)
widgets.take(found.drop(columns="counts"), "audit")

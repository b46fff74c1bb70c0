"""What the probabilities would have been worth after costs, and how little that proves."""

import pandas as pd
import streamlit as st

from app import queries, widgets
from app.charts import value as charts
from regime.brief import deflation, models, value
from regime.evaluation.rotation import HORIZON, JUDGED_AT_BP
from regime.exceptions import EvaluationError
from regime.tracking.card_text import escaped
from regime.tracking.wording import day_words

snapshot = widgets.page(
    "What was it worth?",
    "Basket", "Basis point", "Break-even cost", "Deflated Sharpe ratio", "Drawdown",
    "Information ratio", "Turnover", "Walk-forward",
)  # fmt: skip
roster = widgets.roster()
try:
    found = value.worth(
        snapshot,
        models.in_service(roster, snapshot),
        models.tried(roster, snapshot),
        value.filter_of(queries.comparison("filter"), snapshot),
    )
except EvaluationError as error:
    st.info(escaped(str(error)))
    st.stop()

st.header(value.headline(found), anchor=False)
said = [words for words in (value.richer_words(found), *value.verdicts(found)) if words]
st.markdown("\n".join(f"- {escaped(words)}" for words in said))
if found.deflated is not None:
    st.write(escaped(deflation.deflated_words(found.deflated, snapshot.about["baskets"])))
for words in found.notes:
    st.caption(words)


@st.fragment
def after_costs() -> None:
    """All that depends on the cost; only this is drawn again when it is moved."""
    cost = st.slider(
        "Cost of a trade, in bp of what changes hands", 0, 50, int(JUDGED_AT_BP), key="cost",
        help="1 bp is a hundredth of a percent. Selling everything to buy something else is one "
        "unit of turnover.",
    )  # fmt: skip
    rows = value.against(found.portfolios, cost)
    net = found.portfolios.net(cost)
    mix = rows[0]
    even = mix["break_even_bp"]
    tiles = st.columns(4)
    tiles[0].metric("A year over the mix", f"{mix['spread']:+.2%}", border=True)
    tiles[1].metric("Turnover a year", f"{mix['turnover']:.1f} times", border=True)
    tiles[2].metric("Deepest fall", f"{mix['max_drawdown']:.0%}", border=True)
    tiles[3].metric(
        "Break-even cost", "none" if even is None else f"{even:.0f} bp", border=True,
        help="The cost at which nothing would be left over the equal mix; below zero, it earned "
        "less even when trades were free.",
    )  # fmt: skip
    source = widgets.source(snapshot)
    grown = value.growth(net)
    widgets.chart(
        charts.growth_chart(grown, cost, source), "growth", _kept(grown),
        words=f"From {day_words(net.index[0])}. Ours: the baskets in proportion to the "
        f"probabilities {HORIZON} sessions ahead, beside portfolios that know nothing.",
    )  # fmt: skip
    widgets.table(value.table(found, rows), "worth", data=pd.DataFrame(rows))
    st.caption(
        "A year: compounded, after costs. Ours, a year more: mean daily return less the other's, "
        "times 252. Deepest fall: from a peak, by closes. Break-even: the cost at which nothing "
        "would be left; none where ours trades no more than the other. Intervals were computed "
        "for costs of 0, 5, 10 and 20 bp, and follow a line between and beyond."
    )
    falls = value.drawdown(net)
    widgets.chart(
        charts.drawdown_chart(falls, cost, source), "falls", _kept(falls),
        words="How far a portfolio stood below its highest close so far; the file has all of them.",
    )  # fmt: skip


def _kept(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns=charts.NAMES).rename_axis("date").reset_index()


st.subheader("At another cost", anchor=False)
after_costs()
st.caption(
    "Weights are decided at one close, traded at the next, and earn from the one after. No taxes, "
    "no market impact, and nothing earned or paid on cash."
)

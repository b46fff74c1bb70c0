"""Why the probabilities moved over the last month, and when it was so before."""

import streamlit as st

from app import widgets
from app.charts.style import SHORT
from app.charts.why import waterfall
from regime.brief import why
from regime.brief.snapshot import Snapshot
from regime.explained import AHEAD
from regime.taxonomy import REGIMES, Regime
from regime.tracking.card_text import escaped
from regime.tracking.wording import day_words

snapshot = widgets.page(
    "Why has it moved?", "Regime", "Shapley share", "Nat", "Filter", "Episode", "Hindsight path"
)


def ask(name: str) -> None:
    """Put what was chosen into the address, which can be sent."""
    st.query_params[name] = str(st.session_state[f"why_{name}"])


@st.fragment
def moved(snapshot: Snapshot) -> None:
    """The families' shares, and what moved inside one of them."""
    if why.change_of(snapshot, snapshot.horizons[0]) is None:
        st.info(escaped(why.why_not(snapshot)))
        return
    horizon, regime, lost = why.asked_for(st.query_params.to_dict(), snapshot.horizons)
    if lost:
        st.warning(escaped(lost))
    st.session_state["why_horizon"] = snapshot.horizons[0] if horizon is None else horizon
    horizon = st.segmented_control(
        "Of which close", snapshot.horizons, required=True,
        format_func=lambda one: f"{one} sessions on" if one else day_words(snapshot.day),
        key="why_horizon", on_change=ask, args=("horizon",),
    )  # fmt: skip
    change = why.change_of(snapshot, int(horizon))
    if change is None:
        st.info(escaped(why.why_not(snapshot)))
        return
    called = str(snapshot.call["regime"])
    st.session_state["why_regime"] = regime or why.opening(change, called)
    opened = regime is None and st.session_state["why_regime"] != called
    regime = st.segmented_control(
        "Regime", REGIMES, required=True, format_func=lambda one: SHORT[Regime(one)],
        key="why_regime", on_change=ask, args=("regime",),
    )  # fmt: skip
    if opened:
        st.markdown(f"{escaped(why.sentence(change, called))} What moved most is shown:")
    st.markdown(f"**{escaped(why.sentence(change, regime))}**")
    if other := why.other_answer(snapshot, change):
        st.warning(escaped(other))
    widgets.chart(
        waterfall(change, regime, widgets.source(snapshot)), "why_steps",
        why.steps(change, regime),
        words="Each bar begins where the one before ended. The shares are exact: every order in "
        f"which the families could have moved counts alike. {why.PROPORTIONS}",
    )  # fmt: skip
    widgets.table(
        why.table(change), "why_shares", data=change.shares.reset_index(),
        columns={"what": st.column_config.TextColumn("", pinned=True)},
    )  # fmt: skip
    (st.caption if change.gap <= why.ENOUGH else st.error)(escaped(why.adds_up(change)))
    _inside(snapshot, int(horizon), regime)


def _inside(snapshot: Snapshot, horizon: int, regime: str) -> None:
    st.subheader("Inside a family", anchor=False)
    families = why.families_inside(snapshot, horizon)
    if not families:
        st.markdown(escaped(why.not_told(snapshot, "What moved inside the families is")))
        return
    family = st.selectbox("Family", families, format_func=why.player_words, key="why_family")
    found = why.inside(snapshot, horizon, family, regime)
    widgets.table(
        found.drop(columns="feature"), "why_drivers", data=found, most=10,
        columns={
            "words": st.column_config.TextColumn("figure", pinned=True),
            "before": st.column_config.NumberColumn("a month before", format="%.3f"),
            "now": st.column_config.NumberColumn("at the close", format="%.3f"),
            "share": st.column_config.NumberColumn("share, nats", format="%+.3f"),
        },
    )  # fmt: skip
    how = "exact" if found.attrs["exact"] else "a draw of 256 orders, whose sum is exact"
    st.caption(f"Shares in {SHORT[Regime(regime)].lower()}, {how}. Values in their own units.")


moved(snapshot)

st.subheader("Days like this one", anchor=False)
days = why.alike(snapshot)
if days.empty:
    st.markdown(escaped(why.not_told(snapshot, "Similar days are")))
else:
    st.markdown(escaped(why.alike_words(snapshot)))
    st.warning(escaped(why.NO_FORECAST))
    widgets.table(
        days, "why_alike", most=10,
        columns={
            "date": st.column_config.DateColumn("close of", format="D MMM YYYY", pinned=True),
            "distance": st.column_config.NumberColumn("distance, spreads", format="%.2f"),
            "regime": "led then",
            "followed": f"led {AHEAD} sessions later",
        },
    )  # fmt: skip
    st.caption(
        "Distance: the root mean square, over all figures the model reads, of the difference to "
        f"{day_words(snapshot.day)} in usual spreads. Nearest first, 63 sessions apart at least."
    )
widgets.link("signals", "Every figure by itself: Signals")

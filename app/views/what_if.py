"""What the model would say of the newest day if some of what it reads had been otherwise."""

import pandas as pd
import streamlit as st

from app import queries, widgets
from app.charts.what_if import before_and_after
from regime.brief.signal_words import family_words, reading, short
from regime.brief.snapshot import Snapshot
from regime.brief.what_if import (
    answer,
    at_percentile,
    leader_words,
    published_words,
    range_words,
    standing,
    unseen_words,
    when,
)
from regime.exceptions import RegimeError
from regime.taxonomy import REGIMES
from regime.tracking.card_text import escaped
from regime.tracking.wording import day_words
from regime.what_if import WhatIf

SET, ROUND, OF = "what_if_set", "what_if_round", "what_if_of"  # of the session
STRONGEST, AT_FIRST = "", 3  # no family; features that are offered before one is chosen

snapshot = widgets.page(
    "What if", "Horizon", "Hindsight path", "Lead", "Percentile", "Regime",
    "Standard deviation (sd)",
)  # fmt: skip
if snapshot.then:
    st.info(
        "What if is asked of the newest day only: the model that spoke on this day was not kept. "
        "Go back to the newest day to use it."
    )
    st.stop()
try:
    bundle, X, table = queries.levers()
except RegimeError as error:
    st.error(escaped(str(error)))
    st.stop()
if table.empty:
    st.info("The model in service reads nothing that could be set. Choose another to promote.")
    st.stop()
ROWS = {row["feature"]: row for row in table.to_dict("records")}


def settings() -> dict[str, float]:
    """What has been set, by feature, in its own unit; of this publication's model only."""
    of = str(snapshot.about["explained_by"])
    if st.session_state.get(OF) != of:
        st.session_state[OF] = of
        st.session_state[SET] = {}
    told: dict[str, float] = st.session_state[SET]
    return {name: value for name, value in told.items() if name in ROWS}


def put(changes: dict[str, float]) -> None:
    """Replace what has been set; the sliders are made anew where that puts them."""
    st.session_state[SET] = changes
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def key_of(name: str) -> str:
    """A slider's, which lasts until all are made anew."""
    return f"what_if_{name}_{st.session_state.get(ROUND, 0)}"


@st.fragment
def asked(shown: Snapshot) -> None:
    """Sliders, and the model's answer to them."""
    told = settings()
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    families = [STRONGEST, *table["family"].drop_duplicates()]
    family = left.segmented_control(
        "Which numbers", families, default=STRONGEST, key="what_if_family",
        format_func=lambda one: family_words(one) if one else "Strongest",
        help="Strongest: those that change the answer most when they go to their extremes.",
    )  # fmt: skip
    elsewhere = right.empty()
    right.button("Reset", on_click=put, args=({},), width="stretch")
    mine = table if not family else table[table["family"] == family]
    names = mine["feature"].tolist()
    if family:
        whole_family(names, told)
    chosen = st.multiselect(
        "Numbers to set", names, default=names[:AT_FIRST], key=f"what_if_chosen_{family}",
        format_func=lambda name: ROWS[name]["title"],
        help="The strongest first.",
    )  # fmt: skip
    columns = st.columns(min(max(len(chosen), 1), AT_FIRST))
    for place, name in enumerate(chosen):
        with columns[place % len(columns)]:
            slider(ROWS[name], told)
    st.session_state[SET] = told
    if unseen := len(told.keys() - set(chosen)):
        elsewhere.caption(f"{unseen} set elsewhere")
    result(answer(bundle, X, told), shown)


def whole_family(names: list[str], told: dict[str, float]) -> None:
    """One slider for all of a family; each can be set by itself afterwards."""
    now = standing(X, names, told)
    if pd.isna(now):
        return
    key = key_of(f"family_{names[0]}")

    def move() -> None:
        put(told | at_percentile(X, names, st.session_state[key]))

    st.slider(
        "All of this family, at the percentile", 1, 99, min(max(round(now), 1), 99), key=key,
        on_change=move,
        help="Each number goes to this percentile of its own past values.",
    )  # fmt: skip
    st.caption(f"As set they stand at percentile {now:.0f} on average.")


def slider(row: dict, told: dict[str, float]) -> None:
    """One number; what is set is kept in `told`."""
    unit, name = reading(row["unit"]), row["feature"]
    low, high, now = (float(unit.shown(row[key])) for key in ("low", "high", "now"))
    unknown = pd.isna(row["now"])
    start = float(unit.shown(told.get(name, row["median"] if unknown else row["now"])))
    if unknown and not st.checkbox(
        f"Suppose {row['title']} were known", value=name in told, key=key_of(f"known_{name}")
    ):
        told.pop(name, None)
        st.caption(escaped(range_words(row)))
        return
    step = float(unit.shown(row["step"]) - unit.shown(0.0))
    value = st.slider(
        f"{row['title']} ({unit.suffix.strip() or unit.axis})",
        low, high, min(max(start, low), high), abs(step),
        format=f"%.{max(unit.digits, 1)}f", key=key_of(name), help=escaped(row["reason"]),
    )  # fmt: skip
    # A slider that nobody has touched may have been rounded to its step.
    if unknown or abs(value - now) > abs(step) / 2:
        told[name] = float(unit.back(value))
    else:
        told.pop(name, None)
    st.caption(escaped(range_words(row)))


def result(told: WhatIf, shown: Snapshot) -> None:
    """The answer: words, bars, and what was set."""
    for words in unseen_words(told, table):
        st.warning(escaped(words))
    st.subheader("The model's answer", anchor=False)
    if told.settings.empty:
        st.markdown("Nothing is set yet. Move a slider: the filled bars will follow.")
    else:
        st.markdown("\n".join(f"- {escaped(words)}" for words in leader_words(told)))
    numbers = pd.concat({"as it is": told.before, "as set": told.after}, names=["case"])
    widgets.chart(
        before_and_after(told.before, told.after, widgets.source(shown)), "what_if",
        numbers.reset_index(), words="Each pair of bars is one regime at one horizon.",
    )  # fmt: skip
    if told.settings.empty:
        return
    moved = 100 * (told.after - told.before)[list(REGIMES)]
    widgets.table(
        pd.DataFrame(
            {"Change in points": [when(int(one)) for one in moved.index]}
            | {short(one): moved[one].map("{:+.1f}".format).tolist() for one in REGIMES}
        ),
        "what_if_points", data=moved.reset_index(),
    )  # fmt: skip
    rows = [(ROWS[str(name)], row) for name, row in told.settings.iterrows()]
    said = [(reading(of["unit"]), of, row) for of, row in rows]
    widgets.table(
        pd.DataFrame(
            {
                "What was set": [of["title"] for _, of, _ in said],
                "Is": [unit.said(row["before"]) for unit, _, row in said],
                "Set to": [unit.said(row["after"]) for unit, _, row in said],
                "1st percentile": [unit.said(row["p1"]) for unit, _, row in said],
                "Median": [unit.said(row["median"]) for unit, _, row in said],
                "99th percentile": [unit.said(row["p99"]) for unit, _, row in said],
            }
        ),
        "what_if_settings", data=told.settings.reset_index(),
        columns={"What was set": st.column_config.TextColumn(width=285)},
    )  # fmt: skip


st.markdown(
    f"Set some of the numbers that the model reads, as if the close of {day_words(snapshot.day)} "
    "had been so. **The others do not follow**: one span of a return can be set without the spans "
    "that contain it. What comes back is the model's answer to such a day, not a forecast."
)
if words := published_words(answer(bundle, X, {}), snapshot):
    st.caption(escaped(words))
asked(snapshot)

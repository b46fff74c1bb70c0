"""How new the data are, what is missing of them, and what was entered in the ledger."""

import pandas as pd
import streamlit as st

from app import queries, widgets
from app.charts import data as charts
from regime.brief import data as brief
from regime.data.calendar import end_of_day
from regime.data.catalog import CATALOG
from regime.data.checks.freshness import Age
from regime.exceptions import RegimeError
from regime.health.checks import State
from regime.taxonomy import REGIMES, Regime
from regime.tracking.card_text import escaped
from regime.tracking.wording import SHORT, day_words

MARKS = {Age.MISSING: "✖ missing", Age.LATE: "▲ late", Age.FRESH: "✔ fresh"}
WELL = {
    State.FAULT: "✖ fault", State.WARNING: "▲ warning", State.UNKNOWN: "? unknown",
    State.OK: "✔ ok",
}  # fmt: skip
NEEDED = {
    brief.BASKETS: "the baskets", brief.MODEL: "the model", brief.SHOWN: "Signals only",
    brief.NOBODY: "nobody",
}  # fmt: skip
ALL = "all"


def _days(title: str, words: str = "") -> object:
    return st.column_config.DateColumn(title, format="D MMM YYYY", help=words or None)


def _moment(title: str, words: str = "") -> object:
    return st.column_config.DatetimeColumn(title, format="D MMM YYYY, HH:mm", help=words or None)


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with moments in UTC that no browser moves to where it stands."""
    moments = frame.select_dtypes("datetimetz")
    return frame.assign(**{name: moments[name].dt.tz_convert(None) for name in moments})


SERIES = {
    "state": st.column_config.TextColumn("State", pinned=True),
    "series": st.column_config.TextColumn("Series", pinned=True),
    "title": "What it is",
    "needed": st.column_config.TextColumn("Needed by"),
    "newest_period": _days("Newest period"),
    "expected_period": _days("Due", "The newest period that should be there by now."),
    "age_days": st.column_config.NumberColumn("Age, days", format="localized"),
    "gaps": st.column_config.NumberColumn(
        "Gaps", format="localized",
        help="Sessions (or weeks, months, quarters) without a value, first period to newest.",
    ),
    "longest_gap": st.column_config.NumberColumn(
        "Longest gap", format="localized", help="Of those, most in a row."
    ),
    "quarantined": st.column_config.NumberColumn("In quarantine", format="localized"),
    "first_period": _days("First period"),
    "frequency": "Frequency",
    "unit": "Unit",
    "known": st.column_config.TextColumn("Known", help="How long after its period, as published."),
    "basis": st.column_config.TextColumn("History", help="How far it is what was seen then."),
    "publisher": "Publisher",
    "sources": st.column_config.TextColumn("Fetched from"),
    "fetched_at": _moment("Last asked, UTC", "When a source was last asked for it."),
}  # fmt: skip


@st.fragment
def catalogue(table: pd.DataFrame) -> None:
    """Every series, those in trouble first, and filters."""
    state, need, publisher = st.columns(3)
    with state:
        states = st.multiselect(
            "State", list(Age), format_func=MARKS.get, placeholder="every state", key="states"
        )
    with need:
        needs = st.multiselect(
            "Needed by", list(NEEDED), format_func=NEEDED.get, placeholder="anybody", key="needs"
        )
    with publisher:
        publishers = st.multiselect(
            "Publisher", sorted(table["publisher"].unique()), placeholder="every publisher",
            key="publishers",
        )  # fmt: skip
    wanted = pd.Series(True, table.index)
    for column, chosen in (("state", states), ("needed", needs), ("publisher", publishers)):
        if chosen:
            wanted &= table[column].isin([str(one) for one in chosen])
    shown = table[wanted]
    if shown.empty:
        st.info("No series is such. Take a filter away.")
        return
    st.caption(f"{len(shown):,} of {len(table):,} series; those in trouble come first.")
    read = shown.assign(state=shown["state"].map(MARKS), needed=shown["needed"].map(NEEDED))
    widgets.table(_shown(read[list(SERIES)]), "series", data=shown, columns=SERIES, most=14)


@st.fragment
def one_series(table: pd.DataFrame, until: pd.Timestamp | None, source: charts.Source) -> None:
    """The values of a series that is chosen."""
    stored = [name for name in table["series"] if pd.notna(table_of(table, name)["newest_period"])]
    if not stored:
        st.info("Nothing is stored yet. Run `regime fetch`.")
        return
    name = st.selectbox(
        "Series", stored, format_func=lambda one: f"{one}: {CATALOG[one].title}", key="one_series"
    )
    row = table_of(table, name)
    made_of = name if row["own"] else f"{name}_close"
    span = st.segmented_control(
        "Years shown", ["1", "5", "20", ALL], default="5", key="years_shown"
    ) or "5"  # fmt: skip
    try:
        rows = queries.values(made_of, until)
    except RegimeError as error:
        st.error(escaped(str(error)))
        return
    if span != ALL:
        rows = rows[rows["period"] >= rows["period"].max() - pd.DateOffset(years=int(span))]
    st.caption(
        escaped(
            f"{row['publisher']}; {row['frequency']}, {row['unit']}; known {row['known']}; "
            f"history {row['basis']}."
        )
        + ("" if row["own"] else " Closing prices are drawn: total returns are made of them.")
    )
    figure = charts.values(rows, CATALOG[made_of].title, CATALOG[made_of].unit, source)
    widgets.chart(figure, "values", rows, words=f"{len(rows):,} values of {escaped(made_of)}.")


def table_of(table: pd.DataFrame, name: str) -> pd.Series:
    """The row of a series."""
    return table.set_index("series").loc[name]


def of_the_store() -> None:
    """What the store holds, as far as it can be read."""
    until = end_of_day(snapshot.day) if snapshot.then else None
    now = queries.now() if until is None else until
    try:
        held = queries.holdings(until)
    except RegimeError as error:
        st.error(f"**The store cannot be shown.** {escaped(str(error))}")
        return
    table = brief.catalogue(held, snapshot.about, now)
    well, sentence = brief.verdict(table, now)
    (st.success if well else st.error)(escaped(sentence))
    counts = table[table["needed"].isin([brief.BASKETS, brief.MODEL])]["state"].value_counts()
    with st.container(horizontal=True, gap="large"):
        for state in Age:
            st.metric(
                MARKS[state].capitalize(), f"{int(counts.get(state, 0)):,}", width="content",
                help="Of the series that the baskets or the model need.",
            )  # fmt: skip
        st.metric("In quarantine", f"{len(held.quarantined):,}", width="content")
    st.subheader("Every series")
    catalogue(table)
    st.subheader("One series")
    own = table.assign(own=table["series"].isin(held.series.index))
    one_series(own, until, widgets.source(snapshot, "the store of observations"))
    quarantine(held)
    fetches(held)


def quarantine(held: brief.Holdings) -> None:
    """Values that wait for somebody's word."""
    st.subheader("In quarantine")
    if held.quarantined.empty:
        st.write("No value waits: nothing that came looked wrong.")
        return
    st.write(
        "These values looked wrong when they came and enter no probability. `regime store accept` "
        "takes one as right."
    )
    waiting = held.quarantined.iloc[::-1]
    widgets.table(
        _shown(waiting[["series", "period", "value", "reason", "source", "fetched_at"]]),
        "quarantine", data=waiting,
        columns={
            "series": "Series", "period": _days("Period"), "reason": "Why", "source": "Source",
            "value": st.column_config.NumberColumn("Value", format="%.6g"),
            "fetched_at": _moment("Came, UTC"),
        },
        most=8,
    )  # fmt: skip


def fetches(held: brief.Holdings) -> None:
    """Who was asked last."""
    st.subheader("Last fetches")
    newest = held.fetches.iloc[::-1].head(50)
    if newest.empty:
        st.write("Nothing had been fetched by then; what is shown was brought later, as history.")
        return
    widgets.table(
        _shown(newest), "fetches", data=held.fetches,
        columns={
            "fetched_at": _moment("When, UTC"), "source": "Source",
            "series": st.column_config.NumberColumn("Series", format="localized"),
            "rows_seen": st.column_config.NumberColumn("Values seen", format="localized"),
            "rows_added": st.column_config.NumberColumn("New", format="localized"),
        },
        most=8,
    )  # fmt: skip


def doctor() -> None:
    """What the last look at the whole installation found."""
    st.subheader("What the doctor found")
    if snapshot.then:
        st.write("Findings are of the present; they are shown on the newest day.")
        return
    found = queries.findings()
    if not found:
        st.write("Nobody has looked yet. `regime doctor` looks at the whole installation.")
        return
    now = queries.now()
    st.write(
        f"Newest look: {age_words(now - max(one.at for one in found))}. `regime doctor` looks "
        "again at everything; `regime run` at what it does."
    )
    rows = pd.DataFrame(
        {
            "state": WELL[one.check.state],
            "check": one.check.name,
            "words": one.check.words,
            "next": one.check.advice,
            "by": one.by,
            "looked": age_words(now - one.at),
        }
        for one in found
    )
    titles = ["State", "Check", "What was found", "What to do", "By", "Looked"]
    bad = rows[rows["state"] != WELL[State.OK]]
    for row in bad.to_dict("records"):
        st.markdown(
            f"- **{row['state']}: {escaped(row['check'])}.** {escaped(row['words'])} "
            f"{escaped(row['next'])}"
        )
    widgets.table(rows, "findings", columns=dict(zip(rows, titles, strict=True)), most=12)


def age_words(age: pd.Timedelta) -> str:
    """An age as a reader says it."""
    minutes = max(int(age.total_seconds() // 60), 0)
    for size, noun in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count:,} {noun}{'' if count == 1 else 's'} ago"
    return "just now"


def ledger() -> None:
    """The newest rows of what was published."""
    st.subheader("The ledger")
    rows = snapshot.ledger
    if rows.empty:
        st.write("No probability has been published yet; `regime run` or `regime score` does.")
        return
    st.write(
        "Every published probability, append-only; each row holds the hash of the one before. "
        f"{len(rows):,} rows of models that were in service, the newest of "
        f"{day_words(rows['date'].max())}. "
        "`regime ledger verify` checks every hash."
    )
    newest = rows.sort_values("seq").iloc[::-1].head(60)
    kept = ["seq", "date", "horizon", *REGIMES, "state", "model_version", "published_at"]
    if newest["corrects"].notna().any():
        kept += ["corrects", "why"]
    shown = newest[kept].assign(
        hash=newest["hash"].str[:12], **{name: 100 * newest[name] for name in REGIMES}
    )
    share = {
        name: st.column_config.NumberColumn(SHORT[Regime(name)], format="%.1f%%")
        for name in REGIMES
    }
    widgets.table(
        _shown(shown), "ledger", data=rows,
        columns={
            "seq": "Row", "date": _days("Close of"), "horizon": "Sessions ahead", **share,
            "state": "State", "model_version": "Version", "corrects": "Corrects row", "why": "Why",
            "published_at": _moment("Published, UTC"), "hash": "Hash begins",
        },
        most=9,
    )  # fmt: skip


snapshot = widgets.page("Data", "Vintage", "Quarantine", "DEGRADED", "HELD", "Ledger")
of_the_store()
doctor()
ledger()

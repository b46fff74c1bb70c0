"""The weekly note: one page that says what the app says, from one Friday to the next.

Everything comes from a snapshot as it was known at the week's last close, so that the note is
what the app shows when its time machine stands on that day.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from regime.brief import today
from regime.brief.data import BASKETS, MODEL, PUBLISHERS, needs
from regime.brief.drawing import bars, ribbon
from regime.brief.signal_words import short
from regime.brief.signals import headline
from regime.brief.snapshot import Snapshot
from regime.brief.sure import been_right, how_sure
from regime.brief.watched import note_rows
from regime.brief.week import Week, sessions_of, unpublished
from regime.brief.why import (
    PROPORTIONS,
    adds_up,
    change_of,
    opening,
    other_answer,
    sentence,
    steps,
    why_not,
)
from regime.data import baskets as basket_sets
from regime.data.catalog import CATALOG
from regime.movement import words as moved_words
from regime.taxonomy import REGIMES, Regime
from regime.tracking.wording import day_words, listed, moment_words

A_QUARTER = 63  # sessions that are drawn
_AT_ONCE = "At the close"
_WHOM = {
    Regime.MEGA_CAP_LED: "Giants",
    Regime.BROADENING: "Average large company",
    Regime.SMALL_CAP_LED: "Small companies",
}


def html(facts: Mapping[str, Any]) -> str:
    """The note as a page that needs nothing beside it; whatever comes from data is text in it."""
    template = files("regime.brief").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(facts)


def weekly(
    then: Snapshot,
    week: Week,
    *,
    moved: pd.DataFrame | None,
    roster: Mapping[str, Any] | None,
    behind: int,
    signals: pd.DataFrame | None,
    version: str,
    command: str,
) -> dict[str, Any]:
    """All that the note says, as words and drawings.

    Parameters
    ----------
    then : as known on `week.day`
    moved : DataFrame of `week.moved_over`, or None
    roster : what `tracking.roster` kept of the versions; None if nothing was
    behind : sessions that had closed since `week.day` when this was asked
    signals : DataFrame of `brief.signals.signal_table` of `week.day`, or None
    version : of this package
    command : that makes this note again
    """
    about = then.about
    before, now = spoken(then, week.before), spoken(then, week.day)
    state = today.state_of(then)
    return {
        "title": f"Equity leadership: week to the close of {day_words(week.day)}",
        "simulated": about["simulated"],
        "day": day_words(week.day),
        "columns": [f"{day.day} {day:%b %Y}" for day in (week.before, week.day)],
        "since": day_words(week.before),
        "warnings": warnings(week, behind),
        "state": state.name,
        "state_words": f"{state.words} {state.moment}",
        "call": str(then.call["words"]),
        "call_words": call_words(then, week),
        "away": away_words(before, now, week),
        "probabilities": probabilities(before, now),
        "bars": bars({f"{day.day} {day:%b}": one for day, one in
                      ((week.before, before), (week.day, now))}),
        "ribbon": ribbon(then.probabilities(0).iloc[-A_QUARTER:], week.before),
        "moved": [] if moved is None else _moved(moved),
        "unsplit": unsplit_words(then, week),
        "returns": return_rows(then, week),
        "why": why(then),
        "proportions": PROPORTIONS,
        "flips": today.flips_of(then),
        "signals": None if signals is None else {"words": headline(signals), **note_rows(signals)},
        "right": [f"{ahead(one.horizon)}: {one.words}" for one in how_sure(then)],
        "been_right": been_right(then),
        "edge": today.edge_of(then, roster),
        "fresh": fresh_words(then),
        "sources": source_rows(about),
        "again": again(then, version, command),
    }  # fmt: skip


def spoken(then: Snapshot, day: pd.Timestamp) -> pd.DataFrame:
    """What is said of a day: indexed by horizon, a column per regime."""
    rows = then.scores[then.scores["date"] == day]
    return rows.set_index("horizon")[list(REGIMES)].sort_index()


def ahead(horizon: int) -> str:
    """Of which close a probability speaks."""
    return f"{horizon} sessions on" if horizon else _AT_ONCE


# The call and its probabilities


def warnings(week: Week, behind: int) -> list[str]:
    """What a reader must know before any number."""
    found = []
    if week.day < week.last:
        found.append(
            f"The week's last session was that of {day_words(week.last)}; it has no probabilities, "
            f"so this note ends at the close of {day_words(week.day)}."
        )
    if behind > 0:
        found.append(
            f"When this note was made, {behind:,} {'session' if behind == 1 else 'sessions'} had "
            f"closed since {day_words(week.day)}."
        )
    return found


def call_words(then: Snapshot, week: Week) -> list[str]:
    """Status, both dates, direction, and the call of a week before."""
    call = today.call_of(then)
    former = str(then.calls.set_index("date")["words"][week.before])
    week_before = (
        f"A week before, at the close of {day_words(week.before)}, the call was "
        f"{'the same' if former == call.words else former}."
    )
    told = [call.means, call.called, call.hindsight, call.qualifier, week_before]
    return [words for words in told if words]


def away_words(before: pd.DataFrame, now: pd.DataFrame, week: Week) -> list[str]:
    """Probability that the giants do not lead, from close to close."""
    was, is_ = (1 - one[Regime.MEGA_CAP_LED] for one in (before, now))
    return [
        f"{ahead(int(horizon))}: from {was[horizon]:.0%} at the close of {day_words(week.before)} "
        f"to {is_[horizon]:.0%} at the close of {day_words(week.day)}."
        for horizon in now.index.intersection(before.index)
    ]


def probabilities(before: pd.DataFrame, now: pd.DataFrame) -> list[dict[str, Any]]:
    """By horizon, a row per regime; the change is that of the whole points shown."""
    told = []
    for horizon in now.index.intersection(before.index):
        rows = []
        for name in REGIMES:
            was, is_ = (round(100 * float(one.loc[horizon, name])) for one in (before, now))
            change = f"{is_ - was:+d}" if is_ != was else "0"
            rows.append(
                {"regime": short(name), "before": f"{was}%", "now": f"{is_}%", "change": change}
            )
        told.append({"ahead": ahead(int(horizon)), "rows": rows})
    return told


def _moved(moved: pd.DataFrame) -> list[str]:
    # At a close that is behind the reader "now" would be another day's.
    told = moved_words(moved.astype({"revision": np.float64}))
    return [one.replace(" now ", " at the close ", 1).replace("->", "to") for one in told]


def unsplit_words(then: Snapshot, week: Week) -> str:
    """Why the change of a week cannot be split, where it cannot."""
    lacking = [day_words(one) for one in unpublished(then, week)]
    so = "so the change cannot be split into market, data revisions and model"
    if not lacking:
        return f"What was told of the days does not lead from close to close, {so}"
    if len(lacking) == 1:
        return f"The close of {lacking[0]} was not published, {so}"
    return f"The closes of {listed(lacking)} were not published, {so}"


# The market


def return_rows(then: Snapshot, week: Week) -> list[dict[str, str]]:
    """Simple returns and leads over the week's sessions; a lead is in standard deviations."""
    days = sessions_of(week)
    returns = then.conditions.set_index("date").reindex(days)
    leads = then.leads.set_index("date").reindex(days)
    legs = basket_sets.get(str(then.about["baskets"])).legs
    rows = [
        {
            "name": f"{_WHOM[regime]} ({', '.join(legs[regime])})",
            "return": _percent(returns.get(f"return_{regime}")),
            "lead": _sum(leads[regime]),
        }
        for regime in Regime
    ]
    market = {"name": "US market", "return": _percent(returns.get("market_return")), "lead": "-"}
    return [*rows, market]


def _percent(returns: "pd.Series[float] | None") -> str:
    if returns is None or returns.isna().any() or returns.empty:
        return "not known"
    return f"{np.expm1(returns.sum()):+.1%}"


def _sum(values: "pd.Series[float]") -> str:
    return "not known" if values.isna().any() or values.empty else f"{values.sum():+.1f}"


# What stands behind it


def why(then: Snapshot) -> dict[str, Any]:
    """Shapley shares in the change of a regime over the month, or why there are none.

    The called regime or, where it hardly moved, the one that moved most.
    """
    called, change = str(then.call["regime"]), change_of(then, 0)
    if change is None:
        return {"words": [why_not(then)], "rows": [], "total": "", "regime": ""}
    shown = opening(change, called)
    told = [] if shown == called else [sentence(change, called)]
    told += [sentence(change, shown), other_answer(then, change), adds_up(change)]
    rows = [
        {"name": str(row["words"]), "share": f"{row['share']:+.3f}"}
        for row in steps(change, shown).to_dict("records")
    ]
    words = [one for one in told if one]
    total = f"{change.moved[shown]:+.3f}"
    return {"words": words, "rows": rows, "total": total, "regime": today.in_text(shown)}


def fresh_words(then: Snapshot) -> list[str]:
    """How new the figures were, and what lacked."""
    about = then.about
    missing = ", ".join(str(one) for one in about["missing"])
    known = "Of this day it was not kept as of which moment figures were known."
    if about["known_at"]:
        known = f"The figures are those known on {moment_words(pd.Timestamp(about['known_at']))}."
    lacked = f"Of them {missing} had not come." if missing else ""
    return [one for one in (known, lacked, *map(str, about["notes"])) if one]


def source_rows(about: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every series that the baskets and the model need."""
    needed = {name: by for name, by in needs(about).items() if by in (BASKETS, MODEL)}
    order = sorted(needed, key=lambda name: (needed[name] != BASKETS, name))
    return [
        {
            "series": name,
            "title": CATALOG[name].title if name in CATALOG else "not in the catalogue",
            "publisher": PUBLISHERS.get(name, "unknown"),
            "needed": f"the {needed[name]}",
        }
        for name in order
    ]


def again(then: Snapshot, version: str, command: str) -> list[tuple[str, str]]:
    """What there is to know to make these numbers again."""
    about, ledger = then.about, then.ledger
    mine = ledger[ledger["date"] == then.day]
    told = [
        ("Day", f"{then.day:%Y-%m-%d}"),
        ("Model", f"{about['experiment']}, version {about['model_version']}"),
        ("Baskets", str(about["baskets"])),
        ("Trained until", str(about["trained_until"]) or "not kept"),
        ("Panel digest", str(about["panel_digest"]) or "not kept"),
        ("Known at", str(about["known_at"]) or "not kept"),
    ]
    if len(ledger):
        head = ledger.sort_values("seq").iloc[-1]
        told.append(("Ledger head", f"row {head['seq']}, {head['hash']}"))
    if len(mine):
        told.append(("Code", str(mine["code_version"].iloc[-1])))
    return [*told, ("Package", version), ("Command", command)]

"""A model card as sections of words and tables, which page and artefact both show.

Everything here is plain text, some of it out of an experiment file: whoever shows it escapes it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from regime.data.series import Frequency
from regime.taxonomy import Regime
from regime.tracking.card_limits import ahead, limits, rival_words
from regime.tracking.wording import (
    FEW_EPISODES,
    SHORT,
    edge_words,
    horizon_name,
    interval_words,
)

_NONE = "-"
_PERIOD = {
    Frequency.WEEKLY: "week", Frequency.TWICE_MONTHLY: "half-month", Frequency.MONTHLY: "month",
    Frequency.QUARTERLY: "quarter", Frequency.YEARLY: "year",
}  # fmt: skip
_BASIS = {
    "published": "as first published",
    "vintage": "each revision with its day",
    "revised": "latest revision only",
    "reconstructed": "computed later",
}


class Section(NamedTuple):
    """Of a card: words, then a table, then points; any of them may be missing."""

    title: str
    words: str = ""
    table: pd.DataFrame | None = None
    points: tuple[str, ...] = ()


def sections(card: dict[str, Any]) -> list[Section]:
    """All of the card but its first paragraph; tables hold text, as it is to be shown."""
    return [
        _scores(card),
        Section("What it cannot do", points=tuple(limits(card))),
        _certainty(card),
        _decades(card),
        _calibration(card),
        _worst(card),
        _value(card),
        _training(card),
        _features(card),
        _series(card),
        _made(card),
    ]


def _scores(card: dict[str, Any]) -> Section:
    rows = card["horizons"]
    scored = [row["climatology_log_loss"] for row in rows]
    climatology = {"climatology": [_number(loss) for loss in scored]} if any(scored) else {}
    table = {
        "days ahead": [row["horizon"] for row in rows],
        "log loss": [_number(row["log_loss"]) for row in rows],
        "filter": [_number(row["filter_log_loss"]) for row in rows],
        **climatology,
        "label entropy": [_number(row["label_entropy"]) for row in rows],
        "edge [90%]": [edge_words(row) for row in rows],
    }
    return Section(
        "How good it is",
        "Log loss in nats, lower is better. The filter is a regression on the path's three "
        "scores, refitted on the same days. Edge: the filter's loss less the model's, with "
        "its 90% interval; where that spans zero the two cannot be told apart. Label entropy: "
        "what saying each day how often each regime led in the test would have scored, which "
        "no forecast that never changes can beat.",
        pd.DataFrame(table),
    )


def _certainty(card: dict[str, Any]) -> Section:
    rows = card["horizons"]
    blocks = " / ".join(rows[0]["edge_se_by_block"]) if rows else ""
    table = {
        "days ahead": [row["horizon"] for row in rows],
        f"s.e., blocks of {blocks}": [
            " / ".join(_number(error) for error in row["edge_se_by_block"].values()) for row in rows
        ],
        "detectable edge": [_number(row["detectable_edge"]) for row in rows],
        "p": [_number(row["dm_p"]) for row in rows],
        "over label entropy [90%]": [
            _edge(row["over_entropy"], row["n_episodes"]) for row in rows
        ],
        "episodes": [row["n_episodes"] for row in rows],
    }  # fmt: skip
    return Section(
        "How sure that is",
        "Standard errors of the edge over the filter from a stationary bootstrap with mean "
        "blocks of so many days. Detectable: the smallest true edge that would be found four "
        "times in five. p: of the Diebold-Mariano test. Episodes: about as many outcomes are "
        "independent, however many days there are.",
        pd.DataFrame(table),
    )


def _decades(card: dict[str, Any]) -> Section:
    rows = card["horizons"]
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        for entry in row["by_decade"]:
            line = found.setdefault(entry["decade"], {"decade": entry["decade"]})
            line.setdefault("days", f"{entry['n_days']:,}")
            line.setdefault("episodes", str(entry["n_episodes"]))
            shown = {"edge": entry["edge"], "low": entry["edge_low"], "high": entry["edge_high"]}
            same = row["edge"] == 0 == row["edge_se"]
            line[horizon_name(row["horizon"])] = (
                _NONE if same else _edge(shown, entry["n_episodes"])
            )
    if not found:
        return Section("Edge by decade", "There is no score by decade.")
    return Section(
        "Edge by decade",
        "Edge over the filter on each decade's days, in nats, with a 90% interval where it was "
        f"computed and the decade has {FEW_EPISODES} episodes. Days and episodes: of the first "
        "horizon that reaches it.",
        pd.DataFrame(found.values()).fillna(_NONE),
    )


def _calibration(card: dict[str, Any]) -> Section:
    rows = card["horizons"]
    faults = [row["calibration"] for row in rows]
    table = {
        "days ahead": [row["horizon"] for row in rows],
        "ECE [90%]": [_span(one["error"], one["low"], one["high"]) for one in faults],
        "if faultless [90%]": [
            _span(one["calibrated_mean"], one["calibrated_low"], one["calibrated_high"])
            for one in faults
        ],
        "beyond chance": ["yes" if one["beyond_chance"] else "no" for one in faults],
    }
    return Section(
        "Does it come true as often as it says?",
        "ECE: the mean gap between what was said and how often it was so. Probabilities "
        "without fault show one too, by chance: the third column says how much.",
        pd.DataFrame(table),
        tuple(_said(row) for row in rows),
    )


def _said(row: dict[str, Any]) -> str:
    said, when = row["when_said"], ahead([row["horizon"]])
    if not said["n_days"]:
        return f"{when}: it never said about {said['around']:.0%}."
    noun = "episode" if said["n_episodes"] == 1 else "episodes"
    return (
        f"{when}: when it said {said['said']:.0%}, it was so {said['so']:.0%} of the time "
        f"({said['n_days']:,} days in {said['n_episodes']} {noun})."
    )


def _worst(card: dict[str, Any]) -> Section:
    table = [
        {
            "when": f"{_date(row['from'])} to {_date(row['to'])}",
            "days": row["n_days"],
            "led": _short(row["regime"]),
            "log loss": _number(row["log_loss"]),
            "said on average": ", ".join(
                f"{_short(name)} {share:.0%}" for name, share in row["said"].items()
            ),
        }
        for row in card["worst"]
    ]
    when = horizon_name(min((row["horizon"] for row in card["horizons"]), default=0))
    return Section(
        "Where it was most wrong",
        f"The settled episodes of the test with the highest mean log loss, {when}. Saying one "
        "third to each scores 1.099.",
        pd.DataFrame(table),
    )


def _value(card: dict[str, Any]) -> Section:
    if card["value"] is None:
        return Section("What it earned after costs", "Not measured for this card.")
    table = [
        {
            "against": rival_words(row["rival"], card),
            "cost, bp": f"{row['cost_bp']:g}",
            "spread a year [90%]": _spread(row),
            "turnover a year": _number(row.get("turnover"), "{:.1f}"),
            "break-even, bp": _number(row.get("break_even_bp"), "{:.0f}"),
            "verdict": row["verdict"],
        }
        for row in card["value"]
    ]
    return Section(
        "What it earned after costs",
        "Three baskets held in the proportions of the probabilities, traded a close later. "
        "Cost per unit of turnover. Spread: mean yearly return less that of each rival, both "
        "after costs.",
        pd.DataFrame(table),
    )


def _training(card: dict[str, Any]) -> Section:
    training = card["training"]
    met = ", ".join(f"{_short(name)} {number}" for name, number in training["episodes"].items())
    table = [
        {
            "days ahead": row["horizon"],
            **({"member": row["member"]} if row["member"] else {}),
            "first day": _date(row["from"]),
            "last day": _date(row["to"]),
            "rows": f"{row['n_rows']:,}" + _share(row["every"]),
        }
        for row in training["horizons"]
    ]
    return Section(
        "What it learned from",
        f"Days whose label was settled by {training['trained_until']}. Settled episodes behind "
        f"them: {met}.",
        pd.DataFrame(table),
    )


def _features(card: dict[str, Any]) -> Section:
    """Neighbours that share family, unit and reason share a row."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in card["features"]:
        name = row["name"] + ("" if row["used"] else " (not used)")
        alike.setdefault((row["family"], row["unit"], row["why"]), []).append(name)
    if not alike:
        return Section("What it reads", "Nothing: it says the same every day.")
    table = [
        {"feature": f"{family}: {', '.join(names)}", "unit": unit, "why": why}
        for (family, unit, why), names in alike.items()
    ]
    return Section(
        "What it reads",
        f"{len(card['features'])} features, each from that day's panel and before.",
        pd.DataFrame(table),
    )


def _series(card: dict[str, Any]) -> Section:
    table = [
        {
            "series": row["id"],
            "what": f"{row['title']}; {row['unit']}",
            "known": f"{_known(row)}; {_BASIS.get(row['basis'], row['basis'])}",
        }
        for row in card["series"]
    ]
    return Section(
        "The series behind it",
        "Those of its features, and of the baskets its label is made of: when a value counts as "
        "known, and what its stored past is.",
        pd.DataFrame(table),
    )


def _made(card: dict[str, Any]) -> Section:
    model = card["model"]
    legs = "; ".join(f"{_short(name)}: {', '.join(legs)}" for name, legs in model["legs"].items())
    facts = {
        "question": model["question"] or _NONE,
        "kind": model["kind"],
        "members": "; ".join(_member(one) for one in model["members"]),
        "parameters": ", ".join(f"{key} = {_words(one)}" for key, one in model["params"].items())
        or "defaults",
        "baskets": f"{model['baskets']} ({legs})",
        "history before them": model["history"] or "",
        "switching cost": f"{model['switching_cost']:g} standard deviations of lead",
        "slow features standardised over": f"{model['window']:,} trading days",
        "refitted in the test": f"every {model['refit_every']} trading days",
        "configurations ever scored": _NONE
        if card["n_configurations"] is None
        else f"{card['n_configurations']:,}",
        "registered": f"{pd.Timestamp(card['registered_at']):%Y-%m-%d %H:%M} UTC",
        "code": card["code_version"],
        "panel": card["panel_digest"],
    }
    rows = [{"": name, "value": words} for name, words in facts.items() if words]
    return Section("How it was made", table=pd.DataFrame(rows).rename(columns={"": "what"}))


def _known(row: dict[str, Any]) -> str:
    lag = row["lag"]
    if row["frequency"] in _PERIOD:
        return f"{lag} days after its {_PERIOD[row['frequency']]} ends"
    if lag == 0:
        return "at that day's close"
    return f"{lag} session{'' if lag == 1 else 's'} later"


def _spread(row: dict[str, Any]) -> str:
    low, high = row["spread_low"], row["spread_high"]
    interval = "" if low is None or high is None else f" [{low:+.1%}, {high:+.1%}]"
    return f"{row['spread']:+.1%}{interval}"


def _edge(row: dict[str, Any], n_episodes: int) -> str:
    return interval_words(row["edge"], row["low"], row["high"], n_episodes)


def _span(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _number(value: Any, form: str = "{:.3f}") -> str:
    return _NONE if value is None else form.format(value)


def _date(day: str) -> str:
    return f"{pd.Timestamp(day):%d %b %Y}"  # unlike an ISO date it breaks where there is space


def _short(regime: str) -> str:
    return SHORT[Regime(regime)]


def _share(every: int) -> str:
    return "" if every == 1 else f", one day in {every}"


def _member(member: dict[str, Any]) -> str:
    weights = ", ".join(
        f"{horizon_name(int(horizon))} {weight:.2f}"
        for horizon, weight in member["weights"].items()
    )
    return f"{member['name']} ({member['kind']}; weight {weights})"


def _words(value: Any) -> str:
    """A plain value as one would write it down."""
    if isinstance(value, dict):
        return value.get("name") or ", ".join(
            f"{key} = {_words(one)}" for key, one in value.items()
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_words(one) for one in value)}]"
    return str(value)

"""A model card in Markdown: the artefact, and the first paragraph that describes the version."""

import re
from typing import Any

import pandas as pd

from regime.tracking.card_limits import BETTER, SAME, TOO_FEW, WORSE, ahead, versus
from regime.tracking.card_sections import sections
from regime.tracking.wording import edge_words

SIMULATED = "SIMULATED market: no real prices. These numbers say nothing about real ones."
# Between letters an underscore is a letter; elsewhere it may begin something.
_SPECIAL = re.compile(
    r"[\\`*~|<>$]|(?<![^\W_])_|_(?![^\W_])|\](?=[\[(:])|:(?=[A-Za-z/])|&(?=#?\w+;)"
)
_OPENING = re.compile(r"^(?:(\d+)(?=[.)](?:\s|$))|(?=[-+=#]+(?:\s|$)))")


def escaped(text: str) -> str:
    """Text as Markdown that shows it as it is, on one line.

    A renderer that makes links of bare addresses will do so still, to what they say.
    """
    line = _SPECIAL.sub(lambda found: "\\" + found.group(), " ".join(str(text).split()))
    return _OPENING.sub(lambda found: (found.group(1) or "") + "\\", line)


def first_paragraph(card: dict[str, Any]) -> str:
    """What describes the version: `summary`, and before it that the market is simulated."""
    return f"{SIMULATED} {summary(card)}" if card["simulated"] else summary(card)


def summary(card: dict[str, Any]) -> str:
    """What the version is and how good it was, in a few sentences of plain text."""
    model, test = card["model"], card["test"]
    kind = "" if model["kind"] == model["experiment"] else f" ({model['kind']})"
    horizons = ahead([row["horizon"] for row in card["horizons"]])
    found = " ".join(_verdict(row) for row in card["horizons"])
    return (
        f"{model['experiment']}{kind}, fitted on {model['baskets']} baskets until "
        f"{card['training']['trained_until']}, says how probable it is that each of three "
        f"baskets of US companies leads {horizons[:1].lower() + horizons[1:]}. Judged on "
        f"{test['n_days']:,} days and {test['n_episodes']} episodes it had not seen, "
        f"{test['from']} to {test['to']}. {found} It gives a nowcast of hindsight and promises "
        "no returns."
    )


def card_markdown(card: dict[str, Any]) -> str:
    """The whole card, with nothing of its data read as markup."""
    model = card["model"]
    parts = [f"# Model card: {escaped(model['experiment'])}"]
    parts += [f"**{SIMULATED}**"] if card["simulated"] else []
    parts += [escaped(summary(card))]
    for section in sections(card):
        parts.append(f"## {section.title}")
        parts += [escaped(section.words)] if section.words else []
        if section.table is not None:
            parts.append(_table(section.table))
        if section.points:
            parts.append("\n".join(f"- {escaped(words)}" for words in section.points))
    return "\n\n".join(parts) + "\n"


def _verdict(row: dict[str, Any]) -> str:
    said = versus(row["edge"], row["edge_low"], row["edge_high"], row["n_episodes"])
    words = {
        BETTER: "better than the filter's",
        WORSE: "worse than the filter's",
        SAME: "the filter's own",
        TOO_FEW: "on too few episodes to compare",
    }.get(said, "not to be told from the filter's")
    when = ahead([row["horizon"]])
    interval = "" if said in (SAME, TOO_FEW) else f" (edge {edge_words(row)})"
    return f"{when}: log loss {row['log_loss']:.3f}, {words}{interval}."


def _table(table: pd.DataFrame) -> str:
    lines = [[escaped(str(name)) for name in table.columns], ["---"] * table.shape[1]]
    lines += [[escaped(str(cell)) for cell in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

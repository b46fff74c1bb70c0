"""What a version cannot do, in sentences that follow from the numbers of its card."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from regime.data.series import Basis
from regime.evaluation.rotation import JUDGED_AT_BP
from regime.taxonomy import Regime
from regime.tracking.wording import FEW_EPISODES, listed

BETTER, WORSE, UNCLEAR = "better", "worse", "cannot be told apart"
SAME, TOO_FEW = "the same", "too few episodes"
ALWAYS = {
    Regime.MEGA_CAP_LED.value: "always-mega",
    Regime.BROADENING.value: "always-broad",
    Regime.SMALL_CAP_LED.value: "always-small",
}
_MOST = 6  # names in a sentence
_PASTS = {
    Basis.REVISED: "only the latest revision is known, and it may tell the past better than "
    "anybody knew it at the time",
    Basis.RECONSTRUCTED: "the history was computed later: nobody saw it at those closes",
}


def versus(edge: float, low: float, high: float, n_episodes: int) -> str:
    """What an edge and its interval allow to be said: one of five constants of this module."""
    if edge == low == high == 0:
        return SAME
    if n_episodes < FEW_EPISODES:
        return TOO_FEW
    return BETTER if low > 0 else WORSE if high < 0 else UNCLEAR


def ahead(horizons: Sequence[int]) -> str:
    """The horizons, to begin a sentence with: "Now, 21 and 63 days ahead"."""
    days = [str(horizon) for horizon in sorted(horizons) if horizon]
    words = ["now"] if 0 in horizons else []
    words += [*days[:-1], f"{days[-1]} days ahead"] if days else []
    said = _list(words)
    return said[:1].upper() + said[1:]


def rival_words(rival: str, card: dict[str, Any]) -> str:
    """What a portfolio is compared with: a mix, the filter, or a basket held alone."""
    legs = card["model"]["legs"].get(rival)
    return (
        f"the {rival.replace('_', ' ')}" if legs is None else f"{ALWAYS[rival]} ({'+'.join(legs)})"
    )


def limits(card: dict[str, Any]) -> list[str]:
    """One sentence or two per limit; what does not hold for this card is left out.

    Parameters
    ----------
    card : what `card.card_of` returns
    """
    return [
        *_of_the_label(card),
        *_of_the_data(card),
        *_of_each_horizon(card["horizons"]),
        *_of_the_decades(card["horizons"]),
        *_of_the_search(card),
        *_of_the_value(card),
    ]


def _of_the_label(card: dict[str, Any]) -> Iterator[str]:
    model, training = card["model"], card["training"]
    yield (
        "It gives a nowcast of hindsight and promises no returns. Who led on a day was settled "
        f"only {training['settled_after_median']} sessions later in the median, "
        f"{training['settled_after_95']} for the slowest in twenty."
    )
    legs = ", ".join("+".join(series) for series in model["legs"].values())
    yield (
        f"Its label is a choice: three baskets ({legs}) and a change of leader that must earn "
        f"{model['switching_cost']:g} standard deviations. Other choices name other leaders on "
        "some days."
    )


def _of_the_data(card: dict[str, Any]) -> Iterator[str]:
    model, test, series = card["model"], card["test"], card["series"]
    if model["history"] is not None:
        yield (
            f"Its funds are young: judged on them from {test['from']} to {test['to']}, it has met "
            f"{_count(test['n_episodes'], 'episode')}. Before there were such funds it learned "
            f"from the {model['history']} baskets, which resemble them and are not the same."
        )
    if members := [row["id"] for row in series if row["survivors"]]:
        yield (
            "Breadth over members is that of survivors: prices of companies that have left the "
            f"index are missing, more of them the further back ({_list(members)})."
        )
    for basis, words in _PASTS.items():
        if leaned := [row["id"] for row in series if row["basis"] == basis]:
            yield f"Of {_list(leaned)} {words}."
    idle = [row["name"] for row in card["features"] if not row["used"]]
    if idle:
        yield f"It was to read {_list(idle)} too, but had too little of them to learn from."
    gone = [row["name"] for row in card["features"] if row["used"] and row["current"] is False]
    if gone:
        yield (
            f"{_list(gone)} had not come in for most of the last year of training: it does "
            "without them now."
        )


def _of_each_horizon(rows: list[dict[str, Any]]) -> Iterator[str]:
    against_filter = _by_verdict(rows, "edge", "edge_low", "edge_high")
    if alike := against_filter.get(SAME):
        yield f"{_when(alike)} it says what the filter says: there is no edge to claim."
    if few := against_filter.get(TOO_FEW):
        found = _list([f"{row['n_episodes']}" for row in few])
        yield f"{_when(few)} there are too few episodes to compare it with anything: {found}."
    if unclear := against_filter.get(UNCLEAR):
        seen = _list([f"{row['detectable_edge']:.3f}" for row in unclear])
        yield (
            f"{_when(unclear)} it cannot be told from the filter; a true edge below {seen} nats "
            "may well have gone unnoticed."
        )
    if worse := against_filter.get(WORSE):
        by = _list([_interval(row["edge"], row["edge_low"], row["edge_high"]) for row in worse])
        yield f"{_when(worse)} it is worse than the filter: {by} nats."

    flat = [{**row, **row["over_entropy"]} for row in rows]
    against_none = _by_verdict(flat, "edge", "low", "high")
    for verdict, words in ((UNCLEAR, "cannot be told from"), (WORSE, "is worse than")):
        if found_so := against_none.get(verdict):
            by = _list([_interval(row["edge"], row["low"], row["high"]) for row in found_so])
            yield (
                f"{_when(found_so)} it {words} saying every day how often each regime led in the "
                f"test, which is climatology at its best: {by} nats."
            )
    if faulty := [row for row in rows if row["calibration"]["beyond_chance"]]:
        missed = _list([f"{row['calibration']['error']:.3f}" for row in faulty])
        by_luck = _list([f"{row['calibration']['calibrated_high']:.3f}" for row in faulty])
        yield (
            f"{_when(faulty)} its probabilities do not come true as often as they say: they miss "
            f"by {missed} on average, faultless ones by no more than {by_luck} "
            "in 95 of 100 histories."
        )


def _by_verdict(rows: list[dict[str, Any]], *names: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        edge, low, high = (row[name] for name in names)
        found.setdefault(versus(edge, low, high, row["n_episodes"]), []).append(row)
    return found


def _of_the_decades(rows: list[dict[str, Any]]) -> Iterator[str]:
    lost: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        decades = tuple(entry["decade"] for entry in row["by_decade"] if entry["edge"] < 0)
        lost.setdefault(decades, []).append(row)
    for decades, alike in lost.items():
        if decades:
            every = len(decades) == len(alike[0]["by_decade"])
            whole = ", which are all there are" if every else ""
            yield f"{_when(alike)} it lost to the filter in the {_list(decades)}{whole}."


def _of_the_search(card: dict[str, Any]) -> Iterator[str]:
    tried = card["n_configurations"]
    if tried is None:
        yield "Nobody has counted how many configurations were tried on this test period."
    elif tried > 1:
        yield (
            f"{tried} configurations were scored where this one was, so the test period has been "
            "looked at: the best of many is better than it deserves to be."
        )


def _of_the_value(card: dict[str, Any]) -> Iterator[str]:
    value = [row for row in card["value"] or [] if row["cost_bp"] == JUDGED_AT_BP]
    if not value:
        yield (
            f"What its probabilities earn at a cost of {JUDGED_AT_BP:g} bp was not measured for "
            "this card."
        )
    elif none := [row["rival"] for row in value if not has_edge(row)]:
        yield (
            f"Held as a portfolio at a cost of {JUDGED_AT_BP:g} bp, its probabilities show no "
            f"trading edge over {_list([rival_words(name, card) for name in none])}."
        )


def has_edge(row: Mapping[str, Any]) -> bool:
    """Whether a row of `rotation.value` tells a trading edge from chance."""
    return str(row["verdict"]).startswith("a trading edge")


def _when(rows: list[dict[str, Any]]) -> str:
    return ahead([row["horizon"] for row in rows])


def _interval(edge: float, low: float, high: float) -> str:
    return f"{edge:+.3f} [{low:+.3f}, {high:+.3f}]"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _list(names: Sequence[str]) -> str:
    return listed(names, _MOST)

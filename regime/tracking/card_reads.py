"""What a registered version reads: features as declared, and the series they are made of."""

from typing import Any

from regime.bundle import Bundle, columns_read, features, features_kept
from regime.data import baskets as basket_sets
from regime.data import catalog
from regime.data.declared import breadth
from regime.features.assembly import FAMILIES, PATH, series_behind
from regime.features.leadership import CONFIRMED, SCORE, SINCE_CONFIRMED
from regime.models.assembly import input_sets

# The set `path` is no list of `Feature`s, so its units and reasons are said here.
_EARNED = ("standard deviations of lead, at most 0", "What the best path ending there earned.")
_PATH = {
    **dict.fromkeys(SCORE.values(), _EARNED),
    **dict.fromkeys(CONFIRMED.values(), ("0 or 1", "Who led the newest settled day.")),
    SINCE_CONFIRMED: ("trading days", "How old that news is."),
}
_MARKET = {"mkt_rf", "rf"}  # the market's return before the fund's second year
_MEMBERS = {series.id for series in breadth.SERIES}


def features_read(bundle: Bundle) -> list[dict[str, Any]]:
    """Declared features, and whether any horizon's model was left with them."""
    config = bundle.config
    window = features(config, bundle.baskets).window
    rows: dict[str, dict[str, Any]] = {}
    for family in input_sets(config):
        if family == PATH:
            declared = [(name, *words) for name, words in _PATH.items()]
        else:
            found = FAMILIES[family](window)
            declared = [(feature.name, feature.unit, feature.why) for feature in found]
        for name, unit, why in declared:
            rows[name] = {"family": family, "name": name, "unit": unit, "why": why}
    wanted = columns_read(config, list(rows))
    used = {name for one in bundle.classifiers.values() for name in features_kept(one, wanted)}
    return [
        rows[name] | {"used": name in used, "current": _current(bundle, name)} for name in wanted
    ]


def _current(bundle: Bundle, name: str) -> bool | None:
    """Whether it was known in the last year of training; None where nobody looked."""
    return name in bundle.expects if bundle.expects else None


def series_read(bundle: Bundle, read_by_it: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Series behind features and label, with when they are known and how true their past is."""
    own = basket_sets.get(bundle.baskets)
    history = basket_sets.get(own.history).series if own.history else []
    window = features(bundle.config, bundle.baskets).window
    names = [row["name"] for row in read_by_it if row["used"]]
    read = {*series_behind(names, baskets=bundle.baskets, window=window)}
    needs = {
        need
        for family in FAMILIES.values()
        for feature in family(window)
        if feature.name in names
        for need in feature.needs
    }
    read |= _MARKET if "market_return" in needs else set()
    rows = []
    for name in sorted(read | {*own.series, *history}):
        series = catalog.get(name)
        rows.append(
            {
                "id": name,
                "title": series.title,
                "unit": str(series.unit),
                "frequency": str(series.frequency),
                "lag": series.lag,
                "basis": str(series.basis),
                "basket": name in own.series,
                "history": name in history,
                "survivors": name in _MEMBERS,
            }
        )
    return rows

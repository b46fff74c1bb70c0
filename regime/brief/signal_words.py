"""A signal as a reader says it: its name, its question, and its values in their unit."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regime.data.catalog import CATALOG, describe_location
from regime.data.declared.own import TABLE as OWN
from regime.data.series import Series
from regime.taxonomy import Regime
from regime.tracking.wording import SHORT

NOT_KNOWN = "not known"
_SPANS = {1: "a day", 5: "a week", 21: "a month", 63: "a quarter", 126: "half a year",
          252: "a year"}  # fmt: skip
_FIFTHS = ("smallest", "second-smallest", "middle", "second-largest", "largest")
_FAMILIES = {
    "path": ("Path so far", "What has each basket earned on the path to today?"),
    "rates": ("Rates", "What does money cost, and which way is that moving?"),
    "valuation": ("Valuation", "What is cheap, and how much do the giants weigh?"),
    "breadth": ("Breadth", "How many companies take part?"),
    "leadership": ("Leadership", "Who has been ahead, and how does the market stand?"),
    "leads": ("Leads of the day", "Who was ahead on the day itself?"),
    "styles": ("Styles", "Do winners and cheap companies still win?"),
    "stress": ("Stress", "How much risk is feared, and how well is it paid?"),
    "sizes": ("Sizes", "Which size of company is ahead?"),
    "sectors": ("Sectors", "Which businesses lead?"),
    "abroad": ("Abroad", "Does the US lead the world?"),
    "calendar": ("Calendar", "What does the season favour?"),
    "companies": ("The giants' books", "Can the giants go on paying for it?"),
    "positioning": ("Positioning", "Who holds what, and where does money flow?"),
    "composite": ("Composite", "How does it all add up?"),
    "economy": ("Economy", "What is the economy doing?"),
    "levels": ("Levels", "How far is it from where it was, or should be?"),
    "yours": ("Your own", "What did you ask to be watched?"),
}
_LEANING = ("The same", "And ")  # so begins a reason that goes on from the one before
_MOST = 3  # series in a sentence
_MOST_NAMED = 8  # series that are asked for


def span(days: int) -> str:
    """So many sessions in words."""
    return _SPANS.get(days, f"{days:,} sessions")


# Names: what the columns of a feature have in common, read once -----------------------

_PARTS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (f"_({'|'.join(Regime)})", lambda one: f", {short(one[1]).lower()}"),
    ("_today$", ", today"),
    (r"_change_(\d+)d$", lambda one: f", change over {span(int(one[1]))}"),
    (r"_above_(\d+)d$", r" above their \1-day average"),
    ("_ahead(?=_)", " ahead of the market"),
    (r"_(\d+)d$", lambda one: f", over {span(int(one[1]))}"),
    (r"^yield_(\d+)y", r"\1-year yield"),
    (r"^curve_(\d+)y_(\d+)y", r"yield curve, \1-year less \2-year"),
    (r"priced_(\d+)y", lambda one: f"priced over {one[1]} year{'s' * (one[1] != '1')}"),
    (r"_q([1-5])$", lambda one: f", {_FIFTHS[int(one[1]) - 1]} fifth"),
    ("_over_", " against "),
    ("^small_cheap", "cheapness of small companies"),
    ("^value_spread_", "value spread inside "),
    ("^deciles", "size deciles"),
    (r"\bmega\b(?!-)", "giants"),
    (r"\bbroad\b", "average company"),
    (r"(?<=against )small\b", "small companies"),
    (r"(?<=inside )(small|large)\b", r"\1 companies"),
    ("_", " "),
    (r"\b(vix|cape)\b", lambda one: one[1].upper()),
    (r"\bbaa\b", "Baa"),
)


def short(regime: str) -> str:
    """A regime in two words."""
    return SHORT[Regime(regime)]


def title_of(declaration: Mapping[str, Any]) -> str:
    """The name of a signal: its own `title`, or one read off its `name`."""
    if own := declaration.get("title"):
        return str(own)
    words = str(declaration["name"])
    for pattern, instead in _PARTS:
        words = re.sub(pattern, instead, words)
    return words[:1].upper() + words[1:]


def family_words(family: str) -> str:
    """A family's name."""
    return _FAMILIES[family][0] if family in _FAMILIES else family[:1].upper() + family[1:]


def question_of(declaration: Mapping[str, Any]) -> str:
    """What it answers: its own `question`, or its family's."""
    if own := declaration.get("question"):
        return str(own)
    family = str(declaration["family"])
    return _FAMILIES[family][1] if family in _FAMILIES else ""


def reasons(declarations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why anyone looks at each; a reason that leans on the one before is given that one too."""
    said: list[str] = []
    whole = ""
    for one in declarations:
        why = str(one.get("why", ""))
        if not why.startswith(_LEANING):
            whole = why
        said.append(why if whole == why else f"{whole} {why}".strip())
    return said


def source_of(declaration: Mapping[str, Any]) -> str:
    """Where it comes from: its own `source`, or its series as the catalogue has them."""
    if own := declaration.get("source"):
        return str(own)
    names = [str(name) for name in declaration.get("series", ())]
    said = [_series_words(CATALOG[one]) if one in CATALOG else one for one in names[:_MOST]]
    more = f"; and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return "; ".join(said) + more


def _series_words(series: Series) -> str:
    sessions = series.lags_in_sessions
    unit = "session" if sessions else "day"
    late = f"known {series.lag} {unit}{'s' * (series.lag != 1)} later" if series.lag else ""
    known = late or ("known at that close" if sessions else "known when the period ends")
    return f"{series.title} ({series.id}), {series.frequency}, {known}"


def supply(series: Sequence[str]) -> str:
    """What to do so that a signal made of these series has a value."""
    bare = list(dict.fromkeys(one.split("@")[0] for one in series))
    known = [one for one in bare if one in CATALOG]
    named = ", ".join(bare[:_MOST_NAMED]) or "its source"
    if len(bare) > _MOST_NAMED:
        named += f" and {len(bare) - _MOST_NAMED} more"
        return f"Supply {named}: run `regime fetch --source live`."
    if known and all(CATALOG[one].table == OWN for one in known):
        return (
            f"No publisher offers {named} free of charge. Put {describe_location(known)}, with a "
            "date in the first column, in a folder, and run `regime fetch --source files "
            "--path FOLDER`."
        )
    where = f" A folder of your own needs {describe_location(known)}." if known else ""
    return f"Supply {named}: run `regime fetch --source live`.{where}"


# Values in their unit -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """How values of a unit are shown.

    Attributes
    ----------
    axis : the unit that is shown, on a chart's axis
    suffix, change : what follows a value, and a change
    digits : after the point
    signed : whether a value has its sign
    shown, back : from the stored unit to the shown one, and back
    """

    axis: str
    suffix: str
    change: str
    digits: int = 2
    signed: bool = False
    shown: Callable[[Any], Any] = lambda x: x
    back: Callable[[Any], Any] = lambda x: x

    def said(self, value: float) -> str:
        """A value with its unit."""
        if math.isnan(value):
            return NOT_KNOWN
        shown = self._rounded(self.shown(value))
        return f"{shown:{'+' if self.signed and shown else ''},.{self.digits}f}{self.suffix}"

    def said_change(self, change: float, now: float) -> str:
        """A change that ended at `now`, both in the stored unit."""
        if math.isnan(change) or math.isnan(now):
            return NOT_KNOWN
        return self.said_moved(self.shown(now) - self.shown(now - change))

    def said_moved(self, moved: float) -> str:
        """A change in the shown unit."""
        if math.isnan(moved):
            return NOT_KNOWN
        moved = self._rounded(moved)
        return f"{moved:{'+' if moved else ''},.{self.digits}f}{self.change}"

    def _rounded(self, shown: float) -> float:
        return round(float(shown), self.digits) + 0.0  # nothing is never "-0"


def _percent(axis: str, digits: int = 0, *, signed: bool = False, suffix: str = "%") -> Reading:
    return Reading(
        axis, suffix, " points", digits, signed, lambda x: 100 * x, lambda percent: percent / 100
    )


_READINGS: tuple[tuple[str, Reading], ...] = (
    ("standard deviations", Reading("standard deviations", " sd", " sd", signed=True)),
    ("share of the last", _percent("percentile, last 20 years")),
    ("difference of decimal returns", _percent("points", 1, signed=True, suffix=" points")),
    ("share", _percent("%")),
    ("decimal return", _percent("%", 1, signed=True)),
    ("log return", Reading("%", "%", " points", 1, signed=True,
                           shown=lambda x: 100 * np.expm1(x), back=lambda x: np.log1p(x / 100))),
    ("log ratio", Reading("ratio", " times", "", shown=np.exp, back=np.log)),
    ("percent per", Reading("% a year", "%", " points")),
    ("percent of net assets", Reading("% of net assets", "%", " points", signed=True)),
    ("percentage points", Reading("percentage points", " points", " points", signed=True)),
    ("-1 to 1", Reading("-1 to 1", "", "", signed=True)),
    ("weeks in a row", Reading("weeks in a row", " weeks", " weeks", 0, signed=True)),
    ("trading days in a row", Reading("sessions in a row", " sessions", " sessions", 0,
                                      signed=True)),
    ("trading days", Reading("sessions", " sessions", " sessions", 0)),
    ("calendar days", Reading("days", " days", " days", 0)),
    ("0 to 10", Reading("0 to 10", "", "", 1)),
    ("place", Reading("place, 1 is best", "", " places", 0)),
    ("index level", Reading("level", "", "", 1)),
    ("ratio", Reading("ratio", "", "", 2)),
    ("number", Reading("number", "", "", 0)),
    ("thousands", Reading("thousands", " thousand", " thousand", 0)),
    ("1 or 0", Reading("1 or 0", "", "", 0)),
    ("million", Reading("billion USD", " bn", " bn", 1, shown=lambda x: x / 1000,
                        back=lambda x: 1000 * x)),
    ("USD", Reading("USD", " USD", " USD", 2)),
)  # fmt: skip


def reading(unit: str) -> Reading:
    """How values of this unit are shown; a unit nobody has met stands behind its number."""
    for part, found in _READINGS:
        if part in unit:
            return found
    return Reading(unit, f" {unit}", f" {unit}")

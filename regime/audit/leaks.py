"""How the field fools itself, and which detector catches each way: METHOD.md, section 8.

A test plants each of them and sees it caught by the detector named here.
"""

from typing import NamedTuple


class Leak(NamedTuple):
    """One way to see the future.

    Attributes
    ----------
    number : of the list in METHOD.md
    what : what is done wrongly
    detector : what catches it: `check` and `about` of the `Finding` that fails, with a star for any
    """

    number: int
    what: str
    detector: tuple[str, str]


LEAKS = (
    Leak(1, "smoothed or Viterbi states are used as if known at the time", ("replay", "features")),
    Leak(2, "a scaler or imputer is fitted on the full sample", ("replay", "features")),
    Leak(2, "features are selected on the full sample", ("replay", "probabilities")),
    Leak(2, "probabilities are calibrated on rows that the model saw",
         ("structure", "calibration")),
    Leak(3, "states are named by what they returned over the full sample",
         ("replay", "probabilities")),
    Leak(3, "the order of states is not matched across refits", ("structure", "state names")),
    Leak(4, "a series is filled backwards", ("replay", "panel")),
    Leak(4, "a window is centred on its day", ("replay", "features")),
    Leak(4, "a period's value is known without its release lag", ("structure", "release lags")),
    Leak(5, "revised figures stand where their first ones were known", ("replay", "panel")),
    Leak(5, "a series that is estimated anew over its history is read", ("structure", "vintages")),
    Leak(6, "training rows have labels that were not confirmed yet", ("bookkeeping", "*")),
    Leak(6, "a row without an outcome is coded as a class", ("bookkeeping", "*")),
    Leak(7, "a signal is traded at the close it is made from", ("chance", "random walk")),
    Leak(7, "settings are chosen on the days they are judged on", ("declared", "*")),
    Leak(8, "today's members stand for those of the past", ("structure", "members")),
    Leak(9, "one rule makes the record, another one serves", ("books", "walk-forward in service")),
    Leak(9, "a published row is not what the model says", ("books", "published scores")),
    Leak(10, "in-sample days are shown as history", ("books", "footing")),
)  # fmt: skip

"""What the gate judges, where it closes, and what it says."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from regime.config import TrainingConfig
from regime.evaluation.significance import BLOCK
from regime.taxonomy import REGIMES

CHECKS = (
    "log_loss", "live", "calibration", "turnover", "climatology", "states", "fresh",
    "clean_process",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the gate closes.

    Attributes
    ----------
    changes_a_year : calls of this many changes are too restless for a reader to follow
    overlap : least share of its days that a regime has in common with its namesake
    negligible : nats; a loss that every table rounds to 0.000 is none, however sure of it one is
    least_days : two blocks of the bootstrap; an interval from fewer rows says little
    calibration : a gap of ten points between said and so; more, only if chance explains it
    movement : of the probabilities, in multiples of the champion's; where the champion stands
        all but still, as much as `changes_a_year` full swings is no fault either
    training_behind : sessions, a month; what is older has missed a refit by any rhythm
    learn_since : what climatology has counted from, as the experiment of that name does
    scored_days, difference : of the clean process; probabilities are sums of products, and
        another process may sum in another order, but not otherwise
    seconds : until the clean process is given up; it imports all there is, on a busy machine
    """

    changes_a_year: float
    overlap: float
    negligible: float = 0.0005
    least_days: int = 2 * BLOCK
    calibration: float = 0.10
    movement: float = 2.0
    training_behind: int = 21
    learn_since: date = TrainingConfig.model_fields["since"].default
    scored_days: int = 250
    difference: float = 1e-12
    seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Check:
    """One answer of the gate: the number that decided, where it would have turned, and why."""

    name: str
    passed: bool
    value: float | None
    bound: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says of a challenger.

    Attributes
    ----------
    challenger, champion : numbers of the versions; None where none was in service
    decided_at : the moment the evidence is of, in UTC
    checks : in the order of `CHECKS`
    """

    challenger: str
    champion: str | None
    decided_at: pd.Timestamp
    checks: tuple[Check, ...]

    @property
    def promote(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that did not."""
        return tuple(check.name for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True)
class Record:
    """What a version said of days that it had not seen.

    Attributes
    ----------
    number : the registry's
    baskets, switching_cost : what its labels are made of; other labels are another question
    rows : DataFrame with `date`, `horizon`, a column per regime and `fitted_on`
        Rows not later than their own `fitted_on` are in-sample, and are not looked at.
    calls : Series of the called regime by day, from the probabilities of horizon 0
    fault : why the record cannot be had, if so; `rows` are then empty
    """

    number: str
    baskets: str
    switching_cost: float
    rows: pd.DataFrame
    calls: "pd.Series[str]"
    fault: str = ""

    @property
    def horizons(self) -> list[int]:
        """Trading days ahead, ascending."""
        return sorted({int(horizon) for horizon in self.rows["horizon"]})

    def said(self, horizon: int) -> pd.DataFrame:
        """Out-of-sample rows by day: one column per regime, and `fitted_on`."""
        unseen = self.rows["date"] > self.rows["fitted_on"]
        mine = self.rows[(self.rows["horizon"] == horizon) & unseen]
        return mine.set_index("date")[[*REGIMES, "fitted_on"]].sort_index()

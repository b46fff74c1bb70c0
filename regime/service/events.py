"""What of a run people should hear of, and what they were told before."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from regime import alerts
from regime.alerts import Alert
from regime.data.checks.freshness import Age
from regime.health.drift import DriftReport
from regime.service.publishing import Publication
from regime.settings import Settings
from regime.tracking.ledger_rows import FORMER
from regime.tracking.results import write_text


@dataclass(slots=True)
class Memory:
    """What the next run has to know of this one.

    Losing it costs little: the outbox of alerts knows which it has told.

    Attributes
    ----------
    through : the newest day whose calls and levels were told
    lasting : by kind and name, since which day something is not as it should be
    """

    path: Path
    through: pd.Timestamp | None = None
    lasting: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Memory":
        """The memory of a home; empty where there is none that can be read."""
        path = settings.home / "told.json"
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            lasting = {str(name): str(day) for name, day in told["lasting"].items()}
            return cls(path, pd.Timestamp(told["through"]), lasting)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(path)

    def since(self, kind: str, names: Iterable[str], day: pd.Timestamp) -> dict[str, pd.Timestamp]:
        """Since which day each of these lasts; those of the kind that are not named are over."""
        now = {f"{kind}:{name}": f"{day:%Y-%m-%d}" for name in names}
        kept = {key: self.lasting.get(key, begun) for key, begun in now.items()}
        others = {key: begun for key, begun in self.lasting.items() if not key.startswith(kind)}
        self.lasting = others | kept
        return {key.partition(":")[2]: pd.Timestamp(begun) for key, begun in kept.items()}

    def keep(self, through: pd.Timestamp) -> None:
        """Write it down; a StoreError if the disk refuses."""
        self.through = through
        told = {"through": f"{through:%Y-%m-%d}", "lasting": self.lasting}
        write_text(self.path, json.dumps(told, indent=1) + "\n", "memory of alerts")


def events(
    publication: Publication,
    ledger: pd.DataFrame,
    report: DriftReport,
    memory: Memory,
    *,
    settings: Settings,
    faults: Iterable[str],
) -> list[Alert]:
    """The alerts of one publication, those of the market first.

    Parameters
    ----------
    ledger : of `Ledger.read` for all roles
    faults : sentences of sources that did not bring what they hold, a name and a colon first
    """
    number, simulated = publication.version.number, publication.simulated
    day = publication.readiness.day
    found = alerts.of_scores(
        publication.calls,
        publication.scores,
        told_through=memory.through,
        levels=settings.alert_levels,
        simulated=simulated,
        version=number,
    )
    found += _of_promotions(ledger, memory.through, simulated)
    if (readiness := alerts.of_readiness(publication.readiness, simulated=simulated)) is not None:
        found.append(readiness)
    found += _of_old_data(publication)
    unusual = report.unusual if report.is_drifted else {}
    for what, since in memory.since("drift", unusual, day).items():
        line = unusual[what]
        found.append(
            alerts.drift(what, line, version=number, since=since, day=day, simulated=simulated)
        )
    by_source = {line.replace(":", " ").split()[0]: line for line in faults}
    for name, since in memory.since("source", by_source, day).items():
        line = by_source[name]
        found.append(alerts.source_failed(name, line, since=since, day=day, simulated=simulated))
    return found


def _of_promotions(
    ledger: pd.DataFrame, through: pd.Timestamp | None, simulated: bool
) -> list[Alert]:
    """Days on which two versions spoke, of those that were not told yet."""
    former = ledger[ledger["role"] == FORMER]
    if through is not None:
        former = former[former["date"] > through]
    found = []
    for day, rows in former.groupby("date"):
        own = ledger[(ledger["role"] != FORMER) & (ledger["date"] == day)]
        old, new = rows.iloc[-1], own.iloc[-1]
        found.append(
            alerts.promoted(
                str(new["model_version"]),
                previous=str(old["model_version"]),
                day=pd.Timestamp(str(day)),
                calls=(str(old["call"]), str(new["call"])),
                simulated=simulated,
            )
        )
    return found


def _of_old_data(publication: Publication) -> list[Alert]:
    """Series the baskets or the model need whose newest value is overdue."""
    ages = publication.ages
    old = ages[(ages["state"] != Age.FRESH) & ages["newest_period"].notna()]
    return [
        alerts.data_stale(
            str(row["series"]),
            newest=row["newest_period"],
            day=publication.readiness.day,
            simulated=publication.simulated,
        )
        for row in old.to_dict("records")
    ]

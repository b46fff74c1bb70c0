"""The daily run: fetch, validate, score, publish, alert, and when it is due retrain and judge.

Every step may be done again: what is there is not added twice, a day is published once, an
event is told once. So a run that was killed is made good by the next.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pandas as pd

from regime import alerts, notify
from regime.alerts import Alert
from regime.data.calendar import last_closed_session
from regime.data.clock import present
from regime.data.store import ObservationStore
from regime.exceptions import PanelError, RegimeError, StoreError
from regime.health.checks import Check
from regime.health.checks import State as Health
from regime.health.drift import DriftReport, look_at_drift
from regime.health.kept import keep
from regime.scoring import EXIT_CODES, Readiness, State
from regime.service.events import Memory, events
from regime.service.intake import Intake
from regime.service.lock import sole_run
from regime.service.log import run_log
from regime.service.publishing import Publication, commit, moved_words, prepare
from regime.service.retraining import Retrained, reasons_to_retrain
from regime.service.summary import summary
from regime.settings import Settings
from regime.tracking.anchors import anchors
from regime.tracking.ledger import Ledger
from regime.tracking.mlflow_client import has_tracking
from regime.tracking.owners import end_orphans
from regime.tracking.promotion import decide, promote
from regime.tracking.roster_writing import keep_roster
from regime.tracking.versions import champion_number, registered

Bring = Callable[[ObservationStore, pd.Timestamp], Intake]
_FAULT = 1  # exit code
_HEALTH = {
    State.PUBLISHED: Health.OK, State.DEGRADED: Health.WARNING, State.HELD: Health.FAULT,
}  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """How a run went.

    Attributes
    ----------
    state : of the newest close; None if it did not get that far
    exit_code : that of the state, or 1 after a fault
    summary : one line
    """

    state: State | None = None
    exit_code: int = 0
    summary: str = ""


def run_day(
    settings: Settings,
    bring: Bring,
    *,
    refit: "Refit | None" = None,
    dry_run: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Do what is due now, once; the only such run of this home at a time.

    Parameters
    ----------
    bring : fetches what is new into the store, or with `dry_run` only counts it
    refit : trains the experiment in service anew when that is due; None for never
    dry_run : say what would be done, and change nothing
    tell : is given each line for the reader as it comes, but not the summary

    Raises
    ------
    RegimeError
        If another run holds the lock; or what kept it from publishing, of which the alerts
        were told before.
    """
    store = ObservationStore(settings.store)
    now = present(settings, store)
    if dry_run:
        return _Run(settings, store, now, logging.Logger("dry"), tell).rehearse(bring, refit)
    with sole_run(settings, "regime run", at=now), run_log(settings) as log:
        run = _Run(settings, store, now, log, tell)
        try:
            return run.work(bring, refit)
        except Exception as error:  # also what should not happen: nobody watches a cron job
            kind = "" if isinstance(error, RegimeError) else f"{type(error).__name__}: "
            run.say(f"failed at {run.step}: {kind}{error}", level=logging.ERROR, aloud=False)
            run.found("run", Health.FAULT, f"It failed at {run.step}: {kind}{error}")
            run.alert([run.failed(run.step, f"{kind}{error}")])
            run.deliver()
            raise
        finally:
            keep(settings, run.checks, by="regime run", at=now.to_pydatetime())


Refit = Callable[[Publication], Retrained]


@dataclass(slots=True)
class _Run:
    settings: Settings
    store: ObservationStore
    now: pd.Timestamp
    log: logging.Logger
    tell: Callable[[str], None]
    step: str = "start"
    outcome: Outcome = field(default_factory=Outcome)
    told: str = ""  # of the newest delivery that had something to deliver
    checks: list[Check] = field(default_factory=list)  # for whoever asks how it is

    @property
    def day(self) -> pd.Timestamp:
        return last_closed_session(self.now)

    def work(self, bring: Bring, refit: Refit | None) -> Outcome:
        began = time.monotonic()
        with self.doing("clean up"):
            if has_tracking(self.settings) and (ended := end_orphans(self.settings)):
                self.say(f"{ended} runs that a killed process had left in MLflow were ended.")
        with self.doing("fetch"):
            intake = bring(self.store, self.now)
            for line in (*intake.faults, *intake.notes):
                self.say(f"warning: {line}", level=logging.WARNING)
            how = Health.WARNING if intake.faults else Health.OK
            self.found("fetch", how, " ".join([f"It brought {intake.words}.", *intake.faults]))
        with self.doing("validate"):
            self.validate()
            self.found("ledger", Health.OK, "What was published is still what was published.")
        publication, entered = self.publish(intake, refit)
        with self.doing("list versions and runs"):
            for line in keep_roster(self.settings):
                self.say(line, level=logging.WARNING)
        waiting = self.deliver()
        seconds = f"{time.monotonic() - began:.1f} s"
        parts = [self.summed_up(publication), intake.words, entered, waiting, seconds]
        self.conclude(" | ".join(part for part in parts if part))
        self.found("run", Health.OK, self.outcome.summary)
        return self.outcome

    def rehearse(self, bring: Bring, refit: Refit | None) -> Outcome:
        intake = bring(self.store, self.now)
        for line in (*intake.faults, *intake.notes):
            self.say(f"warning: {line}")
        self.say(f"The source has {intake.words}.")
        self.validate()
        publication = self.prepared()
        if publication is None:
            self.conclude(f"DRY RUN, nothing changed | {self.summed_up(None)}")
            return self.outcome
        days = sorted({f"{day:%Y-%m-%d}" for day in publication.new["date"]})
        self.say(f"On what is stored now it would publish {', '.join(days) or 'nothing new'}.")
        if refit is not None:
            reasons, words = reasons_to_retrain(
                self.settings, publication.version, self.drift(publication), self.now
            )
            self.say(f"It would {'' if reasons else 'not '}retrain: {words}")
        self.come_to(publication.readiness.state)
        self.conclude(f"DRY RUN, nothing changed | {self.summed_up(publication)}")
        return self.outcome

    def prepared(self) -> Publication | None:
        """What is to be published; None where the baskets have been gone too long for any day."""
        try:
            with self.doing("score"):
                publication = prepare(self.settings, self.store, self.now)
        except PanelError as error:
            self.come_to(State.HELD)
            self.say(f"{State.HELD}: {error}", level=logging.WARNING)
            return None
        for line in publication.notes:
            self.say(f"warning: {line}", level=logging.WARNING)
        return publication

    def summed_up(self, publication: Publication | None) -> str:
        return summary(publication, self.day, simulated=self.store.is_simulated())

    def failed(self, step: str, reason: str) -> Alert:
        """The alert of a step that failed; the store itself may be what is broken."""
        try:
            simulated = self.store.is_simulated()
        except RegimeError:
            simulated = self.settings.now is not None
        return alerts.run_failed(step, reason, day=self.day, simulated=simulated)

    def conclude(self, line: str) -> None:
        self.outcome.summary = line
        self.say(line, aloud=False)

    def validate(self) -> None:
        """The ledger is what was published, or nothing more is."""
        if faults := Ledger(self.store).faults(anchors(self.settings)):
            raise StoreError(
                f"The ledger is not what was published: {faults[0]} Nothing was published. "
                "`regime ledger verify` lists all of it; bring back a copy of the store. If the "
                "newest rows are in none, `regime ledger restored --why ...` says so and goes on."
            )

    def publish(self, intake: Intake, refit: Refit | None) -> tuple[Publication | None, str]:
        publication = self.prepared()
        if publication is None:
            published = Ledger(self.store).read()["date"]
            newest = pd.Timestamp(published.max()) if len(published) else self.day
            held = Readiness(State.HELD, self.day, newest, ("a basket",))
            self.found("published", Health.FAULT, held.words)
            gone = alerts.of_readiness(held, simulated=self.store.is_simulated())
            self.alert([] if gone is None else [gone])
            return None, ""
        with self.doing("look for drift"):
            report = self.drift(publication)
            self.checks += report.checks
        with self.doing("publish"):
            done = commit(
                publication,
                self.settings,
                self.store,
                metrics=report.metrics,
                tags={"drift": " ".join(report.alarms)},
            )
            self.come_to(publication.readiness.state)
            readiness = publication.readiness
            self.found("published", _HEALTH[readiness.state], readiness.words)
        with self.doing("alert"):
            memory = Memory.of(self.settings)
            ledger = Ledger(self.store).read(
                baskets=publication.version.bundle.baskets, role=None, newest_only=False
            )
            found = events(
                publication, ledger, report, memory,
                settings=self.settings, faults=intake.faults,
            )  # fmt: skip
            if self.alert(found):  # else they are made again by the next run
                memory.keep(publication.day)
        self.deliver()  # before anything that takes minutes
        for line in moved_words(publication) if len(done.added) else []:
            self.say(line)
        if refit is not None:
            self.retrain(refit, publication, report)
            self.judge(publication)
        days = done.added["date"].nunique()
        head = "" if done.head is None else f", ledger {done.head.seq:,} rows"
        return publication, f"{days} day{'' if days == 1 else 's'} entered{head}"

    def drift(self, publication: Publication) -> DriftReport:
        baskets = publication.version.bundle.baskets
        return look_at_drift(
            publication.version,
            publication.panel,
            Ledger(self.store).read(baskets=baskets, newest_only=False),
            publication.calls,
            self.now,
            X=publication.X,
        )

    def retrain(self, refit: Refit, publication: Publication, report: DriftReport) -> None:
        """Train anew where that is due; what goes wrong then does not undo the publication."""
        reasons, words = reasons_to_retrain(self.settings, publication.version, report, self.now)
        if not reasons:
            return
        self.say(f"Retraining: {words}")
        try:
            with self.doing("retrain"):
                done = refit(publication)
            self.say(f"Version {done.number} is the challenger.")
        except RegimeError as error:
            self.outcome.exit_code = _FAULT
            self.say(f"error: retraining failed: {error}", level=logging.ERROR)
            self.alert(
                [alerts.retrain_failed(str(error), day=self.day, simulated=publication.simulated)]
            )

    def judge(self, publication: Publication) -> None:
        """Let the gate judge a version of the experiment in service that it has not judged."""
        serving = publication.version
        mine = (serving.bundle.config.name, serving.bundle.baskets)
        champion = champion_number(self.settings)
        newer = [
            one
            for one in registered(self.settings)
            if (one.experiment, one.baskets) == mine and int(one.number) > int(champion or 0)
        ]
        if not newer:
            return
        number = newer[-1].number
        if not newer[-1].pending:
            self.reject(number, newer[-1].rejected_for, publication)
            return
        try:
            with self.doing("judge"):
                ledger = Ledger(self.store).read(baskets=serving.bundle.baskets, newest_only=False)
                decision = decide(
                    self.settings, self.store, publication.panel, number,
                    ledger=ledger, now=self.now,
                )  # fmt: skip
                if decision.promote:
                    promote(self.settings, number, decision)
        except RegimeError as error:
            self.outcome.exit_code = _FAULT
            self.say(f"error: version {number} was not judged: {error}", level=logging.ERROR)
            self.alert([self.failed("judge", str(error))])
            return
        if decision.promote:
            self.say(f"Version {number} passed the gate; it speaks from the next close on.")
            return
        self.say(f"Version {number} was rejected: {', '.join(decision.failed)}.")
        reasons = [f"{one.name}: {one.words}" for one in decision.checks if not one.passed]
        self.reject(number, reasons, publication)

    def reject(self, number: str, reasons: Sequence[str], publication: Publication) -> None:
        """Tell of a rejection; once, though a run that was killed may have told it before."""
        if reasons:
            told = alerts.gate_rejected(
                number, reasons, champion=publication.version.number, day=self.day,
                simulated=publication.simulated,
            )  # fmt: skip
            self.alert([told])

    def alert(self, found: Sequence[Alert]) -> bool:
        """Put alerts into the outbox; that this fails is told, and fails nothing."""
        try:
            if count := notify.queue(found, self.settings, now=self.now.to_pydatetime()):
                self.log.info("alerts queued", extra={"count": count})
        except (RegimeError, OSError) as error:
            self.say(f"warning: alerts could not be queued: {error}", level=logging.WARNING)
            return False
        return True

    def deliver(self) -> str:
        """Send what waits; a notifier that fails is tried again by the next run."""
        try:
            delivery = notify.deliver(self.settings, now=self.now.to_pydatetime())
        except (RegimeError, OSError) as error:
            self.say(f"warning: alerts were not sent: {error}", level=logging.WARNING)
            return "alerts wait"
        if not self.told or delivery.sent + delivery.failed + delivery.waiting:
            self.told = delivery.words
        return self.told

    def found(self, name: str, state: Health, words: str) -> None:
        self.checks.append(Check(name, state, words))

    def come_to(self, state: State) -> None:
        self.outcome.state, self.outcome.exit_code = state, EXIT_CODES[state]

    @contextmanager
    def doing(self, step: str) -> Iterator[None]:
        """Log a step with its time."""
        self.step, began = step, time.monotonic()
        yield
        self.log.info(step, extra={"seconds": round(time.monotonic() - began, 3)})

    def say(self, line: str, *, level: int = logging.INFO, aloud: bool = True) -> None:
        """A line for the log, and for the reader."""
        self.log.log(level, line)
        if aloud:
            self.tell(line)

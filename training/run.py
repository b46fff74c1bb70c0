"""Everything that is due today, for cron: regime run"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.console import note, progress, run, say
from training.inputs import checked_withholding
from training.workers import Jobs, workers

if TYPE_CHECKING:
    import pandas as pd

    from regime.service.intake import Intake
    from regime.service.publishing import Publication
    from regime.service.retraining import Retrained


class From(StrEnum):
    """Where a daily run gets what is new."""

    LIVE = "live"
    FILES = "files"
    DEMO = "demo"
    NOWHERE = "nowhere"


class Retraining(StrEnum):
    """When a daily run trains anew."""

    AUTO = "auto"
    NEVER = "never"


def run_daily(
    source: Annotated[
        From,
        typer.Option(
            help="live: every source on the network; files: a folder of yours; demo: a SIMULATED "
            "market; nowhere: what is stored already."
        ),
    ] = From.LIVE,
    path: Annotated[Path | None, typer.Option(help="Folder of tables, for files.")] = None,
    retraining: Annotated[
        Retraining,
        typer.Option(
            "--retrain", help="auto: when the model in service is stale or has drifted; never."
        ),
    ] = Retraining.AUTO,
    withhold: Annotated[
        list[str] | None,
        typer.Option(
            help="With demo, a bad day to rehearse: SERIES or SERIES:SESSIONS that have not come."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
    jobs: Jobs = None,
) -> None:
    """Fetch, validate, score, publish and alert; when it is due, retrain and let the gate judge.

    Meant for cron or a systemd timer (docs/guides/cron.md). Ends as PUBLISHED (exit code 0),
    DEGRADED (3), HELD (4), or 1 after a fault; one summary line comes last. What a run that
    was killed left undone the next one does.
    Example: regime run --source demo --dry-run
    """
    if source is From.FILES and path is None:
        raise typer.BadParameter("--source files needs --path DIR, the folder of tables.")
    if source is not From.FILES and path is not None:
        raise typer.BadParameter(f"--path goes with --source files; {source} reads no folder.")
    withheld = checked_withholding(withhold, is_demo=source is From.DEMO)

    from regime.data.store import ObservationStore
    from regime.service.daily import run_day
    from regime.service.intake import Intake, from_demo, from_folder, from_network, or_fault
    from regime.service.retraining import for_service
    from regime.service.retraining import retrain as refit
    from regime.settings import Settings

    settings = Settings()
    settings.check_home()

    def bring(store: ObservationStore, now: "pd.Timestamp") -> "Intake":
        if source is From.LIVE:
            return from_network(settings, store, now, dry_run=dry_run)
        if source is From.FILES and path is not None:
            return or_fault(lambda: from_folder(path, store, now, dry_run=dry_run))
        if source is From.DEMO:
            return from_demo(store, now, withhold=withheld, dry_run=dry_run)
        return Intake()

    def train(publication: "Publication") -> "Retrained":
        serving = publication.version.bundle
        with workers(jobs):
            return refit(
                for_service(serving.config, serving.baskets),
                publication.panel,
                settings,
                ObservationStore(settings.store),
                progress=lambda fits: progress(fits, "walking forward"),
            )

    outcome = run_day(
        settings,
        bring,
        refit=None if retraining is Retraining.NEVER else train,
        dry_run=dry_run,
        tell=note,
    )
    say(outcome.summary)
    raise typer.Exit(outcome.exit_code)


if __name__ == "__main__":
    run(run_daily)

"""The `regime` command: one sub-command per script of this folder."""

import os
import sys
from typing import Annotated

# Before numpy is loaded anywhere: more threads than work to share only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import typer

from training.alert import alert
from training.audit import audit
from training.compare import compare
from training.console import run
from training.demo import demo
from training.doctor import doctor
from training.experiments import experiments
from training.fetch import fetch
from training.ledger import ledger
from training.panel import panel
from training.promote import promote
from training.protocol import protocol
from training.report import report
from training.retrain import retrain
from training.rollback import rollback
from training.run import run_daily
from training.score import score
from training.serve import app, ui
from training.signals import signals
from training.sources import sources
from training.store import store
from training.value import value

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Which companies lead the US equity market, as probabilities known at the time. "
    "Start with: regime demo",
)
cli.command("demo")(demo)
cli.command("fetch")(fetch)
cli.add_typer(store, name="store")
cli.command("panel")(panel)
cli.command("doctor")(doctor)
cli.command("sources")(sources)
cli.command("experiments")(experiments)
cli.command("compare")(compare)
cli.command("protocol")(protocol)
cli.command("audit")(audit)
cli.command("value")(value)
cli.command("run")(run_daily)
cli.command("retrain")(retrain)
cli.command("promote")(promote)
cli.command("rollback")(rollback)
cli.command("score")(score)
cli.command("signals")(signals)
cli.command("report")(report)
cli.add_typer(alert, name="alert")
cli.add_typer(ledger, name="ledger")
cli.command("app")(app)
cli.command("ui")(ui)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"regime {version('equity-leadership-regime')}\n")
        raise typer.Exit


@cli.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """State is kept under REGIME_HOME, by default .regime in the working directory."""


def main() -> None:
    """Entry point of the console script."""
    run(cli)


if __name__ == "__main__":
    main()

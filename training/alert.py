"""Alerts on their way to people: regime alert test, list, send"""

from typing import Annotated

import typer

from training.console import note, run, say

alert = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Try, list and send the alerts that go to the addresses in REGIME_ALERT_URLS. "
    "Example: regime alert test",
)


@alert.command("test")
def test() -> None:
    """Send a test alert to every address now; exit code 1 if any did not take it.

    Example: REGIME_ALERT_URLS="mailtos://me:password@example.org" regime alert test
    """
    import pandas as pd

    from regime.alerts import trial
    from regime.notify import tell
    from regime.settings import Settings

    told = tell(trial(pd.Timestamp.now("UTC").floor("s")), Settings())
    for name, words in told.items():
        say(f"{name}: {words or 'told'}")
    if failed := [name for name, words in told.items() if words]:
        note(
            f"error: {len(failed)} of {len(told)} addresses did not take the test alert: "
            f"{', '.join(failed)}. Mend them in REGIME_ALERT_URLS; docs/alerts.md has examples."
        )
        raise typer.Exit(1)


@alert.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that were sent.")] = False,
) -> None:
    """Alerts that wait, and those that were given up after five days.

    Example: regime alert list --all
    """
    from regime.notifier import addresses_of
    from regime.notify import Place, outbox
    from regime.settings import Settings

    settings = Settings()
    settings.check_home()
    places = [Place.SENT] if all_ else []
    entries = outbox(settings, [*places, Place.FAILED, Place.PENDING])
    for entry in entries:
        say(f"{entry.queued:%Y-%m-%d %H:%M}  {entry.place:7}  {entry.alert.title}")
        if entry.words:
            tries = f"{entry.attempts} attempt{'' if entry.attempts == 1 else 's'}"
            say(f"{'':18}{tries}; {entry.words}")
    if not entries:
        say("No alert was made yet." if all_ else "No alert waits, and none was given up.")
    if not addresses_of(settings):
        note("REGIME_ALERT_URLS is empty, so alerts wait; docs/alerts.md says how to set it.")


@alert.command("send")
def send() -> None:
    """Send what waits; exit code 1 if anything still waits, or was given up.

    Example: regime alert send
    """
    from regime.data.clock import present
    from regime.data.store import ObservationStore
    from regime.notify import deliver
    from regime.settings import Settings

    settings = Settings()
    settings.check_home()
    done = deliver(settings, now=present(settings, ObservationStore(settings.store)))
    say(done.words)
    if done.waiting or done.failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    run(alert)

"""Put a registered version into service, if the gate lets it through: regime promote [VERSION]"""

from typing import TYPE_CHECKING, Annotated

import typer

from training.console import SIMULATED, note, run, say

if TYPE_CHECKING:
    from regime.evaluation.gate import Decision

_WIDTH = 100  # characters of a line of the table


def promote(
    version: Annotated[
        str | None, typer.Argument(help="Version number; by default the newest challenger.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Promote it whatever the gate says; needs --why.")
    ] = False,
    why: Annotated[str | None, typer.Option(help="The reason, kept with the version.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge only; nothing is written.")
    ] = False,
) -> None:
    """Judge a version against the champion, and move the alias if it is not worse.

    Prints every check of the gate; ends with exit code 1 where the version is rejected and the
    champion stays. Whatever is decided is kept as tags of the version.
    Example: regime promote 3
    """
    if force and not (why and why.strip()):
        raise typer.BadParameter("--force needs --why TEXT: the reason is kept with the version.")
    if why is not None and not force:
        raise typer.BadParameter("--why is the reason of --force; give both, or neither.")

    from regime.data.as_of import panel_as_of
    from regime.data.clock import present
    from regime.data.store import ObservationStore
    from regime.settings import Settings
    from regime.tracking import promotion, registry
    from regime.tracking.ledger import Ledger
    from regime.tracking.roster_writing import keep_roster

    settings = Settings()
    settings.check_home()

    def renew() -> None:
        for line in keep_roster(settings):
            note(line)

    number, champion = registry.standing(settings, version)
    if number == champion:
        if not dry_run:
            registry.promote(settings, number)  # finishes what somebody was killed in
            renew()
        waits = "" if version else " and no other waits to be judged"
        say(f"Version {number} is the champion already{waits}; nothing was changed.")
        return
    store = ObservationStore(settings.store)
    now = present(settings, store)
    panel = panel_as_of(store, now)
    ledger = Ledger(store).read(newest_only=False)  # what was said first is what was live
    decision = promotion.decide(
        settings, store, panel, number, ledger=ledger, now=now, record=not dry_run
    )
    if store.is_simulated():
        note(SIMULATED)
    say(table(decision))
    against = "" if decision.promote else f", against {', '.join(decision.failed)}"
    if decision.promote or force:
        if dry_run:
            say(f"Version {number} would become the champion{against}.")
            return
        promotion.promote(settings, number, decision, why=why)
        renew()
        say(f"Version {number} is the champion{against}. Next: regime score")
        return
    if not dry_run:
        renew()
    stays = "No model is in service." if champion is None else f"Version {champion} stays."
    say(f"Version {number} was rejected: {', '.join(decision.failed)}. {stays}")
    if [*decision.failed] == ["fresh"]:
        say(
            f"Next: regime fetch; or, where these data end for good: regime promote {number} "
            f"--force --why 'data end there'"
        )
    raise typer.Exit(1)


def table(decision: "Decision") -> str:
    """Every check as a line: its name, whether it passed, number, bound, and words."""
    import textwrap

    lines = [f"{'check':14}{'':8}{'number':>10}{'bound':>10}"]
    for check in decision.checks:
        passed = "passed" if check.passed else "FAILED"
        start = f"{check.name:14}{passed:8}{_number(check.value)}{_number(check.bound)}  "
        lines += textwrap.wrap(
            check.words, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
        )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return f"{'-' if value is None else format(value, '.3g'):>10}"


if __name__ == "__main__":
    run(promote)

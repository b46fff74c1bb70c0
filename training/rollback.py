"""Take the model in service back: regime rollback --why TEXT"""

from typing import Annotated

import typer

from training.console import note, run, say


def rollback(
    why: Annotated[str, typer.Option(help="The reason, kept with the version that goes.")],
) -> None:
    """Go back to the version that the champion was promoted over, if it still loads whole.

    Once more goes back one further, as far as the versions' tags reach.
    Example: regime rollback --why "calls changed daily"
    """
    if not why.strip():
        raise typer.BadParameter("--why is empty: the reason is kept with the version that goes.")

    from regime.data.clock import present
    from regime.data.store import ObservationStore
    from regime.settings import Settings
    from regime.tracking.promotion import rollback as go_back
    from regime.tracking.roster_writing import keep_roster

    settings = Settings()
    settings.check_home()
    now = present(settings, ObservationStore(settings.store))
    gone, back = go_back(settings, why=why, now=now)
    for line in keep_roster(settings):
        note(line)
    say(f"Version {back} is the champion again, version {gone} is not. Next: regime score")


if __name__ == "__main__":
    run(rollback)

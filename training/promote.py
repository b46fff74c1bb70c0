"""Put a registered version into service: regime promote [VERSION]"""

from typing import Annotated

import typer

from training.console import run, say


def promote(
    version: Annotated[
        str | None, typer.Argument(help="Version number; by default the newest challenger.")
    ] = None,
) -> None:
    """Move the champion alias to a version, once its files are known to be whole and to load.

    Example: regime promote 3
    """
    from regime.settings import Settings
    from regime.tracking.registry import promote as move

    number = move(Settings(), version)
    say(f"Version {number} is the champion. Next: regime score")


if __name__ == "__main__":
    run(promote)

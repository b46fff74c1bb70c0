"""What comes with the program to run, and to start from: regime experiments"""

from pathlib import Path
from typing import Annotated

import typer

from training.console import run, say


def experiments(
    copy: Annotated[
        str | None, typer.Option(metavar="NAME", help="Copy this one, as a start of your own.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="What the copy is called; by default NAME.toml."),
    ] = None,
) -> None:
    """List the experiments that come with the program, each with the question it asks.

    Where a command takes an experiment it takes one of these names, or a file of your own.
    Example: regime experiments --copy filter --to my_filter.toml
    """
    from regime.config import load_experiment
    from regime.shipped import shipped

    if copy is not None:
        _copy(copy, to)
        return
    if to is not None:
        raise typer.BadParameter("--to says where --copy NAME goes; give both.")
    found = shipped()
    width = max(map(len, found), default=0)
    # What does not help comes last.
    for name in sorted(found, key=lambda one: (one.endswith("_ablation"), one)):
        say(f"{name:{width}}  {load_experiment(found[name]).question}")


def _copy(name: str, to: Path | None) -> None:
    """Write the file anew, never over another."""
    from regime.config import load_experiment
    from regime.exceptions import ConfigError
    from regime.shipped import find_experiment

    source = find_experiment(Path(name))
    load_experiment(source)  # is an experiment at all
    to = Path(source.name) if to is None else to
    if to.suffix != ".toml":
        raise typer.BadParameter(f"--to {to} must end in .toml, as experiments do.")
    try:
        with to.open("x", encoding="utf-8") as target:
            target.write(source.read_text(encoding="utf-8"))
    except FileExistsError:
        raise ConfigError(f"{to} is there already. Choose another name with --to.") from None
    say(f"{to} is yours to change. Its name is that of its runs: regime compare {to}")


if __name__ == "__main__":
    run(experiments)

"""The experiments that come with the program, by name: files of a checkout, or of a wheel."""

import difflib
from pathlib import Path

from regime.exceptions import ConfigError

_IN_WHEEL = Path(__file__).parent / "experiments"  # setup.py puts them there
_IN_CHECKOUT = Path(__file__).parents[1] / "experiments"


def shipped() -> dict[str, Path]:
    """Files by name, in alphabetical order; none where the program came without them."""
    folder = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_CHECKOUT
    return {path.stem: path for path in sorted(folder.glob("[!.]*.toml"))}


def is_installed(file: Path) -> bool:
    """Whether it is one that a wheel brought along, of which no git knows."""
    return file.resolve().parent == _IN_WHEEL.resolve()


def find_experiment(given: Path) -> Path:
    """A path as it is; a bare name as the file of that name that comes with the program.

    Raises
    ------
    ConfigError
        For a bare name that is none of them: the nearest, and all that there are.
    """
    if given.parent != Path() or given.suffix or given.name in ("", "..") or given.exists():
        return given
    known = shipped()
    if given.name in known:
        return known[given.name]
    near = difflib.get_close_matches(given.name, known, n=1, cutoff=0.6)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise ConfigError(
        f"No experiment {given.name} comes with the program.{guess} There are "
        f"{', '.join(known) or 'none'}; one of your own is named by its file, ending in .toml."
    )


def nearest_shipped(file: Path) -> str | None:
    """The name most like that of a file that is not there; None where none is like it."""
    return next(iter(difflib.get_close_matches(file.stem, shipped(), n=1, cutoff=0.6)), None)

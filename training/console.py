"""How every script speaks: one clear line on a fault, progress on a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import typer

from regime.exceptions import RegimeError

SIMULATED = "SIMULATED market: these numbers say nothing about real prices."
# What the kernel's refusals are called where they come as other faults than a MemoryError.
_SHORT_OF_MEMORY = (
    "failed to map segment from shared object", "annot allocate memory", "can't start new thread",
)  # fmt: skip


def say(text: str) -> None:
    """A line of result, on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line beside the result, on standard error."""
    sys.stderr.write(text + "\n")


@contextlib.contextmanager
def progress(total: int, label: str) -> Iterator[Callable[[], None]]:
    """A bar on standard error that the yielded function moves by one; silent in a pipe."""
    # Here, because most commands draw no bar; it takes a quarter of what `regime` starts in.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not sys.stderr.isatty(),
        transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


def run(command: Any, arguments: list[str] | None = None) -> None:
    """Run a typer app or a single command as the process's main; never returns.

    Exit code 0, 1 after a fault (one line; with `--debug` the traceback), 2 for usage.
    """
    if not isinstance(command, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command()(command)
        command = single
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--debug" not in arguments:
        sys.excepthook = _one_line
    # Not `command()`: typer would put its own excepthook in place of this one.
    typer.main.get_command(command)(args=[word for word in arguments if word != "--debug"])


def _one_line(kind: type[BaseException], fault: BaseException, _: TracebackType | None) -> None:
    if issubclass(kind, RegimeError):
        note(f"error: {fault}")
    elif issubclass(kind, MemoryError) or any(words in str(fault) for words in _SHORT_OF_MEMORY):
        said = f" ({str(fault).splitlines()[0]})" if str(fault) else ""
        note(
            f"error: The memory this process may use is not enough{said}. End other programs, or "
            "raise its limit, and run it again; what was done stands."
        )
    elif issubclass(kind, OSError):
        where = f" ({fault.filename})" if getattr(fault, "filename", None) else ""
        note(f"error: {getattr(fault, 'strerror', None) or fault}{where}.")
    else:
        said = str(fault).splitlines()[0] if str(fault) else "no message"
        note(
            f"error: {kind.__name__}: {said}. "
            "This should not happen: run it again with --debug and report what it prints."
        )

"""The log of daily runs: a JSON object a line, in files that are turned over."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from regime.settings import Settings

_BYTES, _FILES = 1_000_000, 9  # of one file; kept beside the newest


class _Forgiving(RotatingFileHandler):
    """A disk that takes no line of log is no reason to stop."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        del record


@contextmanager
def run_log(settings: Settings) -> Iterator[logging.Logger]:
    """A logger whose records go to `log_path` as one object a line, with what `extra` adds."""
    from pythonjsonlogger.json import JsonFormatter

    path = log_path(settings)
    logger = logging.Logger("regime.run", logging.INFO)  # apart from any other of the process
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _Forgiving(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
    except OSError:
        logger.addHandler(logging.NullHandler())
        yield logger
        return
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(process)d %(message)s",
            rename_fields={"asctime": "at", "levelname": "level", "process": "pid"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        with suppress(OSError):  # of what was still to be written
            handler.close()


def log_path(settings: Settings) -> Path:
    """The newest file of the log; older ones have a number after their name."""
    return settings.home / "logs" / "run.jsonl"

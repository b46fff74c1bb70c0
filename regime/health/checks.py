"""What one look found, and how bad it is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from regime.exceptions import RegimeError


class State(StrEnum):
    """How a check went, from best to worst."""

    OK = "ok"
    UNKNOWN = "unknown"  # it could not be found out
    WARNING = "warning"
    FAULT = "fault"


_PASSWORD = re.compile(r"(?<=://)[^@\s]*@")
EXIT_CODES = {State.OK: 0, State.UNKNOWN: 3, State.WARNING: 3, State.FAULT: 1}  # for cron


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found.

    Attributes
    ----------
    words : one sentence, or a few
    advice : what to do next; empty where nothing is to be done, or `words` say it
    """

    name: str
    state: State
    words: str
    advice: str = ""


def without_password(words: str) -> str:
    """The same without the user and password of an address in it."""
    return _PASSWORD.sub("***@", words)


def worst(states: Any) -> State:
    """The worst of several states; OK if there is none."""
    return max(states, key=list(State).index, default=State.OK)


def attempt(name: str, look: Callable[[], Sequence[Check]]) -> list[Check]:
    """The checks of `look`, or the one that says why there are none.

    A `RegimeError` is a fault of the installation in words of its own; anything else that
    is raised is a fault of the check, and what it was to look at is unknown.
    """
    try:
        return list(look())
    except RegimeError as error:
        return [Check(name, State.FAULT, str(error))]
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
        said = " ".join(str(error).split()) or "no message"
        words = f"This could not be found out: {type(error).__name__}: {said[:300]}."
        return [Check(name, State.UNKNOWN, words, "Run it again; if it stays, report it.")]

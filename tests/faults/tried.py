"""Faults tried a few times in the reduced suite, and as often as it takes under `long`."""

import pytest


def tried(*, few: int, full: int):
    """A test with `tries`, once with few and once, marked `long`, with all of them.

    Of no few there is the full count only.
    """
    counts = [pytest.param(few, id=f"{few}x")] if few else []
    return pytest.mark.parametrize(
        "tries", [*counts, pytest.param(full, id=f"{full}x", marks=pytest.mark.long)]
    )

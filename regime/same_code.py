"""Processes that this one starts run its code, whatever the working directory holds."""

import os
import sys
from pathlib import Path


def same_code() -> dict[str, str]:
    """Environment of a child that finds modules where this process finds them.

    Python, streamlit and uvicorn would look in the working directory first, where somebody else's
    `app` or `training` may lie.
    """
    here = str(Path(__file__).parents[1])
    places = [place for place in sys.path if place]
    if here not in places:  # a checkout, which is found by other means
        places.insert(0, here)
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(places)}

"""One thread for linear algebra and trees.

The matrices here are small: a second thread waits more than it works, and beside another busy
process does little else.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Inside, every numerical library that was loaded by the first call uses one thread."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limited


@cache
def _controller() -> ThreadpoolController:
    # To look for the libraries takes 5 ms, to limit them none.
    return ThreadpoolController()

"""Functions turned into machine code on first use, and kept on disk for the next process."""

import contextlib
import hashlib
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

Function = TypeVar("Function", bound=Callable[..., Any])

# Products may fuse with sums; nothing else may differ from the order as written.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}


def compiled(function: Function) -> Function:
    """The function in machine code, compiled on first use and kept on disk where it can be."""
    try:
        kept = numba.njit(cache=True, **OPTIONS)(function)
        kept._cache._cache_file = Shelf(function, kept._cache)
    except (RuntimeError, AttributeError):
        # no folder to write to, or a numba that files otherwise: every process compiles for itself
        return cast(Function, numba.njit(**OPTIONS)(function))
    return cast(Function, kept)


class Shelf:
    """Where numba looks for machine code: a file for each signature of a function.

    Numba's own file numbers a function's signatures, so that two processes which save two of
    them at once can leave one under the other's name for good. It also goes on being used
    when what has changed is a constant or a function from another module.
    """

    def __init__(self, function: Callable[..., Any], cache: Any) -> None:
        self.function = function
        self.folder = cache.cache_path
        self.name = cache._impl.filename_base
        self.stamp = cache._impl.locator.get_source_stamp()

    def load(self, key: Any) -> Any:
        """What was saved under the key from the same code; None if nothing was."""
        return self._file(key).load(key)

    def save(self, key: Any, data: Any) -> None:
        """Keep it, unless there is no room left: the next process can compile for itself."""
        with contextlib.suppress(OSError):
            self._file(key).save(key, data)

    def _file(self, key: Any) -> Any:
        # The key holds types, whose names are the same in every process.
        name = f"{self.name}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"
        stamp = self.stamp, ingredients(self.function)
        return IndexDataCacheFile(self.folder, name, stamp)  # type: ignore[no-untyped-call]


def ingredients(function: Callable[..., Any]) -> str:
    """A name that changes with the code of a function, of any it calls, or a constant of theirs."""
    said = [repr(OPTIONS)]
    waiting, seen = [function], {function}
    while waiting:
        one = waiting.pop()
        code = one.__code__
        consts = [value for value in code.co_consts if not isinstance(value, CodeType)]
        said.append(repr((code.co_code, consts, code.co_names)))
        for name in code.co_names:
            value = one.__globals__.get(name)
            if isinstance(value, int | float | str | tuple):
                said.append(f"{name} = {value!r}")
            elif isinstance(value, Dispatcher) and value.py_func not in seen:
                seen.add(value.py_func)
                waiting.append(value.py_func)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()

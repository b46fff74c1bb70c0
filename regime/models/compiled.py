"""Functions turned into machine code on first use, and kept on disk for the next process.

numba is imported when the first of them is called: a third of a second and 50 MB that a process
which fits or filters no hidden states does without.
"""

import contextlib
import functools
import hashlib
from collections.abc import Callable
from types import CodeType
from typing import Any, Generic, ParamSpec, TypeVar

Taken = ParamSpec("Taken")
Given = TypeVar("Given")

# Products may fuse with sums; nothing else may differ from the order as written.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}


class Compiled(Generic[Taken, Given]):
    """A function in machine code; what numba says of it can be asked of this."""

    def __init__(self, function: Callable[Taken, Given]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function

    def __call__(self, *args: Taken.args, **kwargs: Taken.kwargs) -> Given:
        """What the function gives."""
        return self.dispatcher(*args, **kwargs)  # type: ignore[no-any-return]

    @functools.cached_property
    def dispatcher(self) -> Any:
        """numba's own object; made when it is first needed."""
        import numba

        try:
            kept = numba.njit(cache=True, **OPTIONS)(self.py_func)
            kept._cache._cache_file = Shelf(self.py_func, kept._cache)
        except (RuntimeError, AttributeError):
            # no folder to write to, or a numba that files otherwise: compiled in every process
            return numba.njit(**OPTIONS)(self.py_func)
        return kept

    @property
    def _numba_type_(self) -> Any:
        """What numba takes it for where one compiled function calls another."""
        return self.dispatcher._numba_type_

    def __getattr__(self, name: str) -> Any:
        """What is not here is asked of numba's object."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.dispatcher, name)


def compiled(function: Callable[Taken, Given]) -> Compiled[Taken, Given]:
    """The function in machine code, compiled on first use and kept on disk where it can be."""
    return Compiled(function)


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
        from numba.core.caching import IndexDataCacheFile

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
            elif isinstance(value, Compiled) and value.py_func not in seen:
                seen.add(value.py_func)
                waiting.append(value.py_func)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()

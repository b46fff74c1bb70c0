"""Sources are found by their names, and none is forgotten."""

import pkgutil
from importlib import import_module

from regime.data import sources
from regime.data.sources import LIVE_NAMES
from regime.data.sources.directory import LIVE
from regime.data.sources.live import Source


def test_every_module_with_a_source_is_named_and_goes_by_its_name():
    names = [module.name for module in pkgutil.iter_modules(sources.__path__)]
    modules = {name: import_module(f"{sources.__name__}.{name}") for name in names}
    found = {
        name: module.SOURCE.name
        for name, module in modules.items()
        if isinstance(getattr(module, "SOURCE", None), Source)
    }
    assert found == {name: name for name in LIVE_NAMES}
    assert list(LIVE) == [*LIVE_NAMES]

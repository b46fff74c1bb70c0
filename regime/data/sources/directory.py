"""Every source on the network, by name."""

from importlib import import_module

from regime.data.sources import LIVE_NAMES
from regime.data.sources.live import Source


def _source(name: str) -> Source:
    found: Source = import_module(f"regime.data.sources.{name}").SOURCE
    return found


LIVE: dict[str, Source] = {name: _source(name) for name in LIVE_NAMES}

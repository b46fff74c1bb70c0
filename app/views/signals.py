"""Placeholder."""

from app import widgets

snapshot = widgets.page("signals", "Regime")

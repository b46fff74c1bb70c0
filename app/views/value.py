"""Placeholder."""

from app import widgets

snapshot = widgets.page("value", "Regime")

"""Placeholder."""

from app import widgets

snapshot = widgets.page("data", "Regime")

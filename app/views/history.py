"""Placeholder."""

from app import widgets

snapshot = widgets.page("history", "Regime")

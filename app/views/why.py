"""Placeholder."""

from app import widgets

snapshot = widgets.page("why", "Regime")

"""Placeholder."""

from app import widgets

snapshot = widgets.page("what_if", "Regime")

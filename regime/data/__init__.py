"""Observations with two dates, and the panel of what was known at each close."""

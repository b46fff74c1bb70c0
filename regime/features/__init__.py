"""Panel to named, stationary, causal features."""

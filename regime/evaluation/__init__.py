"""Honest walk-forward, scores, and what can be told apart."""

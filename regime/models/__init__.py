"""Classifiers: features of a day to probabilities of the three regimes."""

"""Whether values are good, and whether they are there in time."""

"""What explains a day, by name: players, columns and limits. Light enough for a page."""

FILTER = "filter"  # the player whose features are those of the path
MEMORY = "memory"  # the player that is the rows before, of a model that remembers them
SHARES = ["player", "regime", "share"]
DRIVERS = ["feature", "unit", "before", "now", "regime", "share"]
LEAST = 1e-6  # no answer counts as surer than this

AHEAD = 63  # sessions after which it is told what followed a similar day
SIMILAR = ["date", "distance", "regime", "followed", "episode"]

LIMIT = 0.15  # simple return; moves beyond it are not looked for
FLIPS = ["basket", "direction", "move", "to_regime", "confirmed", "monotone", "words"]

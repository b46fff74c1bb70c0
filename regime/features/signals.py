"""The numbers strategists watch, as features: those made of the panel that models see."""

from regime.features.family import SD, Feature
from regime.features.transforms import TrailingZScore
from regime.signals.registry import SIGNALS


def signals(window: int) -> list[Feature]:
    """Every signal that a model may read, standardised over `window` days.

    Most are other windows of what the other families hold; streaks and distances from the
    extremes are not.
    """
    z = TrailingZScore(window)
    return [
        Feature(f"signal_{one.name}", SD, f"{one.title}. {one.topic.why}", one.needs, one.of, (z,))
        for one in SIGNALS.values()
        if one.feature
    ]

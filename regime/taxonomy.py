"""The three regimes: one name each, used as column, label and key everywhere."""

from enum import StrEnum


class Regime(StrEnum):
    """Which basket of US companies leads. The order is the order of every table."""

    MEGA_CAP_LED = "mega_cap_led"
    BROADENING = "broadening"
    SMALL_CAP_LED = "small_cap_led"

    @property
    def words(self) -> str:
        """What a reader is told."""
        return _WORDS[self]

    @property
    def short(self) -> str:
        """The same without its explanation: "Broadening"."""
        return _WORDS[self].partition(" (")[0]


REGIMES: tuple[str, ...] = tuple(regime.value for regime in Regime)

_WORDS = {
    Regime.MEGA_CAP_LED: "Mega-cap led",
    Regime.BROADENING: "Broadening (the average large company leads)",
    Regime.SMALL_CAP_LED: "Small-cap led",
}

"""A home with a simulated market and a version in service, trained before its last days."""

import pandas as pd
import pytest
from lived import Home

from regime.explained import FLIPS, SIMILAR
from regime.service import publishing
from regime.service.explaining import OF_DRIVERS, OF_SHARES

NOTHING = {
    "features": ["date"], "shares": OF_SHARES, "drivers": OF_DRIVERS, "similar": SIMILAR,
    "flips": FLIPS,
}  # fmt: skip


@pytest.fixture
def home(trained_home, tmp_path) -> Home:
    return trained_home.copied(tmp_path / "home")


@pytest.fixture
def explained():
    """Asks for what explains a day: two thirds of the time it takes to publish one."""


@pytest.fixture(autouse=True)
def _unexplained(request):
    """Whose test does not ask for `explained` publishes a day without."""
    with pytest.MonkeyPatch.context() as patch:
        if "explained" not in request.fixturenames:
            nothing = {name: pd.DataFrame(columns=columns) for name, columns in NOTHING.items()}
            patch.setattr(publishing, "explained", lambda *_, **__: (nothing, []))
            patch.setattr(publishing, "watch_or_note", lambda *_: None)
        yield

"""A small market in service, published, and what an audit looks at."""

import pandas as pd
import pytest
from lived import TRAINED, Home
from once import once

from regime.audit import subject as of_subject
from regime.audit.subject import subject_of
from regime.service.publishing import commit, prepare
from regime.signals.declared import sizes

FEW = 6  # signals


@pytest.fixture(scope="module")
def home(trained_home, tmp_path_factory):
    """Two sessions after training, each published."""

    def make(folder):
        home = trained_home.copied(folder / "home")
        for day in pd.bdate_range(TRAINED, periods=3)[1:]:
            now = home.fetch(day)
            commit(prepare(home.settings, home.store, now), home.settings, home.store)

    return Home(once(tmp_path_factory, "audited", make) / "home")


@pytest.fixture
def few_signals(monkeypatch):
    """A handful of signals: each replay makes them all."""
    monkeypatch.setattr(of_subject, "all_signals", lambda watch: sizes.SIGNALS[:FEW])


@pytest.fixture(scope="module")
def honest(home):
    """What is audited, with a handful of signals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_subject, "all_signals", lambda watch: sizes.SIGNALS[:FEW])
        return subject_of(home.settings)

"""An address that is wrong is told without the password it may hold."""

import pytest

from regime.data.database import places
from regime.data.store import ObservationStore
from regime.exceptions import RegimeError, StoreError
from regime.settings import Settings

WRONG = [
    "postgresql://joe:s3cretpw@127.0.0.1:1/db",
    "postgresql://127.0.0.1:1/db?password=s3cretpw&user=joe",
    "postgresql://joe:more@s3cretpw@127.0.0.1:1/db",
    "postgresql://joe:s3cretpw@127.0.0.1:notaport/db",
    "joe:s3cretpw@127.0.0.1/db",
    " postgresql://joe:s3cretpw@127.0.0.1/db",
    "host=127.0.0.1 password=s3cretpw",
    "mysql://joe:s3cretpw@127.0.0.1/db",
]


@pytest.mark.parametrize("address", WRONG)
def test_no_password_is_ever_told(address, monkeypatch, tmp_path):
    monkeypatch.setenv("REGIME_DATABASE_URL", address)
    settings = Settings(home=tmp_path)
    assert "s3cretpw" not in repr(settings)
    with pytest.raises(RegimeError) as error:
        ObservationStore(settings.store).is_empty()
    assert "s3cretpw" not in str(error.value)
    assert "REGIME_DATABASE_URL" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_driver_that_is_not_installed_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr(places, "find_spec", lambda _: None)
    with pytest.raises(StoreError, match=r"pip install 'equity-leadership-regime\[postgres\]'"):
        places.database_at("postgresql://joe:s3cretpw@127.0.0.1:1/db")

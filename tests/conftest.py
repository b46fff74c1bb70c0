"""Markets to test on: a simulated one, and the real one where its folder is at hand."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# As the command sets it, and before numpy is loaded anywhere: tests that run beside one another
# leave no core for more threads, which would only wait for it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest
from commands import Commands
from once import once
from postgres_server import PostgresServer, programs

from regime.data.baskets import BASKET_SETS
from regime.data.calendar import trading_days
from regime.data.panel import point_in_time
from regime.data.sources import demo, files

REAL_DATA = Path(
    os.environ.get("REGIME_TEST_DATA", Path(__file__).parents[1].parent / "shared" / "data")
)

MAIN = sys.modules["__main__"]
# Few tests that take long: at the end, one core would wait for the other.
SLOW = [
    "test_workers", "test_life", "test_run_kill", "test_serving", "test_baselines", "test_edge",
    "test_kill", "test_shared_server", "test_compare_runs", "test_service",
]  # fmt: skip


def pytest_configure(config):
    """Files are handed to processes in the order they are collected in, which is made here."""
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Beside one another: slow files first, then those of many tests, as xdist itself does."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        number = Counter(item.path for item in items)
        items.sort(key=lambda item: (item.path.stem not in SLOW, -number[item.path]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """A page that is tested leaves itself as `__main__`, and new processes start from there."""
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server, or a skip that says what is missing."""
    if programs() is None:
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail("REQUIRE_POSTGRES=1, but there is no initdb: install postgresql")
        pytest.skip("no PostgreSQL server is installed")
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market data, or a skip that says what is missing."""
    if not REAL_DATA.is_dir():
        if os.environ.get("REQUIRE_REAL_DATA") == "1":
            pytest.fail(f"REQUIRE_REAL_DATA=1, but there is no folder {REAL_DATA}")
        pytest.skip(f"no real data in {REAL_DATA}; set REGIME_TEST_DATA to its folder")
    return REAL_DATA


@pytest.fixture(scope="session")
def real_read(real_data, tmp_path_factory) -> files.FolderRead:
    """That folder as it was read, either set of baskets being enough. Not to be changed."""

    def make(folder):
        either = [BASKET_SETS[name].series for name in ("french", "funds")]
        pd.to_pickle(files.fetch(real_data, required=either), folder / "read")

    return pd.read_pickle(once(tmp_path_factory, "read", make) / "read")


@pytest.fixture(scope="session")
def real_panel(request, tmp_path_factory, real_data) -> pd.DataFrame:
    """What was known at each close, 1926 to 2024."""

    def make(folder):
        read = request.getfixturevalue("real_read")  # by whoever makes the panel only
        days = trading_days(pd.Timestamp("1926-07-01"), pd.Timestamp("2024-12-31"))
        point_in_time(read.observations, days).to_pickle(folder / "panel")

    return pd.read_pickle(once(tmp_path_factory, "real", make) / "panel")


@pytest.fixture(scope="session")
def market() -> pd.DataFrame:
    """A simulated panel, 1988 to 2008: funds begin inside it, some series late."""
    days = trading_days(pd.Timestamp("1988-01-04"), pd.Timestamp("2008-12-31"))
    return point_in_time(demo.simulate(days).observations, days)


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """The `regime` command, imported once for all that run it."""
    running = Commands(tmp_path_factory.mktemp("commands"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory):
    """A home with a version in service, trained on the last day it knows. To be copied only."""
    from lived import TRAINED, Home  # which imports MLflow

    def make(folder):
        home = Home(folder / "home")
        home.fetch(TRAINED)
        home.train(TRAINED)

    return Home(once(tmp_path_factory, "trained", make) / "home")


@pytest.fixture
def leads() -> pd.DataFrame:
    """Four years of leads with persistent leaders and no other structure."""
    rng = np.random.default_rng(5)
    days = trading_days(pd.Timestamp("2001-01-02"), pd.Timestamp("2004-12-31"))
    leader = np.repeat(rng.integers(0, 3, size=len(days) // 60 + 1), 60)[: len(days)]
    values = rng.normal(size=(len(days), 3)) + 0.5 * np.eye(3)[leader]
    values -= values.mean(axis=1, keepdims=True)
    return pd.DataFrame(values, days, ["mega_cap_led", "broadening", "small_cap_led"])

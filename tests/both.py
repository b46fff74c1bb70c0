"""Properties that hold on both databases: all examples on SQLite, on PostgreSQL a few of them.

PostgreSQL takes three times as long for each, so its full count runs under `long`.
"""

import pytest
from hypothesis import HealthCheck, settings


def all_examples(count: int):
    """The test of a property: so many examples, on PostgreSQL where there is time."""
    where = ["sqlite", pytest.param("postgres", marks=pytest.mark.long)]
    return _with(count, where)


def few_on_postgres(count: int):
    """The test that is to call the other one's `hypothesis.inner_test`."""
    return _with(count, ["postgres"])


def _with(count, where):
    marked = pytest.mark.parametrize("new_store", where, indirect=True)
    drawn = settings(
        deadline=None, max_examples=count,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )  # fmt: skip
    return lambda test: marked(drawn(test))

"""Properties drawn a few times in the reduced suite, and as often as it takes under `long`."""

import pytest
from hypothesis import HealthCheck, given, settings


def drawn(*strategies, few: int, full: int, on_postgres: int | None = None, **options):
    """The test of a property, once with few examples and once with all of them.

    Parameters
    ----------
    strategies, options : of `given`, and `settings` of hypothesis that hold for both
    on_postgres : few examples there, if the test takes `new_store`
    """
    quiet = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}

    def holds(test, examples, **fixtures):
        settings(max_examples=examples, **quiet, **options)(given(*strategies)(test))(**fixtures)

    def decorate(test):
        if on_postgres is None:
            names, counts = ["examples"], [(few,)]
            long = [(full,)]

            def repeated(examples):
                holds(test, examples)

        else:
            names, counts = ["new_store", "examples"], [("sqlite", few), ("postgres", on_postgres)]
            long = [("sqlite", full), ("postgres", full)]

            def repeated(new_store, examples):
                holds(test, examples, new_store=new_store)

        repeated.__name__, repeated.__doc__ = test.__name__, test.__doc__
        rows = counts + [pytest.param(*row, marks=pytest.mark.long) for row in long]
        return pytest.mark.parametrize(names, rows, indirect=names[:-1])(repeated)

    return decorate

"""Whatever is put into a parser, it reads something that can be, or says what is wrong.

In the reduced suite each parser meets some tens of documents. Under `long` it is 200,000, which
parsers of one kind share; `results.json` has the counts. As a document may take 10 ms, that is
hours: `pytest tests/fuzz -m long -n 2 --dist worksteal`.
"""

import pytest
from fuzz.home import PARSERS as OF_THE_USER
from fuzz.kept import PARSERS as KEPT
from fuzz.mutations import damaged, free
from fuzz.network import PARSERS as OF_THE_NETWORK
from fuzz.parsing import Count
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

PARSERS = {one.name: one for one in (*OF_THE_NETWORK, *OF_THE_USER, *KEPT)}
FEW, MANY = (2, 5), (400, 500)  # examples, and damaged documents in each
# A document is drawn from a seed, so there is nothing between two of them to shrink to.
NO_SHRINKING = [Phase.explicit, Phase.generate]
# What loads trees takes seconds to import.
CASES = [(name, FEW) for name in PARSERS if "trees" not in name]
CASES += [pytest.param(name, MANY, marks=pytest.mark.long) for name in PARSERS]


def holds(test, strategy, examples):
    quiet = {"deadline": None, "phases": NO_SHRINKING, "database": None, "derandomize": True}
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    settings(max_examples=examples, suppress_health_check=checks, **quiet)(given(strategy)(test))()


@pytest.mark.parametrize(("name", "size"), CASES)
# numpy's words on forged headers
@pytest.mark.filterwarnings("ignore:Reading `.npy`", "ignore:Data type alias:DeprecationWarning")
def test_a_damaged_document_is_read_soundly_or_refused_in_words(name, size, tmp_path):
    parser, count, (examples, each) = PARSERS[name], Count(), size
    full = size == MANY
    each = -(-each // parser.share) if full else each
    valid = parser.valid()
    count.read(parser, valid, tmp_path)
    assert count.accepted == len(valid), f"a good document was refused: {count.faults}"
    strategy = st.tuples(damaged(valid, parser.mutate, each=each), free())
    holds(lambda drawn: count.read(parser, [*drawn[0], *drawn[1]], tmp_path), strategy, examples)
    assert not count.faults, "\n".join(f"{what}: {where}" for what, where in count.faults.items())
    if full:
        count.record(parser)

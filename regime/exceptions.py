"""Everything that can go wrong for a user, as one tree.

RegimeError
├── ConfigError      an experiment file or a setting says something we cannot do
├── SourceError      a provider or a folder does not hold what was asked of it
│   ├── UnreachedError   nobody answers there
│   └── AbsentError      they answer that there is no such document
├── StoreError       the store cannot be read, written or trusted
├── PanelError       what is known is not enough for what is to be computed
└── EvaluationError  there is nothing, or too little, to judge a model on

A message says what was needed, what was found and what to do next.
"""


class RegimeError(Exception):
    """A fault a user can mend; printed as one line, without a traceback."""

    def __str__(self) -> str:
        # It may quote half a character of a document or a file name, which no terminal prints.
        return super().__str__().encode("utf-8", "backslashreplace").decode("utf-8")


class ConfigError(RegimeError):
    """An experiment file or a setting says something we cannot do."""


class SourceError(RegimeError):
    """A provider or a folder does not hold what was asked of it."""


class UnreachedError(SourceError):
    """Nobody answers at the address of a provider."""


class AbsentError(SourceError):
    """A provider, or the archive of what it once said, has no such document."""


class StoreError(RegimeError):
    """The store cannot be read, written or trusted."""


class PanelError(RegimeError):
    """What is known is not enough for what is to be computed."""


class TrainingRowsError(PanelError, ValueError):
    """What is known is not enough to fit an estimator; scikit-learn expects a ValueError there."""


class EvaluationError(RegimeError):
    """There is nothing, or too little, to judge a model on."""

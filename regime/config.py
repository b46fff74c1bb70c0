"""What an experiment studies: plain values with units, read from one TOML file each.

Names come from closed sets and unknown keys are errors; nothing here is an import path.
"""

import difflib
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from regime.exceptions import ConfigError
from regime.shipped import nearest_shipped

Baskets = Literal["french", "funds", "funds_xlg", "funds_ijr"]
FeatureSet = Literal[
    "path", "rates", "valuation", "breadth", "leadership", "leads", "styles", "stress", "signals"
]
ModelKind = Literal[
    "climatology",
    "persistence",
    "filter",
    "logistic",
    "hist_gradient_boosting",
    "boosting",
    "boosting_from_filter",
    "gaussian_hmm",
    "hybrid",
    "resampled_filter",
    "logistic_correction",
    "boosting_correction",
    "stack",
]
Horizon = Annotated[int, Field(ge=0, le=252, strict=True)]

MOST_TEXT, LONGEST_LINE = 100_000, 2_000  # characters of a file, and of a line of it

# The first test of each basket set leaves decades, or a French history, to learn from.
FIRST_TEST: dict[str, date] = {
    "french": date(1975, 1, 1),
    "funds": date(2010, 1, 1),
    "funds_xlg": date(2010, 1, 1),
    "funds_ijr": date(2010, 1, 1),
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeatureConfig(_Section):
    """Which features a model reads.

    Attributes
    ----------
    sets : names of feature sets; none for a model that reads the path alone
    window : trading days over which slow series are standardised
    """

    sets: tuple[FeatureSet, ...] = ()
    window: int = Field(default=2520, ge=21, le=25200, strict=True)


class LabelConfig(_Section):
    """The label, and how far ahead it is forecast.

    Attributes
    ----------
    switching_cost : what a change of leader must earn, in standard deviations of lead
    horizons : trading days ahead; 0 is the day itself
    """

    switching_cost: float = Field(default=10.0, gt=0, le=1000, allow_inf_nan=False, strict=True)
    horizons: tuple[Horizon, ...] = Field(default=(0, 21, 63), min_length=1)


class TrainingConfig(_Section):
    """Which confirmed rows a model is fitted on.

    Attributes
    ----------
    since : the first day
    every : of the rows from there on, every so many
    """

    since: date = Field(default=date(1927, 1, 1), strict=True)
    every: int = Field(default=1, ge=1, le=252, strict=True)


class EvaluationConfig(_Section):
    """When testing begins, and how long a fit serves.

    Attributes
    ----------
    first_test : first day of the test by basket set; `FIRST_TEST` for those that are not named
    refit_every : trading days
    """

    first_test: dict[Baskets, date] = Field(default_factory=dict)
    refit_every: int = Field(default=252, ge=1, le=25200, strict=True)


class ModelConfig(_Section):
    """A kind of model, and what of it is not left as it is.

    Attributes
    ----------
    kind : which one; `models.assembly.build_classifier` says what each is
    params : those of its parameters that differ from their defaults
    """

    kind: ModelKind
    params: dict[str, Any] = Field(default_factory=dict)


class ExperimentConfig(_Section):
    """One question, and all it takes to answer it again.

    Attributes
    ----------
    name : that of the file, and of the run
    question : the comment at the top of the file
    baskets : basket sets it is asked on
    features, labels, training, evaluation, model : the tables of the file
    members : of a stack, the experiments whose probabilities it pools
    """

    name: str
    question: str = ""
    baskets: tuple[Baskets, ...] = Field(default=("french", "funds"), min_length=1)
    features: FeatureConfig = FeatureConfig()
    labels: LabelConfig = LabelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    model: ModelConfig
    members: tuple["ExperimentConfig", ...] = ()  # of a stack: whose probabilities it pools

    @field_validator("name")
    @classmethod
    def _names_one_folder(cls, name: str) -> str:
        # Results are kept in a folder of this name, and a stored model brings its own along.
        if not name.isprintable() or name.startswith(".") or {*name} & {"/", "\\"}:
            raise ValueError(f"name must be that of one folder, without / or a dot first: {name!r}")
        if not 0 < len(name.encode()) <= 200:
            raise ValueError(f"name needs 1 to 200 bytes, and has {len(name.encode())}")
        return name

    @model_validator(mode="after")
    def _members_of_a_stack(self) -> "ExperimentConfig":
        if (self.model.kind == "stack") != bool(self.members):
            raise ValueError(
                'a stack needs members = ["..."], names of experiments beside it, and nothing '
                "else takes any"
            )
        names = [member.name for member in self.members]
        if len({*names}) < len(names):
            raise ValueError(f"members names something twice: {names}")
        if stacks := [member.name for member in self.members if member.members]:
            raise ValueError(f"members must not be stacks themselves: {', '.join(stacks)} is one")
        if self.members and self.training != TrainingConfig():
            raise ValueError("a stack's members train as they say themselves; remove training")
        if self.members and self.features.sets:
            raise ValueError("a stack reads what its members read; remove features.sets")
        windows = {member.features.window for member in self.members if member.features.sets}
        if self.members and len(windows | {self.features.window}) > 1:
            raise ValueError(
                f"members standardise over {', '.join(map(str, sorted(windows)))} trading days, "
                f"the stack over {self.features.window}; give all of them one features.window"
            )
        return self

    @model_validator(mode="after")
    def _no_repeats(self) -> "ExperimentConfig":
        for key, values in (
            ("baskets", self.baskets),
            ("labels.horizons", self.labels.horizons),
            ("features.sets", self.features.sets),
        ):
            if len({*values}) < len(values):
                raise ValueError(f"{key} names something twice: {list(values)}")
        return self

    def first_test(self, baskets: str) -> date:
        """First day this experiment is judged on with these baskets."""
        chosen: dict[Any, date] = dict(self.evaluation.first_test)
        return chosen.get(baskets, FIRST_TEST[baskets])


def toml_of(text: str) -> dict[str, Any]:
    """Values of a TOML document that somebody wrote by hand.

    Raises
    ------
    ValueError
        If it is none, or is beyond the size at which reading it takes seconds: a name of many
        parts takes the square of their number.
    """
    if len(text) > MOST_TEXT or max(map(len, text.splitlines()), default=0) > LONGEST_LINE:
        raise ValueError(
            f"it has more than {MOST_TEXT:,} characters, or a line of more than {LONGEST_LINE:,}"
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def load_experiment(path: Path) -> ExperimentConfig:
    """Read one experiment; the file's name is the run's, its leading comment the question.

    Raises
    ------
    ConfigError
        Naming the file, the key and the nearest key that exists.
    """
    return _load(path)


def _load(path: Path, stack: Path | None = None) -> ExperimentConfig:
    """The experiment of a file, which may be a member of that of another."""
    if path.suffix != ".toml":
        raise ConfigError(f"{path} is no experiment: expected a file that ends in .toml.")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"There is no experiment {path}.{_neighbours(path)}") from None
    except UnicodeDecodeError:
        raise ConfigError(
            f"{path} cannot be read: it is not UTF-8 text. Save it as UTF-8."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        values = toml_of(text)
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    if given := {"name", "question"} & {*values}:
        raise ConfigError(
            f"{path}: unknown key {min(given)!r}. The file's name is the run's name, and the "
            "comment at its top is the question."
        )
    if stack and values.get("members"):  # said before they are read: they may name one another
        raise ConfigError(
            f"{stack}: members must not be stacks themselves: {path.stem} is one. Name what it "
            "names."
        )
    values["members"] = _members(path, values.get("members", []))
    comment = [line.lstrip("# ") for line in text.split("\n\n")[0].splitlines() if line[:1] == "#"]
    try:
        return ExperimentConfig(
            **{"name": path.stem, "question": " ".join(comment).strip(), **values}
        )
    except (ValidationError, TypeError) as error:
        raise ConfigError(_explain(path, error)) from None


def _members(path: Path, names: Any) -> list[ExperimentConfig]:
    """Experiments a stack names: beside it, or in a folder above."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"{path}: members = {names!r} must be names of experiments, for example "
            '["filter", "hmm_leadership"].'
        )
    found = []
    for name in names:
        file = _member(path, name)
        if not file.is_file():
            raise ConfigError(
                f"{path}: members names {name!r}, but there is no experiment {file}."
                f"{_neighbours(file)}"
            )
        if file.absolute() == path.absolute():
            raise ConfigError(f"{path}: members names the stack itself. Name other experiments.")
        found.append(_load(file, path))
    return found


def _member(path: Path, name: str) -> Path:
    folders = [path.parent, *list(path.absolute().parents)[1:3]]
    files = [folder / f"{name}.toml" for folder in folders]
    return next((one for one in files if one.is_file()), files[0])


def member_files(path: Path) -> list[Path]:
    """Files of the experiments that a stack's file names; none of any other."""
    return [_member(path, member.name) for member in load_experiment(path).members]


def _neighbours(path: Path) -> str:
    # Typed in a clone's own folder, an experiment's bare name means the one of experiments/.
    folder = Path("experiments") if path.parent == Path() else path.parent
    names = sorted(file.name for file in folder.glob("[!.]*.toml")) if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean {folder / near[0]}?"
    if names:
        return f" {folder} holds {', '.join(names)}."
    shipped = nearest_shipped(path)
    guess = f" Did you mean {shipped}, which comes with the program?" if shipped else ""
    return f" {folder} holds no .toml file.{guess}"


def _explain(path: Path, error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return f"{path}: {error}."
    faults = error.errors()
    # A list whose entries are all refused is not also too short.
    parents = {fault["loc"][:-1] for fault in faults}
    lines = [
        _explain_one(fault)
        for fault in faults
        if fault["type"] != "too_short" or fault["loc"] not in parents
    ]
    return "\n".join(f"{path}: {line}" for line in dict.fromkeys(lines))


def _explain_one(fault: Any) -> str:
    where = [str(part) for part in fault["loc"]]
    key = ".".join(part for part in where if part != "[key]")
    if fault["type"] == "extra_forbidden":
        known = _keys_of(where[:-1])
        near = difflib.get_close_matches(where[-1], known, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        return f"unknown key {key!r}.{guess} Known here: {', '.join(known)}."
    if fault["type"] == "missing":
        return f'the key {key!r} is missing. Add, for example, model = {{ kind = "filter" }}.'
    if fault["type"] == "literal_error":
        near = difflib.get_close_matches(str(fault["input"]), _choices(fault), n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        choices = ", ".join(_choices(fault))
        return f"{key} = {fault['input']!r} is not known.{guess} Choose from {choices}."
    if fault["type"] in _PLAIN_WORDS:
        return f"{key} = {fault['input']!r} must be {_PLAIN_WORDS[fault['type']]}."
    said = fault["msg"].removeprefix("Value error, ")
    return f"{key} = {fault['input']!r}: {said}." if key else f"{said}."


_PLAIN_WORDS = {
    "tuple_type": 'a list in brackets, for example ["funds"]',
    "dict_type": "a table in braces, for example { funds = 2010-01-01 }",
    "model_type": 'a table in braces, for example { kind = "filter" }',
    "too_short": "a list of at least one",
    "date_type": "a date without quotes, for example 2010-01-01",
}


def _choices(fault: Any) -> list[str]:
    for options in (Baskets, FeatureSet, ModelKind):
        names = [str(name) for name in get_args(options)]
        if repr(names[0]) in fault["ctx"]["expected"]:
            return names
    return []


def _keys_of(where: list[str]) -> list[str]:
    model: Any = ExperimentConfig
    for part in where:
        model = model.model_fields[part].annotation
    return [name for name in model.model_fields if where or name not in ("name", "question")]

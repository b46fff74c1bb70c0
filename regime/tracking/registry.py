"""Versions of the model: register, promote, load the champion and what is said of it."""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from regime.bundle import Bundle
from regime.exceptions import StoreError
from regime.experiment import ExperimentResult
from regime.settings import Settings
from regime.tracking.card import SCHEMA, card_of
from regime.tracking.card_text import card_markdown, escaped, first_paragraph
from regime.tracking.kept import table
from regime.tracking.mlflow_client import (
    DATA,
    client,
    has_tracking,
    is_simulated,
    market,
    plain_faults,
)
from regime.tracking.names import CHALLENGER, CHAMPION, FORMER, MODEL
from regime.tracking.runs import code_version, environment
from regime.tracking.served_contract import served_contract
from regime.tracking.storage import check_digest, load_bundle, save_bundle, sha256
from regime.tracking.trials import count_configurations

LAST_TIME = ("forced", "forced_why", "rolled_back_at", "rolled_back_why")  # of a promotion before
_PATIENCE = 30.0  # seconds; a promotion takes some
_DIGEST = "bundle_sha256"
_RECORD_DIGEST = "walk_forward_sha256"
_FALLBACK_DIGEST = "fallback_sha256"
_FOLDER, _BUNDLE, _FALLBACK = "model", "bundle", "filter"
_RECORD = "walk_forward.parquet"
_CARD, _CARD_TEXT = "card.json", "card.md"
_CARD_DIGESTS = {_CARD: "card_sha256", _CARD_TEXT: "card_text_sha256"}


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version with what it needs to speak of any day.

    Attributes
    ----------
    number : the registry's
    bundle : the fitted model
    walk_forward : DataFrame of shape (n_rows, n_regimes + 3), long form
        Out-of-sample probabilities up to the end of training: `date`, `horizon` (trading days), a
        column per regime, `fitted_on`.
    simulated : whether it was trained on a simulated market
    digest : of the bundle's files
    fallback : the filter, fitted on the same rows, for days on which features are missing
    """

    number: str
    bundle: Bundle
    fallback: Bundle
    walk_forward: pd.DataFrame
    simulated: bool
    digest: str


def register(
    bundle: Bundle,
    fallback: Bundle,
    result: ExperimentResult,
    run_id: str,
    settings: Settings,
    *,
    simulated: bool,
    value: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """Store a bundle in its run, register it as the challenger, and return its version.

    The walk-forward of the same experiment goes with it: what the version may say of days
    it was trained on. So does a model card, whose first paragraph describes the version.

    Parameters
    ----------
    result : of the bundle's own experiment, on the panel the bundle was fitted on
    run_id : the run of that experiment
    value : rows of `evaluation.rotation.value`, for the card

    Raises
    ------
    EvaluationError
        If no card can be made of this result.
    """
    from mlflow.exceptions import MlflowException

    tracker = client(settings)
    card = card_of(
        result,
        bundle,
        simulated=simulated,
        registered_at=pd.Timestamp.now("UTC"),
        code_version=code_version(),
        n_configurations=count_configurations(settings, simulated=simulated) or None,
        value=value,
    )
    with tempfile.TemporaryDirectory() as folder:
        digest = save_bundle(bundle, Path(folder) / _BUNDLE)
        fallback_digest = save_bundle(fallback, Path(folder) / _BUNDLE / _FALLBACK)
        record = Path(folder) / _BUNDLE / _RECORD
        mine = result.predictions["baskets"] == bundle.baskets
        result.predictions[mine].drop(columns="baskets").to_parquet(record, index=False)
        record_digest = sha256(record)
        _save_for_mlflow(Path(folder) / _FOLDER, Path(folder) / _BUNDLE, digest, bundle)
        card_digests = _save_card(card, Path(folder) / _FOLDER)
        tracker.log_artifacts(run_id, str(Path(folder) / _FOLDER), _FOLDER)
    try:
        tracker.create_registered_model(MODEL)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = tracker.create_model_version(
        MODEL,
        source=f"{tracker.get_run(run_id).info.artifact_uri}/{_FOLDER}",
        run_id=run_id,
        description=escaped(first_paragraph(card)),
        tags={
            _DIGEST: digest,
            **card_digests,
            _RECORD_DIGEST: record_digest,
            _FALLBACK_DIGEST: fallback_digest,
            "experiment": bundle.config.name,
            "baskets": bundle.baskets,
            "trained_until": f"{bundle.trained_until:%Y-%m-%d}",
            "panel_digest": result.panel_digest,
            "code_version": code_version(),
            "environment_sha256": hashlib.sha256(environment().encode()).hexdigest(),
            DATA: market(simulated),
        },
    )
    tracker.set_registered_model_alias(MODEL, CHALLENGER, version.version)
    return str(version.version)


def _save_for_mlflow(folder: Path, files: Path, digest: str, bundle: Bundle) -> None:
    """The bundle as a model MLflow can serve: models from code, so nothing is pickled.

    `files` is the folder the bundle was saved in. What it takes is declared, so that a request
    without a basket is refused, and series that no feature reads are left out.
    """
    import mlflow

    signature, example = served_contract(bundle)
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=str(Path(__file__).with_name("served.py")),
        artifacts={_BUNDLE: str(files)},
        model_config={"digest": digest},
        pip_requirements=[f"equity-leadership-regime=={version_of('equity-leadership-regime')}"],
        signature=signature,
        input_example=(example, {"since": ""}),
    )


def _save_card(card: dict[str, Any], folder: Path) -> dict[str, str]:
    """Write a card beside the bundle, as data and to read; returns tags with the digests."""
    (folder / _CARD).write_text(json.dumps(card, indent=1, allow_nan=False), encoding="utf-8")
    (folder / _CARD_TEXT).write_text(card_markdown(card), encoding="utf-8")
    return {tag: sha256(folder / name) for name, tag in _CARD_DIGESTS.items()}


def promote(settings: Settings, version: str | None = None, *, gate: str = "not gated") -> str:
    """Make a version the champion, the challenger by default, without asking the gate.

    For a demo and for tests; whoever serves users asks `tracking.promotion`. Returns its number,
    and keeps `gate` as the tag `gate_decision`.

    Raises
    ------
    StoreError
        If there is no such version, it does not load whole, or another process promotes.
    """
    tracker = client(settings)
    with sole_promoter(settings), plain_faults(settings):
        chosen = find_version(tracker, version or CHALLENGER)
        now = pd.Timestamp.now("UTC")
        move_champion(tracker, chosen, {"promoted_at": iso(now), "gate_decision": gate})
    return str(chosen.version)


def move_champion(tracker: Any, version: Any, tags: Mapping[str, str]) -> None:
    """Move the alias `champion` to a version that loads whole, and leave the trail of it.

    Whoever is killed here leaves one champion, and the same call finishes: tags and `former`
    first, then the one step that counts, then the challenger's alias, which is not needed.

    Parameters
    ----------
    version : of the registry
    tags : of the version, with `promoted_at`; `promoted_over` is added, the champion's number
        or "none". Nothing is written where the version is the champion already.
    """
    _load(tracker, version)
    aliases, number = _aliases(tracker), str(version.version)
    former = aliases.get(CHAMPION)
    if former != number:
        for tag in LAST_TIME:
            if tag in version.tags:
                tracker.delete_model_version_tag(MODEL, number, tag)
        for key, value in {**tags, "promoted_over": former or "none"}.items():
            tracker.set_model_version_tag(MODEL, number, key, value)
        if former is not None:
            tracker.set_registered_model_alias(MODEL, FORMER, former)
        tracker.set_registered_model_alias(MODEL, CHAMPION, number)
    if aliases.get(CHALLENGER) == number:
        tracker.delete_registered_model_alias(MODEL, CHALLENGER)


@contextlib.contextmanager
def sole_promoter(settings: Settings) -> Iterator[None]:
    """Nobody else changes from this home who the champion is, until the end of the block."""
    settings.make_home()
    lock = FileLock(settings.home / "promotion.lock", timeout=_PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"Another process has been promoting or rolling back for {_PATIENCE:.0f} seconds: it "
            f"holds {lock.lock_file}. Let it finish, then look at `regime doctor`."
        ) from None
    try:
        yield
    finally:
        lock.release()


def standing(settings: Settings, version: str | None = None) -> tuple[str, str | None]:
    """Number of a version, and that of the champion, if any.

    By default the version is the challenger, and the champion itself where none waits.
    """
    tracker = client(settings)
    with plain_faults(settings):
        try:
            chosen = find_version(tracker, version or CHALLENGER)
        except StoreError as none:
            if version is not None:
                raise
            try:
                chosen = find_version(tracker, CHAMPION)
            except StoreError:
                raise none from None
        return str(chosen.version), _aliases(tracker).get(CHAMPION)


def _aliases(tracker: Any) -> dict[str, str]:
    found = tracker.get_registered_model(MODEL).aliases
    return {str(alias): str(number) for alias, number in found.items()}


def iso(moment: pd.Timestamp) -> str:
    """A moment as the tags of a version hold it: UTC, to the second."""
    return moment.tz_convert("UTC").isoformat(timespec="seconds")


def load_version(settings: Settings, version: str = CHAMPION) -> Version:
    """A version by number or alias, checked to the byte before anything is loaded."""
    tracker = client(settings)
    return _load(tracker, find_version(tracker, version))


def load_card(settings: Settings, version: str = CHAMPION) -> dict[str, Any]:
    """What `card_of` said of a version, by number or alias, with its `version`.

    Raises
    ------
    StoreError
        If there is no such version, or its card is missing, was changed, or has a schema
        this program does not know.
    """
    from mlflow.exceptions import MlflowException

    tracker = client(settings)
    found = find_version(tracker, version)
    digest = found.tags.get(_CARD_DIGESTS[_CARD])
    if digest is None:
        raise StoreError(
            f"Version {found.version} has no model card: it was registered by an earlier program. "
            "`regime retrain` registers one that has."
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = Path(tracker.download_artifacts(found.run_id, f"{_FOLDER}/{_CARD}", folder))
            check_digest(path, digest)
            card: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
        except (MlflowException, OSError, ValueError, TypeError) as error:
            raise StoreError(
                f"The model card of version {found.version} cannot be read: "
                f"{str(error).splitlines()[0]}. `regime retrain` registers a new one."
            ) from error
    if card.get("schema") != SCHEMA:
        raise StoreError(
            f"The model card of version {found.version} has schema {card.get('schema')}; this "
            f"program reads {SCHEMA}. Install the program that wrote it, or `regime retrain`."
        )
    return {**card, "version": str(found.version)}


def list_versions(settings: Settings) -> list[str]:
    """Numbers of all registered versions, the newest first; creates nothing.

    Raises
    ------
    StoreError
        If MLflow cannot be reached.
    """
    if not has_tracking(settings):
        return []
    tracker = client(settings)
    with plain_faults(settings):
        found = tracker.search_model_versions(f"name='{MODEL}'")
    return sorted((str(one.version) for one in found), key=int, reverse=True)


def find_version(tracker: Any, wanted: str) -> Any:
    """The registry's entry of a version, by number or alias; a StoreError says what there is."""
    from mlflow.exceptions import MlflowException

    try:
        if wanted.isdigit():
            return tracker.get_model_version(MODEL, wanted)
        return tracker.get_model_version_by_alias(MODEL, wanted)
    except MlflowException as error:
        if wanted == CHAMPION:
            raise StoreError(
                "No model is in service yet. Run `regime retrain resampled_leadership`, then "
                "`regime promote`."
            ) from error
        if wanted == CHALLENGER:
            raise StoreError(
                "There is no version to promote. Run `regime retrain resampled_leadership` first."
            ) from error
        try:
            known = [found.version for found in tracker.search_model_versions(f"name='{MODEL}'")]
        except MlflowException:
            known = []
        raise StoreError(
            f"There is no version {wanted!r}. Registered: {', '.join(map(str, known)) or 'none'}."
        ) from error


def _load(tracker: Any, version: Any) -> Version:
    from mlflow.exceptions import MlflowException

    digest = version.tags.get(_DIGEST)
    if digest is None:
        raise StoreError(
            f"Version {version.version} was not registered by `regime retrain`: it carries no "
            "digest. It was not loaded."
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            files = tracker.download_artifacts(
                version.run_id, f"{_FOLDER}/artifacts/{_BUNDLE}", folder
            )
        except (MlflowException, OSError) as error:
            raise StoreError(
                f"The files of version {version.version} cannot be read: "
                f"{str(error).splitlines()[0].rstrip('.')}. Run it again with memory and "
                "room on the disk; if the files are gone, retrain it: `regime retrain`."
            ) from error
        bundle = load_bundle(Path(files), digest=digest)
        fallback = load_bundle(
            Path(files) / _FALLBACK, digest=version.tags.get(_FALLBACK_DIGEST, "")
        )
        check_digest(Path(files) / _RECORD, version.tags.get(_RECORD_DIGEST, ""))
        walk_forward = table(Path(files) / _RECORD)
    return Version(
        number=str(version.version),
        bundle=bundle,
        fallback=fallback,
        walk_forward=walk_forward,
        simulated=is_simulated(version.tags),
        digest=digest,
    )

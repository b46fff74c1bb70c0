"""A bundle as files that hold numbers and names, never code.

Each classifier is a chain of steps. A step of a class listed in `ARRAYS` is stored as the
arrays it learned and the parameters it was given; tree ensembles are stored by skops, with
the list of trusted types kept here, not in the file. `bundle.json` names every file with
its SHA-256, and a version's digest is that of `bundle.json`: a byte changed anywhere is
noticed before anything is loaded. Nothing on this path can unpickle.
"""

import hashlib
import json
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from regime.bundle import Bundle
from regime.config import ExperimentConfig
from regime.exceptions import StoreError
from regime.models.assembly import LEARNED, PARTS
from regime.models.hmm import GaussianHMMClassifier
from regime.models.pooled import Member, Pooled
from regime.tracking import trees

FORMAT, READABLE = 3, (1, 2, 3)  # since 2, a booster over a filter is arrays; since 3, parts
MANIFEST = "bundle.json"
SKOPS = "skops"

# What each class has learned after `fit`; with its parameters it is the whole of it.
_OF_SCIKIT_LEARN: dict[type, tuple[str, ...]] = {
    StandardScaler: ("mean_", "scale_", "var_", "n_samples_seen_"),
    LogisticRegression: ("classes_", "coef_", "intercept_", "n_iter_"),
    SimpleImputer: ("statistics_",),
    GradientBoostingClassifier: (),  # `trees` says what it has learned
}
ARRAYS: dict[str, tuple[type, tuple[str, ...]]] = {
    kind.__name__: (kind, learned) for kind, learned in {**_OF_SCIKIT_LEARN, **LEARNED}.items()
}
_POOLED = Pooled.__name__
# What the readers of archives, arrays and trees raise of files that are none.
_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    EOFError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
    SystemError,  # numpy's, of characters beyond Unicode
)  # fmt: skip
_INPUT = ("n_features_in_", "feature_names_in_")

# What a stored tree ensemble may be made of beyond what skops trusts by itself. The list
# lives here and never in a model file. Trees hold node numbers that nobody checks against
# their bounds, which is why no file is opened before its digest was found right.
TRUSTED = [
    "numpy.dtype",
    "regime.models.boosting.LaterBlock",
    "regime.models.boosting.LaterCalibration",
    "regime.models.selection.KnownFeatures",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
]


def save_bundle(bundle: Bundle, folder: Path) -> str:
    """Write a bundle into an empty folder and return its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    classifiers = {
        str(horizon): _save_steps(classifier, folder, f"h{horizon}")
        for horizon, classifier in bundle.classifiers.items()
    }
    manifest = {
        "format": FORMAT,
        "config": bundle.config.model_dump(mode="json"),
        "baskets": bundle.baskets,
        "trained_until": f"{bundle.trained_until:%Y-%m-%d}",
        "classifiers": classifiers,
        "expects": list(bundle.expects),
    }
    text = json.dumps(manifest, indent=1, allow_nan=False)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return sha256(folder / MANIFEST)


def load_bundle(folder: Path, *, digest: str) -> Bundle:
    """Read a bundle back, if it is to the byte what had this digest.

    Raises
    ------
    StoreError
        If a file is missing, was changed, or holds a type that is not trusted.
    """
    try:
        check_digest(folder / MANIFEST, digest)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if (found := manifest["format"]) not in READABLE:
            raise StoreError(
                f"The model in {folder} has format {str(found)[:40]}; this program reads "
                f"{' and '.join(map(str, READABLE))}. Retrain it, or install the program that "
                "wrote it."
            )
        for step in (step for steps in manifest["classifiers"].values() for step in steps):
            _check_step(step, folder)
        return Bundle(
            config=ExperimentConfig.model_validate_json(json.dumps(manifest["config"])),
            baskets=manifest["baskets"],
            trained_until=pd.Timestamp(manifest["trained_until"]),
            classifiers={
                int(horizon): _load_steps(steps, folder)
                for horizon, steps in manifest["classifiers"].items()
            },
            expects=tuple(manifest.get("expects", ())),
        )
    except MemoryError as error:
        raise StoreError(
            f"The model in {folder} cannot be read in the memory there is: {error}. Give this "
            "process more; if there is enough, the files are damaged: `regime retrain`."
        ) from error
    except _DAMAGE as error:
        words = " ".join(str(error)[:300].split())  # pydantic quotes at any length
        raise StoreError(
            f"The model in {folder} cannot be read: {words}. Retrain it: `regime retrain`."
        ) from error


def _steps(classifier: Any) -> list[Any]:
    if isinstance(classifier, Pipeline):
        return [step for _, step in classifier.steps]
    return [classifier]


def _save_steps(classifier: Any, folder: Path, stem: str) -> list[dict[str, Any]]:
    steps = enumerate(_steps(classifier))
    return [_save_step(step, folder, f"{stem}-{number}") for number, step in steps]


def _load_steps(entries: list[dict[str, Any]], folder: Path) -> Any:
    if entries[0]["class"] == _POOLED:
        return _load_step(entries[0], folder)
    return make_pipeline(*(_load_step(entry, folder) for entry in entries))


def _save_step(step: Any, folder: Path, stem: str) -> dict[str, Any]:
    name = type(step).__name__
    if isinstance(step, Pooled):
        members = [
            {
                "columns": member.columns,
                "steps": _save_steps(member.classifier, folder, f"{stem}-m{number}"),
            }
            for number, member in enumerate(step.members)
        ]
        pool = _save_step(step.pool, folder, f"{stem}-pool")
        return {"class": _POOLED, "members": members, "pool": pool}
    if not _fits_arrays(step):
        import skops.io  # a second and more, for it loads every estimator there is

        path = folder / f"{stem}.{SKOPS}"
        skops.io.dump(step, path)
        return {"class": SKOPS, "file": path.name, "sha256": sha256(path)}
    path = folder / f"{stem}.npz"
    arrays: dict[str, Any] = _learned(step, ARRAYS[name][1])
    np.savez(path, allow_pickle=False, **arrays)
    given = step.get_params(deep=False)
    if isinstance(step, GradientBoostingClassifier):
        del given["init"]  # the filter, whose numbers are among the arrays
    if isinstance(step, SimpleImputer):
        del given["missing_values"]  # NaN, which JSON has no word for
    parts = PARTS.get(name, {})
    for parameter in parts.values():
        given.pop(parameter or "", None)
    entry = {
        "class": name,
        "params": {key: _plain(value) for key, value in given.items()},
        "file": path.name,
        "sha256": sha256(path),
    }
    if parts:
        entry["parts"] = {
            part: _save_steps(getattr(step, part), folder, f"{stem}-{part.strip('_')}")
            for part in parts
        }
    return entry


def _fits_arrays(step: Any) -> bool:
    if isinstance(step, GradientBoostingClassifier):
        return trees.is_from_filter(step)
    if isinstance(step, SimpleImputer):
        return trees.is_plain_imputer(step)
    return type(step).__name__ in ARRAYS


def _check_step(entry: dict[str, Any], folder: Path) -> None:
    within = [step for steps in entry.get("parts", {}).values() for step in steps]
    if entry["class"] == _POOLED:
        within = [step for member in entry["members"] for step in member["steps"]]
        within.append(entry["pool"])
    for one in within:
        _check_step(one, folder)
    if entry["class"] == _POOLED:
        return
    name = entry["file"]
    if Path(name).name != name:
        raise StoreError(
            f"The model in {folder} names a file outside of it: {name[:80]!r}. Retrain it."
        )
    check_digest(folder / name, entry["sha256"])


def _load_step(entry: dict[str, Any], folder: Path) -> Any:
    if entry["class"] == _POOLED:
        members = [
            Member(member["columns"], _load_steps(member["steps"], folder))
            for member in entry["members"]
        ]
        return Pooled(members, _load_step(entry["pool"], folder))
    name = entry["file"]
    if entry["class"] == SKOPS:
        import skops.io
        from skops.io.exceptions import UntrustedTypesFoundException

        try:
            return skops.io.load(folder / name, trusted=TRUSTED)
        except UntrustedTypesFoundException as error:
            raise StoreError(
                f"The model file {folder / name} holds a type that is not trusted: "
                f"{str(error).splitlines()[0]} It was not loaded. Retrain it: `regime retrain`."
            ) from error
    kind, _ = ARRAYS[entry["class"]]
    # Opened here: of a damaged archive numpy would leave the file open.
    with (folder / name).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    if kind is GaussianHMMClassifier:
        return GaussianHMMClassifier.from_arrays(entry["params"], arrays)
    if kind is GradientBoostingClassifier:
        return trees.from_arrays(entry["params"], arrays)
    if kind is SimpleImputer:
        names = arrays.get("feature_names_in_")
        return trees.imputer(
            entry["params"], arrays["statistics_"], None if names is None else trees.restored(names)
        )
    fitted = {part: _load_steps(steps, folder) for part, steps in entry.get("parts", {}).items()}
    parameters = PARTS.get(entry["class"], {})
    cloned = {name: fitted[part] for part, name in parameters.items() if name}
    step = kind(**entry["params"], **cloned)
    for key, value in (arrays | fitted).items():
        setattr(step, key, trees.restored(value) if isinstance(value, np.ndarray) else value)
    return step


def _learned(step: Any, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    if isinstance(step, GaussianHMMClassifier):
        return dict(step.to_arrays())
    if isinstance(step, GradientBoostingClassifier):
        return trees.to_arrays(step)
    found = {name: getattr(step, name) for name in (*names, *_INPUT) if hasattr(step, name)}
    return {name: _without_objects(np.asarray(value)) for name, value in found.items()}


def _without_objects(value: np.ndarray) -> np.ndarray:
    """Names as text; a constant that an imputer fills in, as a number."""
    if value.dtype != object:
        return value
    return value.astype(str if any(isinstance(one, str) for one in value) else np.float64)


def _plain(value: Any) -> Any:
    """A parameter as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    raise StoreError(f"A parameter of a model must be a plain value to be stored, not {value!r}.")


def check_digest(path: Path, expected: str) -> None:
    """Refuse a file that is not, to the byte, what was registered."""
    found = sha256(path)
    if found != expected:
        raise StoreError(
            f"The model file {path} is not what was registered: its SHA-256 begins with "
            f"{found[:12]}, not {expected[:12]}. It was not loaded. Retrain, or restore the file."
        )


def sha256(path: Path) -> str:
    """Digest of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

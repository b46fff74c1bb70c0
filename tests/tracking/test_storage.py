"""A stored model: the same to the bit, refused when a byte differs, and never code."""

import gc
import io
import json
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io

from regime.bundle import Bundle, fit_bundle
from regime.config import ExperimentConfig
from regime.exceptions import StoreError
from regime.models.log_pool import LogPool
from regime.taxonomy import REGIMES
from regime.tracking.storage import load_bundle, save_bundle, sha256

KINDS = {
    "climatology": {},
    "persistence": {},
    "filter": {},
    "logistic": {"sets": ["path", "leadership", "stress"]},
    "hist_gradient_boosting": {"sets": ["leadership", "stress"]},
    "boosting": {"sets": ["leadership", "stress"]},
    "boosting_from_filter": {"sets": ["leadership", "stress"]},
    "gaussian_hmm": {"sets": ["stress"]},
}
FAST = {
    "hist_gradient_boosting": {"max_iter": 5},
    "boosting": {"max_iter": 5},
    "boosting_from_filter": {"n_estimators": 5},
    "gaussian_hmm": {"n_init": 1, "n_iter": 20},
}


def config(kind):
    return ExperimentConfig(
        name=kind,
        baskets=("french",),
        features=KINDS[kind],
        labels={"horizons": (0, 21)},
        training={"every": 1 if kind in ("persistence", "gaussian_hmm") else 3},
        model={"kind": kind, "params": FAST.get(kind, {})},
    )


@pytest.fixture(scope="module", params=KINDS)
def stored(request, market, tmp_path_factory):
    """A fitted bundle of each kind, its folder and its digest."""
    bundle = fit_bundle(config(request.param), "french", market[:"2003-12-31"])
    folder = tmp_path_factory.mktemp(request.param)
    return bundle, folder, save_bundle(bundle, folder)


def test_a_bundle_comes_back_to_the_bit_and_without_pickle(stored, market, monkeypatch):
    bundle, folder, digest = stored

    def refuse(*_, **__):
        raise AssertionError("something was unpickled")

    for module, name in ((pickle, "loads"), (pickle, "load"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, refuse)
    import joblib

    monkeypatch.setattr(joblib, "load", refuse)
    loaded = load_bundle(folder, digest=digest)
    monkeypatch.undo()
    assert loaded.config == bundle.config
    assert loaded.trained_until == bundle.trained_until
    pd.testing.assert_frame_equal(
        loaded.predict_proba(market), bundle.predict_proba(market), check_exact=True
    )


def test_no_file_of_a_bundle_is_a_pickle(stored):
    _, folder, _ = stored
    for path in folder.iterdir():
        assert path.suffix in {".json", ".npz", ".skops"}
        if path.suffix != ".json":
            with zipfile.ZipFile(path) as archive:
                assert not [
                    name for name in archive.namelist() if name.endswith((".pkl", ".pickle"))
                ]


def test_a_changed_byte_is_noticed_before_anything_is_loaded(stored, tmp_path):
    _, folder, digest = stored
    for path in sorted(folder.iterdir()):
        copy = tmp_path / path.name
        copy.mkdir()
        for file in folder.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (copy / path.name).write_bytes(damaged)
        with pytest.raises(StoreError, match="not what was registered"):
            load_bundle(copy, digest=digest)


def test_a_missing_file_and_a_newer_format_are_clear(stored, tmp_path):
    _, folder, digest = stored
    with pytest.raises(StoreError, match="cannot be read"):
        load_bundle(tmp_path / "nothing", digest=digest)
    manifest = json.loads((folder / "bundle.json").read_text()) | {"format": 99}
    (tmp_path / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="format 99"):
        load_bundle(tmp_path, digest=sha256(tmp_path / "bundle.json"))


@pytest.mark.parametrize(
    "change", [{"format": "9" * 10_000}, {"config": {"x" * 10_000: 1, "y" * 10_000: 2}}]
)
def test_what_is_wrong_with_a_manifest_is_not_quoted_at_length(stored, tmp_path, change):
    _, folder, _ = stored
    manifest = json.loads((folder / "bundle.json").read_text()) | change
    (tmp_path / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError) as error:
        load_bundle(tmp_path, digest=sha256(tmp_path / "bundle.json"))
    assert len(str(error.value)) < 600
    assert "\n" not in str(error.value)


def forged(folder: Path, name: str, content: bytes, kind: str) -> str:
    """A folder whose digests fit, but whose model file an attacker wrote."""
    (folder / Path(name).name).write_bytes(content)
    manifest = {
        "format": 1,
        "config": config("filter").model_dump(mode="json"),
        "baskets": "french",
        "trained_until": "2003-12-31",
        "classifiers": {
            "0": [{"class": kind, "params": {}, "file": name,
                   "sha256": sha256(folder / Path(name).name)}]
        },
    }  # fmt: skip
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return sha256(folder / "bundle.json")


class Exploit:
    """Writes a file when it is unpickled."""

    def __init__(self, proof):
        self.proof = str(proof)

    def __reduce__(self):
        return Path.write_text, (Path(self.proof), "executed")


def test_a_crafted_pickle_is_never_executed(tmp_path):
    proof = tmp_path / "proof"
    arrays = io.BytesIO()
    np.savez(arrays, known_=np.array([Exploit(proof)], dtype=object))
    for name, content, kind in (
        ("h0-0.npz", arrays.getvalue(), "KnownFeatures"),
        ("h0-0.npz", pickle.dumps(Exploit(proof)), "StandardScaler"),
        ("h0-0.skops", pickle.dumps(Exploit(proof)), "skops"),
    ):
        digest = forged(tmp_path, name, content, kind)
        with pytest.raises(StoreError, match="cannot be read"):
            load_bundle(tmp_path, digest=digest)
    assert not proof.exists()
    pickle.loads(pickle.dumps(Exploit(proof)))
    assert proof.exists()  # the attack itself works


def test_a_skops_file_of_a_type_we_do_not_trust_is_refused(tmp_path):
    content = skops.io.dumps(Exploit(tmp_path / "proof"))
    digest = forged(tmp_path, "h0-0.skops", content, "skops")
    with pytest.raises(StoreError, match="not trusted"):
        load_bundle(tmp_path, digest=digest)


def test_a_manifest_cannot_reach_outside_its_folder_or_name_a_class(tmp_path):
    digest = forged(tmp_path, "../h0-0.npz", b"x", "KnownFeatures")
    with pytest.raises(StoreError, match="outside of it"):
        load_bundle(tmp_path, digest=digest)
    digest = forged(tmp_path, "h0-0.npz", b"x", "os.system")
    with pytest.raises(StoreError, match="cannot be read"):
        load_bundle(tmp_path, digest=digest)


def test_a_bundle_is_blind_to_the_future(stored, market):
    bundle: Bundle = stored[0]
    whole = bundle.predict_proba(market)
    part = bundle.predict_proba(market[:"2004-06-30"])
    before = whole[whole["date"] <= part["date"].max()].reset_index(drop=True)
    ordered = part.sort_values(["horizon", "date"], ignore_index=True)
    pd.testing.assert_frame_equal(
        before.sort_values(["horizon", "date"], ignore_index=True), ordered, check_exact=True
    )


def test_the_default_model_is_stored_without_skops(stored):
    """Its import and its files would take longer than everything else a score does."""
    bundle, folder, _ = stored
    if bundle.config.model.kind in ("boosting_from_filter", "logistic", "filter"):
        assert {path.suffix for path in folder.iterdir()} == {".json", ".npz"}


# Models that hold other models

EVERY_FILE = ["leadership", "stress"]
SMALL = {"n_markets": 4, "n_days": 900, "blocks": [10, 42]}
HOLDING = {
    "resampled_filter": ([], SMALL),
    "hybrid": (EVERY_FILE, {"max_iter": 5}),
    "logistic_correction": (EVERY_FILE, {"start_params": SMALL}),
    "logistic_correction from filter": (EVERY_FILE, {"start": "filter", "C": 0.01}),
    "logistic_correction from gaussian_hmm": (
        EVERY_FILE,
        {"start": "gaussian_hmm", "start_params": {"n_init": 1, "n_iter": 10}},
    ),
    "boosting_correction": (
        EVERY_FILE,
        {"start": "filter", "max_rounds": 5, "early_stopping": False, "min_samples_leaf": 30},
    ),
    "boosting_correction of no round": (EVERY_FILE, {"start": "filter", "max_rounds": 0}),
    "filter": ([], {}),
    "gaussian_hmm": (["stress"], {"n_init": 1, "n_iter": 10}),
    "boosting_from_filter": (["leadership"], {"n_estimators": 5}),
}
IN_THE_STACK = (
    "filter",
    "gaussian_hmm",
    "hybrid",
    "boosting_correction",
    "boosting_from_filter",
    "logistic_correction from gaussian_hmm",
)


def holding(name):
    if name == "stack":
        return ExperimentConfig(
            name="stack",
            baskets=("french",),
            labels={"horizons": (0, 21)},
            model={"kind": "stack"},
            members=tuple(holding(member) for member in IN_THE_STACK),
        )
    sets, params = HOLDING[name]
    return ExperimentConfig(
        name=name,
        baskets=("french",),
        features={"sets": sets},
        labels={"horizons": (0, 21)},
        model={"kind": name.split()[0], "params": params},
    )


def some_pool(seed):
    rng = np.random.default_rng(seed)
    said = rng.dirichlet([1, 1, 1], size=(50, len(IN_THE_STACK))).reshape(50, -1)
    return LogPool(C=0.01).fit(said, np.array(REGIMES, dtype=object)[rng.integers(0, 3, 50)])


@pytest.fixture(scope="module", params=[*(n for n in HOLDING if n not in KINDS), "stack"])
def held(request, market, tmp_path_factory):
    """A fitted bundle of each kind that holds others, its folder and its digest."""
    pools = {0: some_pool(0), 21: some_pool(1)} if request.param == "stack" else None
    bundle = fit_bundle(holding(request.param), "french", market[:"2003-12-31"], pools)
    folder = tmp_path_factory.mktemp("held")
    return bundle, folder, save_bundle(bundle, folder)


def test_models_within_models_come_back_to_the_bit_and_without_pickle(held, market, monkeypatch):
    test_a_bundle_comes_back_to_the_bit_and_without_pickle(held, market, monkeypatch)


def test_no_file_of_a_model_within_a_model_is_a_pickle(held):
    test_no_file_of_a_bundle_is_a_pickle(held)


def test_a_changed_byte_is_noticed_within_a_model_too(held, tmp_path):
    bundle, folder, _ = held
    if bundle.config.members:
        assert len([*folder.iterdir()]) > 30
    test_a_changed_byte_is_noticed_before_anything_is_loaded(held, tmp_path)


def test_every_file_of_a_model_within_a_model_is_named_in_the_manifest(held):
    _, folder, _ = held
    manifest = (folder / "bundle.json").read_text()
    for path in folder.iterdir():
        assert path.name == "bundle.json" or f'"{path.name}"' in manifest


def test_a_model_within_a_model_is_blind_to_the_future(held, market):
    test_a_bundle_is_blind_to_the_future(held, market)


@pytest.mark.parametrize("back", [1, 15, 300])
def test_a_loaded_model_says_of_the_newest_days_alone_what_it_says_of_all(held, market, back):
    _, folder, digest = held
    loaded = load_bundle(folder, digest=digest)
    X = loaded.features_of(market)
    whole = loaded.predict_proba(market, X=X)
    tail = whole[whole["date"] >= X.index[-back]].reset_index(drop=True)
    since = X.index[-back]
    pd.testing.assert_frame_equal(loaded.predict_proba(market, since, X=X), tail, check_exact=True)


def test_what_was_loaded_can_be_stored_again(held, tmp_path, market):
    _, folder, digest = held
    again = load_bundle(folder, digest=digest)
    second = load_bundle(tmp_path, digest=save_bundle(again, tmp_path))
    pd.testing.assert_frame_equal(
        second.predict_proba(market), again.predict_proba(market), check_exact=True
    )


def nested(manifest, step):
    """A manifest with a step where a stack keeps its pool, where it keeps a member's, and
    where a correction keeps its first guess."""
    fine = manifest["classifiers"]["0"][0]
    within = fine | {"class": "LogisticCorrection", "parts": {"start_": [step], "scale_": [fine]}}
    member = {"columns": [], "steps": [step]}
    for entry in (
        {"class": "Pooled", "members": [], "pool": step},
        {"class": "Pooled", "members": [member], "pool": fine},
        within,
    ):
        yield manifest | {"classifiers": {"0": [entry]}}


def test_a_nested_step_can_neither_reach_outside_nor_go_unchecked(tmp_path):
    arrays = io.BytesIO()
    np.savez(arrays, known_=np.array([True]))
    forged(tmp_path, "h0-0.npz", arrays.getvalue(), "KnownFeatures")
    manifest = json.loads((tmp_path / "bundle.json").read_text())
    fine = manifest["classifiers"]["0"][0]
    for step, said in (
        (fine | {"file": "../h0-0.npz"}, "outside of it"),
        (fine | {"sha256": "0" * 64}, "not what was registered"),
    ):
        for damaged in nested(manifest, step):
            (tmp_path / "bundle.json").write_text(json.dumps(damaged))
            with pytest.raises(StoreError, match=said):
                load_bundle(tmp_path, digest=sha256(tmp_path / "bundle.json"))
    for damaged in nested(manifest, fine | {"class": "os.system"}):
        (tmp_path / "bundle.json").write_text(json.dumps(damaged))
        with pytest.raises(StoreError, match="cannot be read"):
            load_bundle(tmp_path, digest=sha256(tmp_path / "bundle.json"))


def test_a_crafted_pickle_within_a_model_is_never_executed(tmp_path):
    proof = tmp_path / "proof"
    arrays = io.BytesIO()
    np.savez(arrays, weight_=np.array([Exploit(proof)], dtype=object))
    for content, kind in (
        (arrays.getvalue(), "LogPool"),
        (pickle.dumps(Exploit(proof)), "LogPool"),
        (pickle.dumps(Exploit(proof)), "skops"),
    ):
        forged(tmp_path, "h0-0", content, kind)
        manifest = json.loads((tmp_path / "bundle.json").read_text())
        for damaged in nested(manifest, manifest["classifiers"]["0"][0]):
            (tmp_path / "bundle.json").write_text(json.dumps(damaged))
            with pytest.raises(StoreError, match="cannot be read"):
                load_bundle(tmp_path, digest=sha256(tmp_path / "bundle.json"))
    assert not proof.exists()


@pytest.mark.parametrize(
    "head",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }",
        b"{'descr': '<f8', 'fortran_order': [, 'shape': (3,), }",
        b"{'descr': '<f8', 'fortran_order': (",
    ],
)
def test_an_array_that_promises_what_is_not_there_is_no_model(tmp_path, head):
    head = head.ljust(118)
    content = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"\0" * 24
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("known_.npy", content)
    digest = forged(tmp_path, "h0-0.npz", packed.getvalue(), "KnownFeatures")
    with pytest.raises(StoreError, match="cannot be read"):
        load_bundle(tmp_path, digest=digest)


def test_a_broken_archive_of_arrays_is_closed_again(tmp_path):
    packed = io.BytesIO()
    np.savez(packed, known_=np.zeros(3))
    digest = forged(tmp_path, "h0-0.npz", packed.getvalue()[:-9], "KnownFeatures")
    with warnings.catch_warnings(record=True, action="always") as told:
        with pytest.raises(StoreError, match="cannot be read"):
            load_bundle(tmp_path, digest=digest)
        gc.collect()
    assert [str(one.message) for one in told] == []

"""Parsers of what the program keeps for itself: what it shows, its store's exports, its models."""

import functools
import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import ledgered
import numpy as np
import pandas as pd
from fuzz.home import DAYS, JSON, PARQUET, any_value, of_home, parquet
from fuzz.mutations import (
    bytewise,
    jsonwise,
    packed,
    some,
    textual,
    zipped,
)
from fuzz.parsing import Parser, unpacked, written
from observed import FETCHED, TWO_DAYS

from regime.bundle import Bundle
from regime.config import ExperimentConfig
from regime.data.database.transfer import MANIFEST, export, restore
from regime.data.store import ObservationStore
from regime.exceptions import RegimeError
from regime.health import kept as health
from regime.tracking import published
from regime.tracking.ledger import Ledger
from regime.tracking.results import load_frames
from regime.tracking.roster import SCHEMA, WHOLE, load_roster
from regime.tracking.storage import MANIFEST as BUNDLE
from regime.tracking.storage import load_bundle, save_bundle

# What the program keeps ------------------------------------------------------------------


def _roster() -> list[bytes]:
    told = {name: [] for name in sorted(WHOLE)} | {"schema": SCHEMA, "as_of": "2024-06-12"}
    return [json.dumps(told).encode()]


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"date": DAYS, "value": np.linspace(0, 1, len(DAYS)), "call": "broadening"})


def _shown(document: bytes, folder: Path) -> Any:
    written(unpacked(document), folder / "champion")
    return load_frames(folder, "champion", ["scores"], remedy="regime score")


def _shown_frames(found: Any) -> None:
    assert isinstance(found["about"], dict)
    assert isinstance(found["scores"], pd.DataFrame)


def _signals(document: bytes, folder: Path) -> Any:
    here = written(unpacked(document), folder / "signals")
    return published.load_signals(here), published.load_signal_history(
        here, ["value", "x"], since=DAYS[2]
    )


def _signal_frames(found: Any) -> None:
    (said, now), history = found
    assert isinstance(said, dict)
    assert isinstance(now, pd.DataFrame)
    assert history.index.name == "date"


def _of_a_day() -> list[bytes]:
    rows = [{"date": "2024-06-12", "episode": "2024-06-12", "value": 1.0}]
    told = {"about": {"state": "PUBLISHED"}, **dict.fromkeys(published.OF_A_DAY, rows)}
    return [json.dumps(told).encode()]


def _findings() -> list[bytes]:
    found = {"at": "2024-06-12T20:00:00+00:00", "checks": [["store", "ok", "sound", ""]]}
    return [json.dumps({"doctor": found}).encode()]


# Exports of a store, its ledger within -----------------------------------------------------


@cache
def _exported() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = ObservationStore(Path(folder, "a.db"))
        store.append(TWO_DAYS, fetched_at=FETCHED)
        Ledger(store).append(
            ledgered.rows("2024-01-03"), published_at=ledgered.evening("2024-01-03")
        )
        export(store, Path(folder, "out"))
        return packed(
            [(one.name, one.read_bytes()) for one in sorted(Path(folder, "out").iterdir())]
        )


def _forged_export(named: dict[str, bytes]) -> dict[str, bytes]:
    """With the digests of what the files hold now."""
    try:
        manifest = json.loads(named[MANIFEST])
        for name, about in manifest["tables"].items():
            about["sha256"] = hashlib.sha256(named[f"{name}.parquet"]).hexdigest()
        return named | {MANIFEST: json.dumps(manifest).encode()}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return named


@cache
def _empty_store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = ObservationStore(Path(folder, "a.db"))
        with store.writing():
            pass
        return Path(folder, "a.db").read_bytes()


def _restored(document: bytes, folder: Path, *, forged: bool) -> Any:
    named = unpacked(document)
    here = written(_forged_export(named) if forged else named, folder / "export")
    for left in folder.glob("b.db*"):
        left.unlink()
    (folder / "b.db").write_bytes(_empty_store())
    store = ObservationStore(folder / "b.db")
    try:
        restore(store, here)
    except RegimeError:
        with store.looking() as connection:
            assert connection is None or store.is_empty(), "it was refused, and stored"
        raise
    return Ledger(store).faults(), store.read() if not store.is_empty() else None


def _import(found: Any) -> None:
    faults, rows = found
    assert all(isinstance(one, str) for one in faults)
    assert rows is None or np.isfinite(rows["value"]).all()


# A stored model ----------------------------------------------------------------------------


def _fitted(kind: str) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from regime.models.selection import KnownFeatures
    from regime.taxonomy import REGIMES

    rng = np.random.default_rng(1)
    X, y = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"]), [*REGIMES] * 20
    if kind == "trees":
        last: tuple[Any, ...] = (HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=3),)
    else:
        last = (StandardScaler(), LogisticRegression())
    return make_pipeline(KnownFeatures(), *last).fit(X, y)


@cache
def _stored(kind: str) -> bytes:
    config = ExperimentConfig(name="x", baskets=("french",), model={"kind": "filter"})
    bundle = Bundle(config, "french", pd.Timestamp("2003-12-31"), {0: _fitted(kind)}, ("a",))
    with tempfile.TemporaryDirectory() as folder:
        save_bundle(bundle, Path(folder))
        return packed([(one.name, one.read_bytes()) for one in sorted(Path(folder).iterdir())])


def _changed(document: bytes, folder: Path, *, kind: str) -> Any:
    """Loaded by the digest of the good one, so only the good one may come."""
    here = written(unpacked(document), folder / "model")
    good = unpacked(_stored(kind))
    load_bundle(here, digest=hashlib.sha256(good[BUNDLE]).hexdigest())
    changed = [name for name, content in good.items() if (here / name).read_bytes() != content]
    assert not changed, f"{changed} passed for what was registered"


def _forged(document: bytes, folder: Path) -> Any:
    """Loaded by digests that match, whatever the files hold."""
    named = unpacked(document)
    if BUNDLE in named:
        named[BUNDLE] = _resigned(named)
    here = written(named, folder / "model")
    return load_bundle(here, digest=hashlib.sha256(named.get(BUNDLE, b"")).hexdigest())


def _resigned(named: dict[str, bytes]) -> bytes:
    def sign(entry: Any) -> None:
        if isinstance(entry, dict) and isinstance(entry.get("file"), str):
            entry["sha256"] = hashlib.sha256(named.get(entry["file"], b"")).hexdigest()
        for one in entry.values() if isinstance(entry, dict) else entry:
            if isinstance(one, dict | list):
                sign(one)

    try:
        manifest = json.loads(named[BUNDLE])
        sign(manifest)
        return json.dumps(manifest).encode()
    except (ValueError, RecursionError, TypeError):
        return named[BUNDLE]


def _bundle(found: Any) -> None:
    assert isinstance(found, Bundle)


def _arrays(chance: Any, document: bytes) -> bytes:
    """A header of an array that promises what is not there, or an object."""
    if not document.startswith(b"\x93NUMPY"):
        return jsonwise(chance, document) if document[:1] == b"{" else bytewise(chance, document)
    kind = chance.choice(
        (b"'<f8'", b"'|O'", b"'<U8'", b"'|V9'", b"'<M8[us]'", b"[('a','<f8')]", b"'<i8'")
    )
    shape = chance.choice(
        (b"(3,)", b"()", b"(0,)", b"(9999999999999,)", b"(-1,)", b"(2,2)", b"(3000000,)")
    )
    order = chance.choice((b"True", b"False", b"None", b"["))
    head = b"{'descr': " + kind + b", 'fortran_order': " + order + b", 'shape': " + shape + b", }"
    head += b" " * (117 - len(head)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + document[-24:]


_IN_ZIP = some(bytewise, textual, _arrays, _arrays, jsonwise)
_STEP = zipped(
    lambda chance, one: zipped(_IN_ZIP)(chance, one) if one[:2] == b"PK" else JSON(chance, one)
)
_IN_FOLDER = zipped(lambda chance, one: (JSON if one[:1] == b"{" else PARQUET)(chance, one))

PARSERS = [
    Parser(
        "roster", _roster, JSON, of_home("published/roster.json", load_roster), any_value, share=5
    ),
    Parser(
        "published frames",
        lambda: [packed([("result.json", b"{}"), ("scores.parquet", parquet(_frame()))])],
        _IN_FOLDER,
        _shown, _shown_frames, share=5,
    ),
    Parser(
        "published signals",
        lambda: [packed([
            ("signals.json", b'{"declarations": []}'), ("signals_now.parquet", parquet(_frame())),
            ("signals.parquet", parquet(_frame())),
        ])],
        _IN_FOLDER,
        _signals, _signal_frames, share=5,
    ),
    Parser(
        "published day", _of_a_day, JSON,
        of_home("published/days/2024-06-12.json", lambda home: published.load_day(home, DAYS[-1])),
        any_value, share=5,
    ),
    Parser(
        "health findings", _findings, JSON, of_home("health.json", health.findings), any_value,
        share=5,
    ),
    Parser(
        "store export, changed", lambda: [_exported()], zipped(JSON),
        functools.partial(_restored, forged=False), _import, share=2,
    ),
    Parser(
        "store export, forged", lambda: [_exported()],
        _IN_FOLDER,
        functools.partial(_restored, forged=True), _import, share=2,
    ),
    *(
        Parser(
            f"model of {kind}, changed", functools.partial(lambda kind: [_stored(kind)], kind),
            zipped(bytewise), functools.partial(_changed, kind=kind), any_value, share=4,
        )
        for kind in ("arrays", "trees")
    ),
    *(
        Parser(
            f"model of {kind}, forged", functools.partial(lambda kind: [_stored(kind)], kind),
            _STEP, _forged, _bundle, share=4,
        )
        for kind in ("arrays", "trees")
    ),
]  # fmt: skip

"""ARCHITECTURE.md says what the import contracts and the tree say."""

import re
import tomllib

import pytest
from docs.blocks import ROOT

from regime.settings import Settings

TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]
LAYERS = next(one["layers"] for one in CONTRACTS if one["type"] == "layers")
# Folders that are no packages, what a home holds, and addresses are no files of the tree.
IN_A_HOME = {"observations.db", "mlflow.db", "health.json", "run.lock"}


def between(name: str) -> str:
    return TEXT.partition(f"<!-- {name}: begin -->")[2].partition(f"<!-- {name}: end -->")[0]


def test_the_rows_are_the_layers_that_imports_are_held_to():
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", between("layers"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == [*range(1, len(LAYERS) + 1)]
    told = [" | ".join(re.findall(r"`([\w.]+)`", rooms)) for _, rooms in rows]
    assert told == LAYERS


def test_every_other_contract_is_told_by_its_name():
    told = " ".join(between("contracts").split())
    for contract in CONTRACTS:
        if contract["type"] != "layers":
            assert contract["name"] in told


def test_every_room_of_the_library_is_in_one_row():
    rooms = [f"regime.{path.stem}" for path in (ROOT / "regime").glob("[!_]*.py")]
    rooms += [f"regime.{path.parent.name}" for path in (ROOT / "regime").glob("*/__init__.py")]
    told = [room.strip() for layer in LAYERS for room in layer.split("|")]
    assert sorted(told) == sorted([*rooms, "app", "training"])


@pytest.mark.parametrize("path", sorted({*re.findall(r"`([a-z_]+[./][\w./]+)`", TEXT)}))
def test_every_path_is_there(path):
    if path in IN_A_HOME or "NAME" in path or re.fullmatch(r"[\w.]+", path):
        return  # a module, of which import-linter knows, or a pattern
    assert (ROOT / path).exists()


def test_what_a_home_holds_is_named_as_the_settings_have_it():
    names = {"raw", "results", "audits", "walks", "published"}
    assert {getattr(Settings(), name).name for name in names} == names
    assert all(f"`{name}`" in TEXT for name in names)

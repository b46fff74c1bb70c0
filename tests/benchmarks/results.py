"""What benchmarks found: rows beside their goals, the machine, one JSON file, one table."""

import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "numpy", "scipy", "pandas", "numba", "scikit-learn", "hmmlearn", "statsmodels", "jumpmodels",
    "joblib", "mlflow", "streamlit", "sqlalchemy", "pytest-benchmark",
)  # fmt: skip
BEGIN, END = "<!-- table: written by make bench -->", "<!-- end of table -->"
FIGURES = 4  # significant, in the file


@dataclass(frozen=True)
class Row:
    """One number; `goal` is the least of what should be much and the most of what should not.

    `unit` is "times", "s", "exponent", "nats per row", "GiB", or "" for a bare number.
    """

    name: str
    measured: float
    unit: str
    goal: float | None
    more_is_better: bool

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.measured >= self.goal if self.more_is_better else self.measured <= self.goal

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Row":
        return cls(**{key: value for key, value in record.items() if key != "met"})

    @property
    def words(self) -> tuple[str, str, str, str]:
        """Name, measured, goal, and whether it was met."""
        if self.goal is None:
            return self.name, quantity(self.measured, self.unit), "-", ""
        sign = ">=" if self.more_is_better else "<="
        goal = f"{sign} {quantity(self.goal, self.unit)}"
        return self.name, quantity(self.measured, self.unit), goal, "met" if self.met else "MISSED"


def quantity(value: float, unit: str) -> str:
    """As people write it."""
    if unit == "times":
        return f"{value:.3g}x"
    if unit == "s" and abs(value) < 1:
        return f"{value * 1e3:.3g} ms"
    if unit == "exponent":
        return f"{value:.2f}"
    return f"{value:.3g} {unit}".strip()


def machine() -> dict[str, Any]:
    """What numbers depend on; nothing that names the machine or its user."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def commit() -> str | None:
    """Of this checkout; `+` at its end says that files differ from it."""
    if (git := shutil.which("git")) is None:
        return None
    told = subprocess.run(
        [git, "describe", "--always", "--exclude=*", "--abbrev=10", "--dirty=+"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parent,
    )  # fmt: skip
    return told.stdout.strip() or None


def read(path: Path) -> dict[str, Any]:
    """What was kept before; nothing where there is no file."""
    if not path.exists():
        return {"machine": None, "benchmarks": {}}
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def merge(
    kept: dict[str, Any],
    found: dict[str, Any],
    *,
    here: dict[str, Any],
    gone: set[str],
    order: list[str],
) -> dict[str, Any]:
    """Newly found parts replace those of their name; others stay, with the machine they saw."""
    others = {name: part for name, part in kept["benchmarks"].items() if name not in gone}
    if kept["machine"] != here:
        others = {name: {"machine": kept["machine"]} | part for name, part in others.items()}
    parts = others | found
    names = dict.fromkeys([*order, *parts])
    return {"machine": here, "benchmarks": {name: parts[name] for name in names if name in parts}}


def write(path: Path, results: dict[str, Any]) -> None:
    text = json.dumps(_rounded(results), indent=1, allow_nan=False)
    # Lists of plain numbers on one line each
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text)
    path.write_text(text + "\n", encoding="utf-8")


def rows(results: dict[str, Any]) -> list[Row]:
    """All rows, by the order their benchmarks have in the file."""
    return [Row.of(record) for part in results["benchmarks"].values() for record in part["rows"]]


def write_table(page: Path, results: dict[str, Any]) -> None:
    """What missed its goal, and the table, between their marks on a page of documentation."""
    missed = [row.name for row in rows(results) if row.met is False]
    summary = f"Missed: {'; '.join(missed)}." if missed else "Every goal was met."
    lines = ["| what | measured | goal | |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(row.words) + " |" for row in rows(results)]
    where, text = _where(results), page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    table = "\n".join([BEGIN, "", where, "", summary, "", *lines, "", END])
    page.write_text(before + table + after, encoding="utf-8")


def _where(results: dict[str, Any]) -> str:
    here, parts = results["machine"], results["benchmarks"].values()
    days = sorted({part["date"] for part in parts})
    commits = sorted({str(part["commit"]) for part in parts})
    span = " to ".join(dict.fromkeys((days[0], days[-1])))
    return (
        f"{here['cores']} cores ({here['cpu']}), {here['memory_gib']} GiB, Python "
        f"{here['python']}; {span}, commit {', '.join(commits)}."
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.{FIGURES}g}") if isinstance(value, float) else value


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists() and (named := re.search(r"model name\s*: (.+)", facts.read_text())):
        return named[1].strip()
    return platform.processor() or platform.machine()

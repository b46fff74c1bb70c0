"""Two-state chains of daily equity returns: who finds the states, and how soon.

    python tests/benchmarks/simulation_study.py --seeds 500 --jobs 2 --work FOLDER

Every contestant reads the same series. A run that was stopped goes on from the rows in
FOLDER; once all are there, results and tables are written. docs/simulation.md says what is
compared, and what came out.
"""

import argparse
import datetime
import json
import math
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

sys.path.insert(0, str(Path(__file__).parents[1]))  # as pytest does
from benchmarks.simulated import (
    LENGTHS,
    PENALTIES,
    SCORES,
    SETTINGS,
    SLOW,
    STARTS,
    STICKINESS,
    FloatArray,
    by_ours,
    contestants,
    judge,
    judged,
    kept,
    series,
)

YEAR = 252  # days
MARGIN = 0.005  # of balanced accuracy, by which ours may fall behind
TUNING = 100_000  # first of the seeds on which stickiness was chosen; none of them is reported
GRID = (0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
EXAMPLES = 3  # seeds of each setting and length whose rows are kept with the results

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "simulation.md"
BEGIN, END = "<!-- tables: written by simulation_study.py -->", "<!-- end of tables -->"
TITLES = {
    "smoothed": "Balanced accuracy in hindsight, likeliest state of each day",
    "path": "Balanced accuracy in hindsight, likeliest path (Viterbi)",
    "filtered": "Balanced accuracy online",
    "delay": "Days from a switch to its call online, and false alarms a year",
}
GOLDEN = {  # METHOD section 11: an HMM of ten starts and a jump model, mean and s.d. by length
    "ours": ((0.943, 0.108), (0.950, 0.095), (0.958, 0.075), (0.976, 0.041)),
    "jumpmodels 50": ((0.942, 0.087), (0.948, 0.074), (0.959, 0.054), (0.966, 0.027)),
}
Record = dict[str, Any]


# Rows -----------------------------------------------------------------------------------


def tasks(sizes: list[int], n_slow: int) -> Iterator[tuple[str, int, int, list[str]]]:
    """What to judge, so many series by setting; all lengths in turn: a part is a small whole."""
    seeds = {n_days: kept(n_days, max(sizes))[0] for n_days in LENGTHS}
    for setting, size in zip(SETTINGS, sizes, strict=True):
        names = list(contestants(setting, 0))
        for rank in range(size):
            for n_days in LENGTHS:
                seed = seeds[n_days][rank]
                yield setting, n_days, seed, [n for n in names if n != SLOW or rank < n_slow]


def rows_in(file: Path) -> list[Record]:
    """Rows of earlier runs; a line that was being written when one was killed is left out."""
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def run(sizes: list[int], n_slow: int, work: Path, jobs: int) -> list[Record]:
    """All rows; those that are not there yet are worked out and added, one line each."""
    work.mkdir(parents=True, exist_ok=True)
    file = work / "rows.jsonl"
    wanted = {task[:3]: task for task in tasks(sizes, n_slow)}
    have = {
        key: row
        for row in rows_in(file)
        if (key := (row["setting"], row["n_days"], row["seed"])) in wanted
        and set(wanted[key][3]) <= set(row["found"])
    }
    todo = [task for key, task in wanted.items() if key not in have]
    print(f"{len(have)} series were read before, {len(todo)} are to be read.", flush=True)
    calls = (delayed(judge)(*task) for task in todo)
    with file.open("a", encoding="utf-8") as out:
        out.write("\n")  # ends a line that was cut off
        for row in Parallel(n_jobs=jobs, return_as="generator_unordered")(calls):
            have[row["setting"], row["n_days"], row["seed"]] = row
            out.write(json.dumps(row) + "\n")
            out.flush()
    return [
        have[key] | {"found": {name: have[key]["found"][name] for name in names}}
        for key, (*_, names) in wanted.items()
    ]


# What they say --------------------------------------------------------------------------


def interval(differences: FloatArray) -> list[float]:
    """Mean, and the ends of its 90% interval."""
    half = 1.645 * differences.std(ddof=1) / math.sqrt(len(differences))
    return [float(differences.mean() + side * half) for side in (0, -1, 1)]


def per_switch(late: FloatArray, switches: FloatArray) -> list[float]:
    """Days over all switches, and the ends of its 90% interval from drawing series anew."""
    drawn = np.random.default_rng(0).integers(len(late), size=(2000, len(late)))
    means = late[drawn].sum(axis=1) / switches[drawn].sum(axis=1)
    return [float(late.sum() / switches.sum()), *np.quantile(means, [0.05, 0.95]).tolist()]


def record_of(name: str, rows: list[Record], ours: str = "ours") -> Record:
    """How one contestant did on these series; `gain` is ours less it, in pairs."""
    its, own = ([row["found"][n] for row in rows] for n in (name, ours))
    record: Record = {
        "contestant": name,
        "n": len(rows),
        "failed": sum(row["failed"] for row in its),
        "seconds": float(np.mean([row["seconds"] for row in its])),
    }
    for score in SCORES:
        if its[0][score] is None:
            continue
        values, before = (np.array([row[score] for row in found]) for found in (its, own))
        record[score] = {
            "mean": float(values.mean()),
            "sd": float(values.std(ddof=1)),
            "gain": interval(before - values),
        }
    if "late" in its[0]:
        late, before = (np.array([row["late"] for row in found]) for found in (its, own))
        switches = np.array([row["switches"] for row in rows])
        years = sum(row["n_days"] for row in rows) / YEAR
        record["delay"] = {
            "mean": float(late.sum() / switches.sum()),
            "alarms": sum(row["alarms"] for row in its) / years,
            "gain": per_switch(before - late, switches),
        }
    return record


def summary(rows: list[Record]) -> list[Record]:
    """One record per setting, length and contestant."""
    records = []
    for setting in SETTINGS:
        for n_days in LENGTHS:
            here = [row for row in rows if (row["setting"], row["n_days"]) == (setting, n_days)]
            for name in contestants(setting, 0):
                read = [row for row in here if name in row["found"]]
                if len(read) > 1:
                    where = {"setting": setting, "n_days": n_days}
                    records.append(where | record_of(name, read))
    return records


def goals(records: list[Record]) -> list[Record]:
    """Whether ours is not inferior by more than `MARGIN`, per length, rival and decoding."""
    found = []
    for n_days in LENGTHS:
        here = {
            record["contestant"]: record
            for record in records
            if (record["setting"], record["n_days"]) == ("gaussian", n_days)
        }
        best = max((f"jumpmodels {p}" for p in PENALTIES), key=lambda n: here[n]["path"]["mean"])
        rivals = {"hmmlearn": "hmmlearn", "jumpmodels 50": "jumpmodels 50"}
        rivals["best of jumpmodels"] = best
        for score in ("smoothed", "path"):
            for title, name in rivals.items():
                mean, low, _ = here[name][score]["gain"]
                found.append({"n_days": n_days, "decoded": score, "rival": title, "is": name,
                              "gain": mean, "low": low, "met": mean >= -MARGIN})  # fmt: skip
    return found


# Where they are written -----------------------------------------------------------------


def cell(record: Record, score: str) -> str:
    if score not in record:
        return "-"
    of = record[score]
    digits = 1 if score == "delay" else 3
    spread = f"{of['alarms']:.2f} a year" if score == "delay" else f"s.d. {of['sd']:.3f}"
    words = f"{of['mean']:.{digits}f}, {spread}"
    if record["contestant"] == "ours":
        return words
    mean, low, high = (f"{value:+.{digits}f}" for value in of["gain"])
    return f"{words}<br>{mean} [{low}, {high}]"


def tables(records: list[Record]) -> Iterator[str]:
    """Lines of Markdown."""
    yield "## Whether ours is inferior\n"
    yield "| T | decoded | rival | ours less it | 90% from | |\n|---|---|---|---|---|---|"
    for goal in goals(records):
        rival = goal["rival"] + (f": {goal['is']}" if goal["is"] != goal["rival"] else "")
        yield (f"| {goal['n_days']} | {goal['decoded']} | {rival} | {goal['gain']:+.4f} | "
               f"{goal['low']:+.4f} | {'met' if goal['met'] else 'MISSED'} |")  # fmt: skip
    yield "\n## Beside the golden numbers\n"
    yield "| | " + " | ".join(f"T = {n_days}" for n_days in LENGTHS) + " |"
    yield "|---" * (1 + len(LENGTHS)) + "|"
    for name, numbers in GOLDEN.items():
        yield f"| golden, {'HMM' if name == 'ours' else 'jump model'} | " + " | ".join(
            f"{mean:.3f}, s.d. {sd:.3f}" for mean, sd in numbers
        ) + " |"  # fmt: skip
        here = [r for r in records if (r["setting"], r["contestant"]) == ("gaussian", name)]
        for score in ("path", "smoothed") if name == "ours" else ("path",):
            found = (f"{r[score]['mean']:.3f}, s.d. {r[score]['sd']:.3f}" for r in here)
            yield f"| {name}, {score} | " + " | ".join(found) + " |"
    hours = sum(record["n"] * record["seconds"] for record in records) / 3600
    yield f"\nAll contestants together computed for {hours:.1f} hours of one busy core."
    for setting in SETTINGS:
        for score, title in TITLES.items():
            yield f"\n## {title}: {setting}\n"
            yield "| | " + " | ".join(f"T = {n_days}" for n_days in LENGTHS) + " |"
            yield "|---" * (1 + len(LENGTHS)) + "|"
            for name in contestants(setting, 0):
                here = [r for r in records if (r["setting"], r["contestant"]) == (setting, name)]
                seeds = f" ({here[0]['n']} series)" if here and name == SLOW else ""
                cells = [cell(record, score) for record in here]
                yield f"| {name}{seeds} | " + " | ".join(cells) + " |"
    yield ""


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value


def write(rows: list[Record], file: Path, page: Path) -> None:
    """Results to the file, tables between their marks on the page."""
    every = {(s, n): [r for r in rows if (r["setting"], r["n_days"]) == (s, n)]
             for s in SETTINGS for n in LENGTHS}  # fmt: skip
    n_seeds = len(every[SETTINGS[0], LENGTHS[0]])
    records = rounded(summary(rows))  # the page says what the file says
    results = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "libraries": {n: version(n) for n in ("numpy", "hmmlearn", "statsmodels", "jumpmodels")},
        "seeds": n_seeds,
        "passed_over": {n_days: kept(n_days, n_seeds)[1] for n_days in LENGTHS},
        "stickiness": STICKINESS,
        "starts": STARTS,
        "goals": goals(records),
        "summary": records,
        "rows": [row for here in every.values() for row in here[:EXAMPLES]],
    }
    lines = [json.dumps(name) + ": " + (
        "[\n  " + ",\n  ".join(json.dumps(one) for one in part) + "\n ]"
        if isinstance(part, list) else json.dumps(part)
    ) for name, part in rounded(results).items()]  # fmt: skip
    file.write_text("{\n " + ",\n ".join(lines) + "\n}\n", encoding="utf-8")
    text = page.read_text(encoding="utf-8") if page.exists() else f"{BEGIN}{END}\n"
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    told = "\n".join(tables(records))
    page.write_text(f"{before}{BEGIN}\n\n{told}\n{END}{after}", encoding="utf-8")


def tune(n_seeds: int) -> None:
    """Print what each stickiness reaches on seeds that nothing else sees, and the best."""
    print("stickiness, then the mean over lengths of " + ", ".join(SCORES))
    means: dict[float, FloatArray] = {}
    for stickiness in GRID:
        found = [
            np.mean([
                [judged(states, by_ours(x, seed, stickiness))[score] for score in SCORES]
                for seed in kept(n_days, n_seeds, TUNING)[0]
                for x, states in [series("gaussian", n_days, seed)]
            ], axis=0)
            for n_days in LENGTHS
        ]  # fmt: skip
        means[stickiness] = np.mean(found, axis=0)
        print(f"{stickiness:5g}", *(f"{value:.4f}" for value in means[stickiness]), flush=True)
    print("chosen:", max(means, key=lambda stickiness: float(means[stickiness][0])))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=500, help="series of each length")
    parser.add_argument("--tail-seeds", type=int, default=200, help="of them with heavy tails")
    parser.add_argument("--slow-seeds", type=int, default=100, help=f"of them for {SLOW}")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--work", type=Path, required=True, help="folder of the rows so far")
    parser.add_argument("--json", type=Path, default=HERE / "simulation.json")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--tune", action="store_true", help="choose the stickiness, no more")
    chosen = parser.parse_args()
    if chosen.tune:
        tune(min(chosen.seeds, 200))
        return
    sizes = [chosen.seeds, min(chosen.tail_seeds, chosen.seeds)]
    rows = run(sizes, chosen.slow_seeds, chosen.work, chosen.jobs)
    write(rows, chosen.json, chosen.page)


if __name__ == "__main__":
    main()

"""What a run of the fault suite found: a row for each fault, kept as JSON and as a table.

Run by `make faults` on the report of pytest; rows of faults that were not tried this time stay.
"""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
COMMAND = "make faults"
_HEAD = ["fault", "promise", "tried", "rows lost"]


def recorded(report: Path) -> list[dict[str, object]]:
    """What tests recorded, in their order.

    Raises
    ------
    ValueError
        If a test failed: its promise does not hold, and no table says that it does.
    """
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            raise ValueError(f"{case.get('name')} failed; the table stays as it is.")
        said = {one.get("name"): one.get("value") for one in case.iter("property")}
        if said:
            found.append(
                {"fault": said["fault"], "promise": said["promise"],
                 "tries": int(said["tries"]), "rows_lost": int(said["rows_lost"])}
            )  # fmt: skip
    return found


def merged(
    before: list[dict[str, object]], now: list[dict[str, object]]
) -> list[dict[str, object]]:
    """Each fault once, what was found last in place of what was found before."""
    rows = {row["fault"]: row for row in before} | {row["fault"]: row for row in now}
    return list(rows.values())


def table(rows: list[dict[str, object]]) -> str:
    """The rows as Markdown, below the command that made them."""
    lines = [
        f"`{COMMAND}` made this table; `tests/faults` is what it ran. A row lost is one of the",
        "observations or of the ledger that had been committed and was gone or changed later, or a",
        "day that was not published even after the remedy.",
        "",
        f"| {' | '.join(_HEAD)} |",
        "|---|---|---:|---:|",
        *(
            f"| {row['fault']} | {row['promise']} | {row['tries']} | {row['rows_lost']} |"
            for row in rows
        ),
    ]
    return "\n".join(lines)


def with_table(text: str, rows: list[dict[str, object]]) -> str:
    """A document whose table between the two marks is that of these rows."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"The table goes between one {BEGIN} and one {END}; put them there.")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.split(END)[1]}"


def main(report: Path) -> None:
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    rows = merged(before, recorded(report))
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    document = ROOT / "SECURITY.md"
    text = document.read_text(encoding="utf-8") if document.exists() else f"{BEGIN}\n{END}\n"
    document.write_text(with_table(text, rows), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

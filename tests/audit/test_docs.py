"""The table of leaks in the documentation is that of the program."""

from pathlib import Path

from regime.audit.leaks import LEAKS

DOCS = Path(__file__).parents[2] / "docs" / "audit.md"


def test_each_leak_stands_in_the_documentation_with_what_catches_it():
    text = DOCS.read_text(encoding="utf-8")
    for leak in LEAKS:
        check, about = leak.detector
        by = check if about == "*" else f"{check}: {about}"
        assert f"| {leak.number} | {leak.what} | {by} |" in text

"""Pages as what they ask their reader to do. docs/CONTRIBUTING-docs.md has the rules."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = {"sh", "console", "python", "cron"}
SHOWN = {"text", "html", "sql", "json", "diff"}
WRITTEN = {"toml", "ini", "yaml", "python", "csv", "json", "text", "sh", "md", "systemd"}
IN_CHECKOUT = {"README.md", "CONTRIBUTING.md"}  # pages that stand on one without saying so

_FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})\s*([\w-]*)(.*)$")
_COMMENT = re.compile(r"^\s*<!--\s*(not run|within|stands on):\s*(.*?)\s*-->\s*$")
_FILE = re.compile(r"^#\s*file:\s*(\S+)\s*$")
_MINUTES = re.compile(r"(\d+)\s*(second|minute)s?")
_END_OF_COMMAND = {"&&", "||", "|", ";", "&", "(", ")", "{", "}", "!", "|&", ";;", "then", "do",
                   "if", "while", "else", "time", "\n"}  # fmt: skip
_HERE = re.compile(r"<<-?\s*['\"]?(\w+)")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")


class PageError(Exception):
    """What a page holds that no reader could follow."""


@dataclass(frozen=True)
class Block:
    """What stands between two fences, or set in by four spaces."""

    page: str
    line: int  # of its first line of text
    language: str
    text: str
    file: str | None = None
    not_run: str | None = None
    within: float = 600.0  # seconds

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page, what it stands on, and its blocks in order."""

    path: str
    text: str
    stands_on: frozenset[str]
    blocks: tuple[Block, ...]

    @property
    def is_run(self) -> bool:
        return any(one.language in RUN and one.not_run is None for one in self.blocks)


def pages() -> list[str]:
    """Every page that is run, by its path in the repository."""
    found = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return ["README.md", *(path for path in found if not path.startswith("docs/api/"))]


def every_page() -> list[str]:
    """Those and the pages beside README.md, of which blocks and links are only looked at."""
    beside = sorted(path.name for path in ROOT.glob("*.md"))
    others = [path for folder in ("experiments", "docs/api", ".github") if (ROOT / folder).is_dir()
              for path in sorted((ROOT / folder).rglob("*.md"))]  # fmt: skip
    return list(dict.fromkeys(
        [*pages(), *beside, *(path.relative_to(ROOT).as_posix() for path in others)]
    ))  # fmt: skip


def page(path: str) -> Page:
    """Read a page of the repository."""
    return parsed(path, (ROOT / path).read_text(encoding="utf-8"))


def parsed(path: str, text: str) -> Page:
    """Blocks of a text in Markdown; raises PageError where one is not as it should be."""
    stands_on: set[str] = {"checkout"} if path in IN_CHECKOUT else set()
    blocks: list[Block] = []
    lines = text.splitlines()
    said: dict[str, str] = {}  # by comments since the last block
    at = 0
    while at < len(lines):
        line = lines[at]
        if comment := _COMMENT.match(line):
            if comment[1] == "stands on":
                stands_on |= {word.strip() for word in comment[2].split(",")}
            else:
                said[comment[1]] = comment[2]
        elif fence := _FENCE.match(line):
            began, at = at, at + 1
            end = re.compile(rf"^ {{0,3}}{fence[2][0]}{{{len(fence[2])},}}\s*$")
            while at < len(lines) and not end.match(lines[at]):
                at += 1
            if at == len(lines):
                raise PageError(f"{path}:{began + 1}: this fence is never closed.")
            inside = [each.removeprefix(fence[1]) for each in lines[began + 1 : at]]
            blocks.append(_block(path, began + 2, fence[3], inside, said))
            said = {}
        elif _set_in(lines, at):
            began = at
            while at + 1 < len(lines) and (not lines[at + 1].strip() or _deep(lines[at + 1])):
                at += 1
            inside = [each[4:] for each in lines[began : at + 1]]
            language = "sh" if path == "README.md" else ""
            blocks.append(_block(path, began + 1, language, inside, said))
            said = {}
        elif line.startswith("#"):
            said = {}
        at += 1
    if unknown := stands_on - {"demo", "checkout"}:
        raise PageError(f"{path}: a page stands on demo and checkout, or nothing; not {unknown}.")
    return Page(path, text, frozenset(stands_on), tuple(blocks))


def _deep(line: str) -> bool:
    return line.startswith("    ")


def _set_in(lines: list[str], at: int) -> bool:
    """Whether a block set in by four spaces begins here: after an empty line, and not in a list."""
    if not _deep(lines[at]) or not lines[at].strip() or (at and lines[at - 1].strip()):
        return False
    before = next((line for line in reversed(lines[:at]) if line.strip() and not _deep(line)), "")
    return not re.match(r"\s{0,3}([-*+]|\d+[.)])\s|\s+\S", before)


def _block(path: str, line: int, language: str, inside: list[str], said: dict[str, str]) -> Block:
    file = None
    if inside and (named := _FILE.match(inside[0])):
        file, inside = named[1], inside[1:]
    within = 600.0
    if "within" in said:
        if not (time := _MINUTES.fullmatch(said["within"])):
            raise PageError(f"{path}:{line}: within {said['within']!r} is no number of minutes.")
        within = int(time[1]) * (60.0 if time[2] == "minute" else 1.0)
    text = "\n".join(inside).rstrip("\n") + "\n"
    return Block(path, line, language, text, file, said.get("not run"), within)


@dataclass(frozen=True)
class Said:
    """A command of a console, and what is printed below it."""

    command: str
    printed: str


def console(block: Block) -> list[Said]:
    """Commands after `$ `, gone on with after `> `, each with the lines below."""
    found: list[Said] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Said(line[2:], ""))
        elif not found:
            raise PageError(f"{block.place}: a console begins with `$ ` and a command.")
        elif line.startswith("> ") and not found[-1].printed:
            found[-1] = Said(f"{found[-1].command}\n{line[2:]}", "")
        else:
            found[-1] = Said(found[-1].command, f"{found[-1].printed}{line}\n")
    return found


def cron(block: Block) -> Iterator[tuple[dict[str, str], str]]:
    """Each command of a crontab, in words for sh, with the variables set above it."""
    variables: dict[str, str] = {}
    for line in (each.strip() for each in block.text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if named := re.match(r"(\w+)\s*=\s*(.*)$", line):
            variables[named[1]] = named[2].strip("\"'")
            continue
        parts = line.split(maxsplit=1 if line.startswith("@") else 5)
        if len(parts) != (2 if line.startswith("@") else 6):
            raise PageError(f"{block.place}: no line of a crontab: {line}")
        fed = re.split(r"(?<!\\)%", parts[-1], maxsplit=1)
        if len(fed) == 2:
            raise PageError(f"{block.place}: cron ends the command at %; write \\%.")
        yield dict(variables), parts[-1].replace(r"\%", "%")


def shell(block: Block) -> str:
    """All that a block has a shell do."""
    if block.language == "console":
        return "\n".join(one.command for one in console(block))
    if block.language == "cron":
        return "\n".join(command for _, command in cron(block))
    return block.text


def commands(text: str) -> Iterator[list[str]]:
    """The words of every simple command in a shell's text, without assignments before it."""
    for line in logical(text):
        if _HERE.search(line):
            line = line.partition("\n")[0]
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&\n")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        skipped = False
        for word in [*lexer, ";"]:
            if word in _END_OF_COMMAND:
                while words and _ASSIGNED.match(words[0]):
                    words = words[1:]
                if words:
                    yield words
                words = []
            elif word and set(word) <= set("<>&|"):  # to or from a file, which comes next
                skipped = True
                if words and words[-1].isdigit():
                    words.pop()
            elif skipped:
                skipped = False
            else:
                words.append(word)


def logical(text: str) -> Iterator[str]:
    """Lines, put together where one goes on, and with the here-document they begin."""
    held, ends, joint = "", "", "\n"
    for line in text.splitlines():
        if ends:
            held = f"{held}\n{line}"
            if line.strip() != ends:
                continue
            ends = ""
        else:
            held = f"{held}{joint}{line}" if held else line
            joint = "\n"
            if held.endswith("\\"):
                held, joint = held[:-1], ""
                continue
            if begun := _HERE.search(held):
                ends = begun[1]
                continue
            try:
                shlex.split(held, comments=True)
            except ValueError:  # a quotation that goes on
                continue
        yield held
        held = ""
    if held.strip():
        raise PageError(f"This never ends: {held.strip()}")

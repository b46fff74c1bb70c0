"""What pages ask their reader to do can be done: looked at without doing it."""

import ast
import re
import subprocess
import tomllib
from functools import cache

import pytest
import typer.main
from docs.blocks import (
    ROOT,
    RUN,
    SHOWN,
    WRITTEN,
    PageError,
    commands,
    console,
    cron,
    every_page,
    page,
    parsed,
    shell,
)

import training.cli

PAGES = every_page()
IN_SHELLS = {"sh", "console", "cron"}


def test_every_page_of_the_documentation_is_found():
    assert {"README.md", "METHOD.md", "docs/app.md", "docs/CONTRIBUTING-docs.md"} <= {*PAGES}


@pytest.mark.parametrize("path", PAGES)
def test_blocks_have_a_language_that_says_what_is_done_with_them(path):
    for block in page(path).blocks:
        known = WRITTEN if block.file else RUN | SHOWN | {"toml", "ini", "yaml", "csv"}
        assert block.language in known, f"{block.place}: {block.language!r} is none of {known}"


@pytest.mark.parametrize("path", PAGES)
def test_blocks_parse(path):
    for block in page(path).blocks:
        try:
            if block.language in IN_SHELLS and not block.file:
                assert list(commands(shell(block))), block.place
            if block.language == "python":
                ast.parse(block.text)
            if block.language == "toml":
                tomllib.loads(block.text)
        except (SyntaxError, ValueError) as error:
            pytest.fail(f"{block.place}: {error}")


@pytest.mark.parametrize("path", PAGES)
def test_make_is_asked_for_in_a_checkout_only(path):
    asked = [
        block.place
        for block in page(path).blocks
        if block.language in IN_SHELLS and not block.file and not block.not_run
        for words in commands(shell(block))
        if words[0] == "make"
    ]
    assert not asked or "checkout" in page(path).stands_on, f"{asked[0]}: no Makefile there"


def test_patches_still_fit():
    found = re.compile(r"^git apply <<'PATCH'\n(.*?)^PATCH$", re.MULTILINE | re.DOTALL)
    patches = {path: found.findall(page(path).text) for path in PAGES}
    assert sum(map(len, patches.values())) > 2
    for path, texts in patches.items():
        done = subprocess.run(
            ["git", "apply", "--check"], input="".join(texts), cwd=ROOT, capture_output=True,
            text=True,
        )  # fmt: skip
        assert not texts or done.returncode == 0, f"{path}: {done.stderr}"


@pytest.mark.parametrize("path", PAGES)
def test_every_command_of_ours_takes_what_it_is_given(path):
    written = {block.file for block in page(path).blocks}
    for block in page(path).blocks:
        if block.language in IN_SHELLS and not block.file:
            for words in commands(shell(block)):
                if fault := wrong(words, written):
                    pytest.fail(f"{block.place}: {' '.join(words)}: {fault}")


@cache
def regime():
    return typer.main.get_command(training.cli.cli)


def wrong(words: list[str], written=frozenset()) -> str | None:
    """What is wrong with a command of ours, or None; others are not looked at.

    `written` are files that the page has its reader write.
    """
    if words[0].rpartition("/")[2] == "regime":
        return refused(regime(), words[1:])
    if words[0].rpartition("/")[2] == "make":
        targets = (ROOT / "Makefile").read_text()
        named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return next((f"no target {one}" for one in named if f"\n{one}:" not in targets), None)
    files = [word for word in words[1:] if re.fullmatch(r"tests/.*\.py", word)]
    return next((f"there is no {one}" for one in files
                 if one not in written and not (ROOT / one).is_file()), None)  # fmt: skip


def refused(command, words: list[str]) -> str | None:
    """Why a command would not take these words, without running it."""
    if hasattr(command, "commands"):
        own = {name for option in command.params for name in option.opts}
        while words and words[0].startswith("-"):
            if words[0] not in own | {"--help"}:
                return f"no option {words[0]}"
            words = words[1:]
        if not words:
            return None
        if words[0] not in command.commands:
            return f"no command {words[0]}; there are {sorted(command.commands)}"
        return refused(command.commands[words[0]], words[1:])
    options = {name: one for one in command.params if one.param_type_name == "option"
               for name in [*one.opts, *one.secondary_opts]}  # fmt: skip
    places = [one for one in command.params if one.param_type_name == "argument"]
    given, at = 0, 0
    while at < len(words):
        name, _, value = words[at].partition("=")
        at += 1
        if name == "--help":
            return None
        if not name.startswith("-") or name == "-":
            given += 1
        elif name not in options:
            return f"no option {name}; there are {sorted(options)}"
        elif not options[name].is_flag and not value:
            if at == len(words):
                return f"{name} has no value"
            at += 1
    least = sum(one.required for one in places)
    most = float("inf") if any(one.nargs == -1 for one in places) else len(places)
    return None if least <= given <= most else f"{given} arguments, not {least} to {most}"


@pytest.mark.parametrize(
    "command",
    [
        "regime fetsh", "regime fetch --sauce live", "regime app 8501", "regime demo here",
        "regime ledger shaw", "regime fetch --source", "make everything",
        "REGIME_NOW=2016-01-05 regime run --dry && true", "python tests/nowhere.py",
    ],
)  # fmt: skip
def test_a_command_that_would_not_run_is_noticed(command):
    assert wrong(next(commands(command))) is not None


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("REGIME_HOME=x regime run --source demo  # why", [["regime", "run", "--source", "demo"]]),
        ("regime run || [ $? = 3 ]", [["regime", "run"], ["[", "$?", "=", "3", "]"]]),
        ("regime score \\\n  --csv out.csv > log 2>&1", [["regime", "score", "--csv", "out.csv"]]),
        ("cat > f <<'EOF'\nregime nonsense\nEOF\nregime doctor", [["cat"], ["regime", "doctor"]]),
        ("python -c 'a\nb'", [["python", "-c", "a\nb"]]),
    ],
)
def test_commands_are_told_apart(command, words):
    assert list(commands(command)) == words


def test_a_page_is_read_as_it_is_shown():
    text = (
        "<!-- stands on: demo -->\n# T\n\n```console\n$ regime run\n...\n\n$ cat \\\n> x\n```\n\n"
        "- item\n\n    of the item\n\n"
        "<!-- not run: root -->\n```toml\n# file: a/b.toml\nx = 1\n```\n"
        "\n<!-- within: 2 minutes -->\n```cron\nTZ=UTC\n5 6 * * * . /srv/e && x \\%d\n```\n"
    )
    found = parsed("docs/x.md", text)
    assert found.stands_on == {"demo"}
    one, two, three = found.blocks
    assert [said.command for said in console(one)] == ["regime run", "cat \\\nx"]
    assert console(one)[0].printed == "...\n\n"
    assert (two.file, two.text, two.not_run) == ("a/b.toml", "x = 1\n", "root")
    assert list(cron(three)) == [({"TZ": "UTC"}, ". /srv/e && x %d")]
    assert three.within == 120


def test_blocks_set_in_are_commands_of_the_readme_only():
    text = "# T\n\n    regime doctor\n\n    regime run\n"
    assert [one.language for one in parsed("README.md", text).blocks] == ["sh"]
    assert [one.language for one in parsed("docs/x.md", text).blocks] == [""]


@pytest.mark.parametrize("text", ["```sh\nregime run\n", "<!-- stands on: air -->\n"])
def test_a_page_nobody_could_follow_is_an_error(text):
    with pytest.raises(PageError):
        parsed("docs/x.md", text)

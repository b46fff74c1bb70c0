"""The walker itself, on pages of a few lines."""

import pytest
from docs.blocks import parsed
from docs.walking import Walk, assert_printed, serving


def walked(tmp_path, text):
    page = parsed("docs/x.md", text)
    with Walk(page, tmp_path / "walk", demo=None, mirror=None, data=None) as walk:
        for block in page.blocks:
            walk.run(block)
    return walk


def test_blocks_of_a_page_go_on_where_the_one_before_ended(tmp_path):
    walk = walked(
        tmp_path,
        "```toml\n# file: a/b.toml\nx = 1\n```\n"
        "```sh\nexport SAID=hello\ncd a\n```\n"
        "```console\n$ cat b.toml\nx = 1\n$ echo $SAID all ; pwd\nhello ... /a\n"
        "$ false\nexit code 1\n```\n"
        "```python\nimport os\nseen = os.environ['SAID']\n```\n"
        "```python\nopen('out', 'w').write(seen)\n```\n"
        "```sh\nmkdir -p /srv/x; touch /srv/x/y; [ $(cat out) = hello ]\n```\n"
        "```cron\nWHO=cron\n0 5 * * 1-5 cd /srv/x && echo $WHO > y\n```\n",
    )
    assert (walk.folder / "srv" / "x" / "y").read_text() == "cron\n"


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nfalse\ntrue\n```\n", "```sh\necho $UNSET\n```\n", "```sh\nfalse | true\n```\n",
        "```console\n$ echo one two\none\n```\n", "```console\n$ true\nexit code 1\n```\n",
        "```python\n1 / 0\n```\n", "```cron\n* * * * * false\n```\n",
        "<!-- within: 1 second -->\n```sh\nsleep 20\n```\n",
        "<!-- within: 1 second -->\n```python\nimport time; time.sleep(20)\n```\n",
    ],
)  # fmt: skip
def test_a_block_that_fails_is_noticed(tmp_path, text):
    with pytest.raises(AssertionError):
        walked(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "served"),
    [
        ("regime app", "_serve 'regime app' 8501\n"),
        ("regime app --port 8600   # why", "_serve 'regime app --port 8600' 8600\n"),
        ("REGIME_HOME=x regime ui", "_serve 'REGIME_HOME=x regime ui' 5000\n"),
        ("make demo", "_serve 'make demo' 8501 5000\n"),
        ("regime ui --check", "regime ui --check\n"),
        ("make demo ARGS=--no-serve", "make demo ARGS=--no-serve\n"),
        ("regime run && regime app", "regime run && regime app\n"),
        ("echo a \\\n  > b", "echo a   > b\n"),
    ],
)
def test_what_serves_for_ever_is_known(line, served):
    assert serving(line) == served


def test_what_is_served_answers_and_is_ended(tmp_path):
    page = parsed(
        "docs/x.md", "```sh\nmlflow server -p 8799\n```\n```sh\n: </dev/tcp/127.0.0.1/8799\n```\n"
    )
    with Walk(page, tmp_path / "walk", demo=None, mirror=None, data=None) as walk:
        tool = tmp_path / "walk" / "bin" / "mlflow"
        tool.write_text("#!/bin/sh\nexec python -m http.server --bind 127.0.0.1 8799\n")
        tool.chmod(0o755)
        for block in page.blocks:
            walk.run(block)
    with pytest.raises(AssertionError):
        walk.run(page.blocks[1])


def test_printed_words_are_compared_loosely():
    assert_printed("x", "a  b\n ... d\n", 0, "a b\n1\n2\nd\n")
    assert_printed("x", "took ...s\n", 0, "took 3.1s")
    with pytest.raises(AssertionError):
        assert_printed("x", "a c\n", 0, "a b c")

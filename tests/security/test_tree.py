"""What the code of this project may not contain, read off its syntax."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|ATTACH|PRAGMA|VACUUM|SET|GRANT)\s"
)
# A name of a table or column cannot be a bound parameter. These come from constants of the code.
VERSION_2 = "regime/data/database/migrations/versions/v0002_clustered.py"
IDENTIFIERS = {
    ("regime/data/database/sqlite.py", one) for one in ("table.name", "names", "marks")
} | {(VERSION_2, one) for one in ("name", "change", "order", "day", "moments")} | {
    ("regime/data/database/migrations/versions/v0003_ledger.py", "change"),
}  # fmt: skip
FORBIDDEN = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib.load",
    "torch.load", "pandas.read_pickle", "yaml.load", "xml", "lxml", "jsonpickle",
    "os.system", "os.popen", "tarfile", "telnetlib", "ftplib", "pandas.eval",
}  # fmt: skip
LONGEST = 400  # lines of a module; one that is longer is usually two


@cache
def trees() -> dict[str, ast.Module]:
    files = [path for top in ("regime", "training", "app") for path in (ROOT / top).rglob("*.py")]
    assert len(files) > 200
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in files}


@cache
def nodes(tree) -> list[ast.AST]:
    return list(ast.walk(tree))


@cache
def calls(tree) -> list[tuple[str, ast.Call]]:
    """Every call, by the last name of what is called."""
    return [
        (node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func), node)
        for node in nodes(tree)
        if isinstance(node, ast.Call)
    ]


def word(node, name) -> str:
    """A keyword of a call, as it is written; nothing where it is not given."""
    return next((ast.unparse(one.value) for one in node.keywords if one.arg == name), "")


def begins(node) -> str:
    """The constant text that a text begins with."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return begins(node.values[0]) if node.values else ""
    if isinstance(node, ast.BinOp):
        return begins(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return begins(node.func.value)
    return ""


def put_in(node) -> list[str]:
    """What is put into a text that is made where it stands, as it is written."""
    if isinstance(node, ast.JoinedStr):
        return [ast.unparse(one.value) for one in node.values
                if isinstance(one, ast.FormattedValue)]  # fmt: skip
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        return [ast.unparse(one) for one in sides if not isinstance(one, ast.Constant)]
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "format":
        return [ast.unparse(node)]
    return []


def of_values(path, tree) -> list[tuple[str, str, int]]:
    """Values that this module writes into SQL, but for identifiers from constants."""
    made = (ast.JoinedStr, ast.BinOp, ast.Call)
    return [
        (path, value, node.lineno)
        for node in nodes(tree)
        if isinstance(node, made) and SQL.match(begins(node))
        for value in put_in(node)
        if (path, value) not in IDENTIFIERS
    ]


def test_no_sql_is_written_from_values():
    assert [one for path, tree in trees().items() for one in of_values(path, tree)] == []


@pytest.mark.parametrize("line", [
    "c.execute(f'SELECT * FROM t WHERE name = {name}')", "c.execute('SELECT ' + name)",
    "c.execute('SELECT %s' % name)", "c.exec_driver_sql('SELECT {}'.format(name))",
    "asked = f'DROP TABLE {x}'", "pd.read_sql(f'SELECT {x}', c)",
])  # fmt: skip
def test_sql_written_from_values_is_noticed(line):
    assert of_values("some.py", ast.parse(line))
    assert not of_values("some.py", ast.parse("c.execute('SELECT 1 WHERE a = ?', [name])"))


def loaded(tree) -> set[str]:
    """Modules and their attributes by their whole names, whatever they are called here."""
    names, found = {}, set()
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                names[one.asname or one.name.partition(".")[0]] = one.name
                found.add(one.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                names[one.asname or one.name] = f"{node.module}.{one.name}"
                found |= {node.module, f"{node.module}.{one.name}"}
    for node in nodes(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{names.get(node.value.id, node.value.id)}.{node.attr}")
    return found | {name.partition(".")[0] for name in found}


def test_nothing_that_runs_what_a_file_holds_is_imported():
    assert {path: loaded(tree) & FORBIDDEN for path, tree in trees().items()} == {
        path: set() for path in trees()
    }
    assert loaded(ast.parse("import pandas as pd\npd.read_pickle(x)")) & FORBIDDEN
    assert loaded(ast.parse("from joblib import load")) & FORBIDDEN


def test_arrays_are_read_without_objects_and_trees_with_a_list_of_types():
    seen = 0
    for path, tree in trees().items():
        for name, node in calls(tree):
            for risky in ("allow_pickle", "shell", "unsafe_allow_html", "unsafe_allow_javascript"):
                assert word(node, risky) in {"", "False"}, path
            assert name not in {"eval", "exec", "compile", "__import__"} or _harmless(node), path
            if name not in {"load", "load_model", "html"}:
                continue
            source = ast.unparse(node.func)
            if source == "np.load":
                assert word(node, "allow_pickle") == "False", path
                seen += 1
            if source == "skops.io.load":
                assert word(node, "trusted") == "TRUSTED", path
                assert path == "regime/tracking/storage.py"
                seen += 1
            assert name != "load_model" or "mlflow" not in source, path
            assert source != "st.html" or ast.unparse(node.args[0]) == "STYLE", path
    assert seen >= 3


def _harmless(node) -> bool:
    """A regular expression, or a method of a frame or a query of that name."""
    return isinstance(node.func, ast.Attribute) and not ast.unparse(node.func).startswith("pd.")


def test_parquet_is_read_without_threads():
    """Where the kernel gives no more of them, pyarrow's readers wait for ever."""
    for path, tree in trees().items():
        for name, node in calls(tree):
            assert name not in {"read_parquet", "read_table", "scan_parquet"} or _ours(node), path
            if name in {"iter_batches", "read_row_groups", "to_pandas"}:
                assert word(node, "use_threads") == "False", f"{path}, line {node.lineno}"


def _ours(node) -> bool:
    """`regime.data.sources.tables.read_table`, imported by name."""
    return ast.unparse(node.func) == "read_table"


def test_certificates_are_always_checked():
    for path, tree in trees().items():
        for name, node in calls(tree):
            assert word(node, "verify") in {"", "True"}, path
            assert name not in {"_create_unverified_context", "disable_warnings"}, path


def test_no_module_has_more_than_400_lines():
    if not (ROOT / ".git").exists():
        pytest.skip("only a repository can say which files are the project's")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    lengths = {
        name: (ROOT / name).read_bytes().count(b"\n")
        for name in filter(None, listed.split("\0"))
        if (ROOT / name).is_file()
    }
    assert len(lengths) > 400
    too_long = {name: lines for name, lines in lengths.items() if lines > LONGEST}
    assert not too_long, f"Split by subject what has more than {LONGEST} lines: {too_long}"

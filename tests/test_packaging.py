"""What is built holds all that an installed program needs, and nothing else."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from once import once

ROOT = Path(__file__).parents[1]
TOPS = ("regime", "training", "app")
NEVER = ("__pycache__", ".pyc", ".regime", ".db", ".sqlite", ".hypothesis", ".git/", "node_modules")


def build(folder):
    """Wheel and sdist of a copy of this tree, by the standard front end and without a network."""
    tree = folder / "tree"
    left = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "site", "node_modules")
    shutil.copytree(ROOT, tree, ignore=left)
    # The sdist of the tree, and the wheel of what the sdist holds.
    words = ["-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(tree)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(tree)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the wheel and the sdist."""
    return once(tmp_path_factory, "built", build) / "dist"


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return path


def of_checkout(*tops):
    """Modules and what stands beside them, as a checkout has them."""
    return {
        path.relative_to(ROOT).as_posix()
        for top in tops
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_packages_and_the_experiments_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    about = {name for name in names if ".dist-info/" in name}
    experiments = {f"regime/{path.relative_to(ROOT)}" for path in ROOT.glob("experiments/*.toml")}
    assert len(experiments) > 10
    assert {*names} - about == of_checkout(*TOPS) | experiments
    assert {"regime/py.typed", "regime/brief/report.html.j2", "app/main.py"} <= {*names}
    assert any(name.endswith("/licenses/LICENSE") for name in about)
    assert [name for name in names if any(one in name for one in NEVER)] == []


def test_the_wheel_says_what_it_is_and_what_it_brings(wheel):
    with zipfile.ZipFile(wheel) as opened:
        about = {Path(one).name: one for one in opened.namelist() if ".dist-info/" in one}
        told = opened.read(about["METADATA"]).decode()
        entries = opened.read(about["entry_points.txt"]).decode()
    assert f"\nVersion: {version('equity-leadership-regime')}\n" in told
    assert "\nLicense-Expression: Apache-2.0\n" in told
    assert "\n# Equity leadership regime\n" in told
    for extra in ("alerts", "dask", "oidc", "postgres", "server"):
        assert f"\nProvides-Extra: {extra}\n" in told
    assert "regime = training.cli:main" in entries
    assert "regime = training.tracking_door:create_app" in entries
    assert "regime-team = training.team_server:create_app" in entries
    assert "://" not in told.partition("\n\n")[0]


def test_the_sdist_holds_what_it_takes_to_build_and_test_it(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as opened:
        names = {one.name.partition("/")[2] for one in opened.getmembers() if one.isfile()}
    wanted = {path.name for path in ROOT.glob("*.md")} | {
        "LICENSE", "Makefile", "MANIFEST.in", "pyproject.toml", "setup.py", "requirements.txt",
        "requirements-oldest.txt", "requirements-uv.txt",
    }  # fmt: skip
    kept = {name for name in of_checkout("tests", "docs", "experiments") if "/." not in name}
    assert wanted | kept | of_checkout(*TOPS) <= names
    assert [name for name in names if any(one in name for one in NEVER)] == []


@pytest.mark.long
def test_an_installed_program_runs_the_demo_far_from_any_checkout(wheel, tmp_path):
    # With the packages of this environment, but without its own installation of this project.
    venv, empty = tmp_path / "venv", tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = (venv / "lib").glob("python*/site-packages")
    (here,) = {path for path in sys.path if path.endswith("site-packages")}
    # Not a .pth that is followed: it would load the editable project's finder too.
    (site / "others.pth").write_text(here + "\n")
    program, python = venv / "bin" / "regime", venv / "bin" / "python"
    zipfile.ZipFile(wheel).extractall(site)
    program.write_text(f"#!{python}\nimport sys\nfrom training.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    empty.mkdir()
    for name in TOPS:  # what somebody else may call a folder
        (empty / name).mkdir()
        (empty / name / "__init__.py").write_text("raise RuntimeError('another package')\n")
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("REGIME_", "MLFLOW_", "PYTHON"))}  # fmt: skip

    def regime(*words):
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, cwd=empty, env=kept, timeout=900
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run([python, "-c", "import regime; print(regime.__file__)"],
                           capture_output=True, text=True, cwd=tmp_path, env=kept)  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(venv)
    assert version("equity-leadership-regime") in regime("--version")
    assert "resampled_leadership" in regime("experiments")
    regime("experiments", "--copy", "filter", "--to", "mine.toml")
    assert "SIMULATED" in regime("demo", "--no-serve")
    assert (empty / ".regime" / "demo").is_dir()
    assert "The MLflow UI was ready" in subprocess.run(
        [program, "ui", "--check"], capture_output=True, text=True, cwd=empty, timeout=300,
        env=kept | {"REGIME_HOME": str(empty / ".regime" / "demo")},
    ).stdout  # fmt: skip

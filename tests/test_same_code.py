"""A process that is started finds this program's modules, not those of the working directory."""

import os
import subprocess
import sys
from pathlib import Path

import regime
from regime.same_code import same_code


def test_a_child_runs_this_code_where_the_working_directory_has_another(tmp_path):
    for name in ("regime", "training", "app"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('another')\n")
    code = "import app, regime, training; print(regime.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | same_code(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == Path(regime.__file__)

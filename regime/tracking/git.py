"""What git knows of a file: one question at a time, in the folder where the file is."""

import shutil
import subprocess
from pathlib import Path

_SECONDS = 10  # until git is given up


def ask_git(file: Path, *words: str) -> str:
    """What `git` with these words says in a file's folder, without the last line's end.

    Raises
    ------
    OSError, subprocess.SubprocessError
        If there is no git, no repository around the folder, or no answer in time.
    """
    command = [shutil.which("git") or "git", "-C", str(file.parent), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)
    return done.stdout.strip()

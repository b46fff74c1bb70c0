"""A page of the app, run without a browser."""

import shutil
from pathlib import Path

import pandas as pd
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[1]
VIEWS = ROOT / "app" / "views"
NAMES = sorted(path.stem for path in VIEWS.glob("*.py"))
_KINDS = (
    "title", "subheader", "header", "markdown", "caption", "warning", "error", "info", "success",
)  # fmt: skip


def page(name: str, day: str | None = None) -> AppTest:
    """A page by itself, as known on a day if one is given."""
    app = AppTest.from_file(str(VIEWS / f"{name}.py"), default_timeout=60)
    if day is not None:
        app.session_state["day"] = pd.Timestamp(day)
    return app.run()


def words(ran: AppTest) -> str:
    """All that it says, but for tables and charts."""
    return " ".join(str(one.value) for kind in _KINDS for one in getattr(ran, kind))


def broken(home: Path, to: Path) -> Path:
    """A copy of a home in which what was published is there and cannot be read."""
    shutil.copytree(home, to, symlinks=True)
    for name in ("scores", "features", "conditions"):
        damaged = to / "published" / "champion" / f"{name}.parquet"
        damaged.write_bytes(damaged.read_bytes()[:100])
    return to

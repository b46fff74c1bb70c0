"""A version as a process finds it that has never seen it before: what the gate asks of it.

`python -m regime.tracking.clean_process NUMBER PANEL OUT DAYS` loads the version, scores the
last days of a panel in Parquet and writes what it says to another such file. It is told the
address of the tracking store in MLFLOW_TRACKING_URI, and nothing else of who asks.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from regime.evaluation.decision import Bounds, Check
from regime.exceptions import RegimeError, StoreError
from regime.same_code import same_code
from regime.settings import Settings
from regime.taxonomy import REGIMES
from regime.tracking.kept import table
from regime.tracking.registry import Version, load_version

NAME = "clean_process"


def check_apart(settings: Settings, version: Version, panel: pd.DataFrame, bounds: Bounds) -> Check:
    """Whether another process loads the version and says what this one says, nearly to the bit."""
    days, bound = bounds.scored_days, bounds.difference
    try:
        apart = score_apart(settings, version.number, panel, days=days, seconds=bounds.seconds)
    except StoreError as error:
        return Check(NAME, False, None, bound, str(error))
    here = version.bundle.predict_proba(panel, _since(panel, days))
    keys = ["date", "horizon"]
    if len(here) != len(apart) or not here[keys].equals(apart[keys].astype(here[keys].dtypes)):
        words = f"another process scores {len(apart)} rows, this one {len(here)}, or other days"
        return Check(NAME, False, None, bound, words)
    names = list(REGIMES)
    difference = float(np.abs(here[names].to_numpy() - apart[names].to_numpy()).max(initial=0.0))
    words = f"loads and scores {here['date'].nunique()} days; largest difference {difference:.1e}"
    return Check(NAME, difference <= bound, difference, bound, words)


def score_apart(
    settings: Settings, number: str, panel: pd.DataFrame, *, days: int, seconds: float
) -> pd.DataFrame:
    """What a fresh process says of the last days of a panel: rows of `Bundle.predict_proba`.

    Raises
    ------
    StoreError
        If it does not load the version, ends with a fault, or takes longer than this.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("REGIME_")}
    with tempfile.TemporaryDirectory() as folder:
        given, said = Path(folder) / "panel.parquet", Path(folder) / "said.parquet"
        panel.to_parquet(given)
        words = [sys.executable, "-m", __name__, number, str(given), str(said), str(days)]
        try:
            done = subprocess.run(
                words,
                env=own | same_code() | {"MLFLOW_TRACKING_URI": settings.tracking_uri},
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise StoreError(
                f"A fresh process did not score version {number} within {seconds:.0f} seconds. "
                "Try again when the machine is less busy."
            ) from None
        if done.returncode or not said.exists():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            why = lines[-1].strip() if lines else f"it ended with code {done.returncode}"
            raise StoreError(f"A fresh process cannot score version {number}: {why}")
        return table(said)


def _since(panel: pd.DataFrame, days: int) -> pd.Timestamp:
    return pd.Timestamp(panel.index[-min(days, len(panel))])


def main(number: str, given: str, said: str, days: str) -> None:
    """Load, score, write."""
    panel = table(Path(given))
    version = load_version(Settings(home=Path(said).parent), number)
    rows = version.bundle.predict_proba(panel, _since(panel, int(days)))
    draft = Path(said).with_suffix(".draft")
    rows.to_parquet(draft, index=False)
    draft.replace(said)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RegimeError as error:
        sys.exit(str(error))

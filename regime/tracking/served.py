"""The registered model as MLflow runs it: code by name, numbers from the bundle.

MLflow executes this file instead of unpickling an object. The bundle is read from the
model's artefacts, and only if its digest is the one that was registered.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from regime.exceptions import PanelError
from regime.tracking.storage import load_bundle


class ServedBundle(PythonModel):
    """From a panel to the probabilities of every day in it."""

    def load_context(self, context: Any) -> None:
        """Read the bundle, or refuse it."""
        self.bundle = load_bundle(
            Path(context.artifacts["bundle"]), digest=context.model_config["digest"]
        )

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """`date`, `horizon` and a column per regime.

        Parameters
        ----------
        model_input : a panel from its beginning, as features are made of all that came before
            One column per series, by trading day: in a column `date`, or as the index.
        params : `since`, "YYYY-MM-DD", the first day wanted; all of them where it is empty

        Raises
        ------
        PanelError
            If the days or `since` cannot be read, or the panel is too short for a lead.
        """
        since = _since((params or {}).get("since") or "")
        return self.bundle.predict_proba(_by_day(model_input), since)


def _since(words: str) -> pd.Timestamp | None:
    if not words:
        return None
    try:
        return pd.Timestamp(pd.to_datetime(words, format="%Y-%m-%d"))
    except ValueError:
        raise PanelError(
            f"`since` is to be a day as YYYY-MM-DD, or empty; found {words!r}. Mend the params."
        ) from None


def _by_day(table: pd.DataFrame) -> pd.DataFrame:
    try:
        days = pd.DatetimeIndex(pd.to_datetime(table.get("date", table.index)))
    except (ValueError, TypeError) as error:
        raise PanelError(f"`date` cannot be read: {error}. Write days as YYYY-MM-DD.") from None
    in_order = not days.hasnans and days.is_monotonic_increasing and days.is_unique
    # Without a column `date` the rows of a JSON body are numbered, and numbers are days of 1970.
    numbered = "date" not in table and pd.api.types.is_numeric_dtype(table.index)
    if numbered or not in_order:
        raise PanelError(
            f"A panel needs its trading days in a column `date`, each once and in order; found "
            f"{len(table):,} rows that are not. Sort them, and give each its day as YYYY-MM-DD."
        )
    panel = table.drop(columns="date", errors="ignore")
    return panel.set_axis(days.tz_localize(None).rename(table.index.name), axis=0)


set_model(ServedBundle())

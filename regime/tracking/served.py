"""The registered model as MLflow runs it: code by name, numbers from the bundle.

MLflow executes this file instead of unpickling an object. The bundle is read from the
model's artefacts, and only if its digest is the one that was registered.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

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

        `model_input` is a panel: one column per series, indexed by trading day or with a
        column `date`.
        """
        panel = model_input
        if "date" in panel:
            panel = panel.assign(date=pd.to_datetime(panel["date"])).set_index("date")
        return self.bundle.predict_proba(panel)


set_model(ServedBundle())

"""One door to MLflow: where it is, created once, quiet."""

import logging
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from regime.exceptions import StoreError
from regime.settings import Settings

EXPERIMENT = "Equity leadership regime"


def client(settings: Settings) -> Any:
    """A client on the tracking store of these settings; telemetry stays off.

    The local database is created under a lock, so that two first runs do not race its
    migrations.

    Raises
    ------
    StoreError
        If the store cannot be reached or written.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    import mlflow
    from mlflow.exceptions import MlflowException

    for name in ("mlflow", "alembic"):  # after the import, which sets levels of its own
        logging.getLogger(name).setLevel(logging.ERROR)

    uri = settings.tracking_uri
    try:
        if uri.startswith("sqlite:///"):
            path = Path(uri.removeprefix("sqlite:///"))
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock", timeout=120):
                found = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
                found.search_experiments(max_results=1)
        else:
            found = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
            found.search_experiments(max_results=1)
    except (MlflowException, OSError, Timeout) as error:
        said = str(error).splitlines()[0]
        raise StoreError(
            f"MLflow at {uri} cannot be used: {said}. Check MLFLOW_TRACKING_URI and that the "
            "server runs, or leave it unset to use the database under REGIME_HOME."
        ) from error
    return found


def experiment_id(mlflow_client: Any, settings: Settings) -> str:
    """The experiment all runs belong to, made on first use."""
    from mlflow.exceptions import MlflowException

    found = mlflow_client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    local = settings.tracking_uri.startswith("sqlite:///")
    location = (settings.home / "artifacts").absolute().as_uri() if local else None
    try:
        return str(mlflow_client.create_experiment(EXPERIMENT, artifact_location=location))
    except MlflowException:  # another process was first
        return str(mlflow_client.get_experiment_by_name(EXPERIMENT).experiment_id)

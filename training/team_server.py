"""The entry point of `mlflow server --app-name regime-team`.

MLflow imports it in its own process before it starts workers, and in each of them.
"""

from training.team_door import create_app, prepare

__all__ = ["create_app"]

prepare()

"""Where the state of an installation lives."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from regime.exceptions import ConfigError


class Settings(BaseSettings):
    """Paths, from the environment; nothing here changes a number."""

    model_config = SettingsConfigDict(env_prefix="REGIME_", env_ignore_empty=True, frozen=True)

    home: Path = Field(default=Path(".regime"), description="Folder of everything stored.")

    @property
    def store(self) -> Path:
        """Database of observations."""
        return self.home / "observations.db"

    @property
    def results(self) -> Path:
        """Predictions and scores of the newest comparison, one folder per experiment."""
        return self.home / "results"

    @property
    def published(self) -> Path:
        """What the model in service said last, for the app."""
        return self.home / "published"

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps its runs, unless MLFLOW_TRACKING_URI says otherwise."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.home / 'mlflow.db'}"

    def for_demo(self) -> "Settings":
        """The same, in a folder of its own: simulated and real data never mix."""
        return self.model_copy(update={"home": self.home / "demo"})

    def check_home(self) -> None:
        """Say so where the folder cannot be one; that it is not there yet is no fault."""
        for path in (self.home, *self.home.absolute().parents):
            if path.exists():
                if not path.is_dir():
                    raise ConfigError(
                        f"State is kept in {self.home}, but {path} is not a folder. "
                        "Set REGIME_HOME to a folder you may write to."
                    )
                return

    def make_home(self) -> None:
        """Create the folder, or say why that cannot be."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            if not os.access(self.home, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise ConfigError(
                f"State is kept in {self.home}, which cannot be written: "
                f"{error.strerror or error}. Set REGIME_HOME to a folder you may write to."
            ) from error

"""Where the state of an installation lives, and what it tells the sources it asks."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from regime.exceptions import ConfigError


def _unusable(name: str, why: str) -> str:
    # Not what was found: some of these are secrets.
    meaning = Settings.model_fields[name].description if name in Settings.model_fields else ""
    return f"REGIME_{name.upper()} cannot be used: {why}. What it is for: {meaning}"


class Settings(BaseSettings):
    """From the environment, each name with REGIME_ before it; nothing here changes a number."""

    model_config = SettingsConfigDict(env_prefix="REGIME_", env_ignore_empty=True, frozen=True)

    home: Path = Field(default=Path(".regime"), description="Folder of everything stored.")

    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql://USER:PASSWORD@HOST/NAME of a shared store; else SQLite in home.",
    )
    user_agent: str = Field(
        default="equity-leadership-regime",
        description="Who asks the sources; the SEC wants a name and an e-mail address in it.",
    )
    fred_key: SecretStr | None = Field(default=None, description="Free; brings FRED's vintages.")
    tiingo_key: SecretStr | None = Field(default=None, description="Free; stands in for Yahoo.")
    mirror: str | None = Field(
        default=None, description="A server of yours that is asked in place of every source."
    )

    alert_urls: SecretStr | None = Field(
        default=None,
        description="Where alerts go: addresses as apprise writes them, spaces between them.",
    )
    alert_levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.8,),
        description="Probabilities worth an alert when crossed, as JSON: [0.5, 0.8], [] for none.",
    )
    mlflow_ui: str = Field(
        default="http://127.0.0.1:5000",
        pattern=r"^https?://[^\s()<>]+$",
        description="Address of the MLflow UI, which the app links to.",
    )
    now: AwareDatetime | None = Field(
        default=None,
        description="A rehearsal on a simulated market: the moment that counts as now, with its "
        "zone, as in 2016-01-04T23:30:00-05:00.",
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name, said = str(first["loc"][0]), str(first["msg"])
            raise ConfigError(_unusable(name, f"{said[:1].lower()}{said[1:]}")) from error
        except SettingsError as error:
            name = re.findall(r'"(\w+)"', str(error))[0]
            raise ConfigError(_unusable(name, "it is not JSON")) from error

    @property
    def store(self) -> Path | str:
        """Database of observations: a file, or the address of a server."""
        if self.database_url is not None:
            address = self.database_url.get_secret_value()
            if not re.match(r"postgres(ql)?(\+psycopg)?://", address):
                raise ConfigError(
                    "REGIME_DATABASE_URL needs an address postgresql://USER:PASSWORD@HOST/NAME, "
                    "and begins otherwise; it is not shown, as it may hold a password. Mend it, "
                    "or leave it empty for SQLite in REGIME_HOME."
                )
            return address
        return self.home / "observations.db"

    @property
    def raw(self) -> Path:
        """Documents as they were fetched, by content."""
        return self.home / "raw"

    @property
    def keys(self) -> dict[str, str]:
        """What the user gave of what sources may ask for, by environment variable."""
        given = {"REGIME_FRED_KEY": self.fred_key, "REGIME_TIINGO_KEY": self.tiingo_key}
        keys = {name: key.get_secret_value() for name, key in given.items() if key is not None}
        if "user_agent" in self.model_fields_set:
            keys["REGIME_USER_AGENT"] = self.user_agent
        return keys

    @property
    def results(self) -> Path:
        """Predictions and scores of the newest comparison, one folder per experiment."""
        return self.home / "results"

    @property
    def audits(self) -> Path:
        """What the newest audit found."""
        return self.home / "audits"

    @property
    def walks(self) -> Path:
        """Walk-forwards, each under a name that follows from all it was computed from."""
        return self.home / "walks"

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
        return self.model_copy(update={"home": self.home / "demo", "database_url": None})

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
            # For its owner alone when it is made; whoever shares it opens it, and it stays so.
            for folder in reversed([self.home, *self.home.parents]):
                if not folder.exists():
                    folder.mkdir(mode=0o700, exist_ok=True)
            if not os.access(self.home, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise ConfigError(
                f"State is kept in {self.home}, which cannot be written: "
                f"{error.strerror or error}. Set REGIME_HOME to a folder you may write to."
            ) from error

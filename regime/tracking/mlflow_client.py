"""One door to MLflow: where it is, created once, quiet, and plain about what is wrong."""

import contextlib
import logging
import os
import re
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from regime.exceptions import StoreError
from regime.settings import Settings

FAMILY = "Equity leadership"  # what the name of every experiment here begins with
OFFERED, SERVICE = "models on offer", "service"
NOTE = "mlflow.note.content"  # the tag that the UI shows as description
_KIND = "mlflow.experimentKind"  # else the UI takes it for an experiment with language models
RETRIES = "3"  # of one request, twelve seconds in all; MLflow's own wait for minutes
PAGE = 500  # runs
LONGEST_TAG = 5000  # characters that every store of MLflow takes
DATA = "data"  # tag of a run or version: of which market
_SIMULATED, _MARKET = "SIMULATED", "market"
_CONNECT, _LOCKED = 10.0, 10.0  # seconds until a server, or another writer, is given up
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}


def client(settings: Settings) -> Any:
    """A client on the tracking store of these settings; telemetry stays off.

    The local database is created under a lock, so that two first runs do not race its
    migrations.

    Raises
    ------
    StoreError
        If the store cannot be reached or written, is of another MLflow, or wants other
        credentials. Within seconds: a server that is not there is not asked twice.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES)
    uri = settings.tracking_uri
    with plain_faults(settings, OSError, Timeout, sqlite3.Error):
        _check_reached(uri)
        import mlflow

        for name in ("mlflow", "alembic"):  # after the import, which sets levels of its own
            logging.getLogger(name).setLevel(logging.ERROR)
        # It writes a traceback of what it raises, which is told in words here.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        if path := local_database(settings):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock", timeout=120):
                _check_readable(path)
                found = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
                found.search_experiments(max_results=1)
        else:
            found = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
            found.search_experiments(max_results=1)
    return found


def local_database(settings: Settings) -> Path | None:
    """The file of the tracking store; None where it is on a server."""
    uri = settings.tracking_uri
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def has_tracking(settings: Settings) -> bool:
    """Whether there is a tracking store to ask; False only of a local one not yet created."""
    path = local_database(settings)
    return path is None or path.exists()


def market(simulated: bool) -> str:
    """What the tag `DATA` says."""
    return _SIMULATED if simulated else _MARKET


def is_simulated(tags: Mapping[str, str]) -> bool:
    """Whether a run or version with these tags is of a simulated market."""
    return tags.get(DATA) == _SIMULATED


def shown(uri: str) -> str:
    """An address as it may be printed: without the password in it, or a query that holds one."""
    bare = re.sub(r"\?\S*", "", uri) if "://" in uri else uri
    return re.sub(r"(?<=//)([^/@:\s]*):\S*@", r"\1:***@", bare)


@contextlib.contextmanager
def plain_faults(settings: Settings, *also: type[Exception]) -> Iterator[None]:
    """What MLflow, or anything of these kinds, raises inside becomes one line with advice.

    Raises
    ------
    StoreError
        In place of it.
    """
    try:
        yield
    except Exception as error:
        # By name: MLflow takes seconds to import, and is not needed to see that it is absent.
        if not isinstance(error, also) and not _is_of_mlflow(error):
            raise
        raise StoreError(_words(settings.tracking_uri, str(error))) from error


def _is_of_mlflow(error: Exception) -> bool:
    """Whether it raised it, or the database it keeps its tables with."""
    libraries = ("mlflow.", "sqlalchemy.")
    return any(kind.__module__.startswith(libraries) for kind in type(error).__mro__)


def _words(uri: str, said: str) -> str:
    place, said = shown(uri), shown(next(iter(said.strip().splitlines()), "no reason given"))
    if re.search(r"code 401\b", said):
        return (
            f"MLflow at {place} did not accept the user and password it was given, or was given "
            "none. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    if re.search(r"code 403\b", said):
        return (
            f"MLflow at {place} does not allow this to the user in MLFLOW_TRACKING_USERNAME. Ask "
            "whoever runs the server for the permission EDIT."
        )
    if "database schema" in said or "Can't locate revision" in said:
        return (
            f"MLflow at {place} keeps its database for another version of MLflow: "
            f"{said.split('. ')[0]}. Install the MLflow that wrote it last, or restore a backup."
        )
    if "database is locked" in said:
        return (
            f"MLflow at {place} cannot be used: another program has kept the database locked for "
            f"{_LOCKED:.0f} seconds. Let it finish, then try again."
        )
    if "disk I/O error" in said or "disk is full" in said or "readonly" in said:
        return (
            f"MLflow at {place} cannot be used: the disk refused to write ({said.rstrip('.')}). "
            "Free some space, or make the folder writable, and run it again."
        )
    if "not a database" in said or "malformed" in said:
        return (
            f"MLflow at {place} cannot be used: the file is damaged ({said}). Restore it from a "
            "backup, or move it away to begin with an empty one."
        )
    return (
        f"MLflow at {place} cannot be used: {said.rstrip('.')}. Check MLFLOW_TRACKING_URI and that "
        "the server runs, or leave it unset to use the database under REGIME_HOME."
    )


def _check_reached(uri: str) -> None:
    """Raise OSError where nobody listens, before libraries try it again for minutes."""
    parts = urlsplit(uri)
    port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
    if parts.hostname and port:
        try:
            socket.create_connection((parts.hostname, port), _CONNECT).close()
        except OSError as error:
            raise OSError(f"nothing answers at {parts.hostname}:{port} ({error})") from error


def _check_readable(path: Path) -> None:
    """Raise sqlite3.Error for a file that is locked or damaged; MLflow would try for minutes."""
    if not path.exists():
        return
    with contextlib.closing(sqlite3.connect(path, timeout=_LOCKED)) as database:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()


def experiment_id(
    mlflow_client: Any, settings: Settings, study: str = OFFERED, *, note: str = ""
) -> str:
    """The experiment of a study, made on first use.

    Parameters
    ----------
    study : what is asked, in a few words: `OFFERED`, `SERVICE`, or a question's name
    note : description of an experiment that has none yet

    Raises
    ------
    StoreError
        If the experiment was deleted, or the server allows none.
    """
    from mlflow.exceptions import MlflowException

    name = f"{FAMILY}: {study}"
    with plain_faults(settings):
        found = mlflow_client.get_experiment_by_name(name)
        if found is None:
            local = local_database(settings) is not None
            location = (settings.home / "artifacts").absolute().as_uri() if local else None
            tags = {_KIND: "custom_model_development"} | ({NOTE: note} if note else {})
            try:
                return str(mlflow_client.create_experiment(name, location, tags))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            found = mlflow_client.get_experiment_by_name(name)  # another process was first
        if found.lifecycle_stage == "deleted":
            raise StoreError(
                f"The MLflow experiment {name!r} was deleted, and its name is taken until it is "
                f"restored: `mlflow experiments restore -x {found.experiment_id}`."
            )
        if note and NOTE not in found.tags:
            mlflow_client.set_experiment_tag(found.experiment_id, NOTE, note)
    return str(found.experiment_id)


def find_runs(
    mlflow_client: Any,
    settings: Settings,
    filter_string: str = "",
    *,
    order_by: list[str] | None = None,
    page: int = PAGE,
) -> list[Any]:
    """Runs of every experiment of this package, deleted ones too, a page at a time."""
    from mlflow.entities import ViewType

    with plain_faults(settings):
        known = mlflow_client.search_experiments(
            view_type=ViewType.ALL, filter_string=f"name LIKE '{FAMILY}%'", max_results=1000
        )
        found: list[Any] = []
        token = None
        while known:
            runs = mlflow_client.search_runs(
                [one.experiment_id for one in known],
                filter_string,
                run_view_type=ViewType.ALL,
                max_results=page,
                order_by=order_by,
                page_token=token,
            )
            found += runs
            token = runs.token
            if not token:
                break
    return found

"""MLflow's server for a team: its own sign-in and permissions, behind a door with rules for a team.

Whoever may sign in to MLflow's `basic-auth` may say where files of an experiment are, have the
server read there, and ask parts of it that run programs and fetch addresses. Our commands and the
pages of MLflow need none of that: here only what they do need is open, to everybody who is let in.
`training/team_server.py` is the entry point, `mlflow server --app-name regime-team`.
"""

import configparser
import json
import os
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from regime.door import LOCAL
from training.tracking_door import SHUT, Rules, TrackingDoor, prefix

MOST_OF_A_FILE = 1024**3  # bytes; the model in service and all it is made of have a hundredth
_FILES = re.compile(r"/(ajax-)?api/2\.0/mlflow-artifacts/(artifacts|presigned)(/|$)")
# The number of an experiment, then folders and a name; nothing that a reader of paths leaves out.
_WAY = re.compile(r"[0-9]+(/[^\x00-\x1f\x7f]*)?")
_SHUT = re.compile(SHUT, re.IGNORECASE)
_OPEN = re.compile(
    r"/(ajax-)?api/[23]\.0/mlflow/"
    r"((artifacts|experiments|logged-models|metrics|model-versions|registered-models|roles|runs"
    r"|users)/.+|server-info|traces/search|ui-telemetry)"
    r"|/|/(get-artifact|graphql|health|model-versions/get-artifact|signup|static-files/.+|version)"
)
_MAKES_EXPERIMENT = re.compile(r"/experiments/create/?$")
_MAKES_VERSION = re.compile(r"/model-versions/create/?$")
_SOURCES = ("mlflow-artifacts:", "models:/", "runs:/")

# What MLflow would do otherwise, and no option of it may bring back.
PROTECTIONS = {
    "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SERVER_X_FRAME_OPTIONS": "SAMEORIGIN",
}


def create_app() -> TrackingDoor:
    """MLflow's application with sign-in, behind the door.

    Raises
    ------
    SystemExit
        If it is not uvicorn that serves: a door of this kind cannot stand in front of the others.
    """
    if os.environ.get("_MLFLOW_SGI_NAME") != "uvicorn":
        sys.exit("error: `mlflow server --app-name regime-team` is served by uvicorn only, "
                 "without --gunicorn-opts and --waitress-opts.")  # fmt: skip
    from mlflow.server.auth import create_app as signed_in

    return TrackingDoor(signed_in(), rules())


def rules() -> Rules:
    """What a server for a team lets through, with the names that MLflow was given.

    Raises
    ------
    ValueError
        If one of them is a pattern.
    """
    return Rules(
        hosts=(*LOCAL, *hosts(os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS", ""))),
        origins=origins(os.environ.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "")),
        is_shut=is_shut,
        is_elsewhere=is_elsewhere,
        is_file=lambda method, path: method == "PUT" and _FILES.match(path),
        most_of_a_file=MOST_OF_A_FILE,
        against=against,
    )


def prepare() -> None:
    """Set what protects, and end the program with one line where something is missing.

    A worker that cannot start is started anew for ever, so this is done before there is one, as
    MLflow does for the application of its own that it knows by name.
    """
    os.environ.update(PROTECTIONS)
    if os.environ.get("_MLFLOW_SGI_NAME"):
        return  # a worker
    try:
        _check_options()
        rules()
        from mlflow.exceptions import MlflowException
        from mlflow.server.auth import bootstrap_admin_user, get_flask_server_secret_key

        try:
            get_flask_server_secret_key()
            bootstrap_admin_user()
        except MlflowException as error:
            raise ValueError(str(error).partition(" For example")[0]) from error
    except ImportError as error:
        sys.exit(f"error: {error}. The extra `server` of equity-leadership-regime brings it.")
    except (KeyError, ValueError, configparser.Error) as error:
        words = " ".join(str(error).split())  # configparser's are several lines
        sys.exit(f"error: the server for a team cannot start: {words}")
    os.environ["_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"] = "true"


def _check_options() -> None:
    if any(word.startswith(("--gunicorn-opts", "--waitress-opts")) for word in sys.argv):
        raise ValueError("it is served by uvicorn only. Leave out --gunicorn-opts.")
    auth = os.environ.get("MLFLOW_AUTH_CONFIG_PATH", "")
    if not Path(auth).is_file():  # "" is the folder one is in
        raise ValueError(
            f"MLFLOW_AUTH_CONFIG_PATH must name an auth.ini, and {auth or 'nothing'} is none. "
            f"docs/shared-server.md has one."
        )
    found = configparser.ConfigParser()
    found.read(auth, encoding="utf-8")
    missing = [
        name for name in ("default_permission", "database_uri", "admin_username")
        if not found.get("mlflow", name, fallback="")
    ]  # fmt: skip
    if missing:
        raise ValueError(
            f"{auth} lacks {missing[0]} in its section [mlflow]. docs/shared-server.md has it."
        )


def is_shut(path: str) -> bool:
    """Whether a path is none of those that our commands and the pages of MLflow need."""
    inside = path.removeprefix(prefix())
    if _FILES.match(path) or _FILES.match(inside):
        return False  # whatever the folders are called
    return not _OPEN.fullmatch(inside) or bool(_SHUT.search(inside))


def is_elsewhere(path: str, query: str) -> bool:
    """Whether files are asked for by a way that does not begin with their experiment.

    MLflow takes from the first folder whose files they are; where that is no number, as in
    `./2/...`, it asks for the permission on everything instead, and finds the same files.
    """
    files = _FILES.match(path) or _FILES.match(path.removeprefix(prefix()))
    if not files:
        return False
    ways = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "path"]
    if rest := files.string[files.end() :]:
        ways.append(rest)
    return len(ways) != 1 or not _is_straight(ways[0])


def _is_straight(way: str) -> bool:
    for _ in range(10):  # MLflow decodes what was decoded already; nobody asks it ten times
        way, before = unquote(way), way
        if way == before:
            return bool(_WAY.fullmatch(way)) and not {".", ".."} & set(re.split(r"[/\\]", way))
    return False


def against(path: str, body: bytes) -> str | None:
    """Why an experiment or a version may not be made as the body says; None if it may."""
    experiment = _MAKES_EXPERIMENT.search(path)
    if not experiment and not _MAKES_VERSION.search(path):
        return None
    said: list[tuple[str, object]] = []

    def noted(pairs: list[tuple[str, object]]) -> dict[str, object]:
        said.extend((name.replace("_", "").lower(), value) for name, value in pairs)
        return dict(pairs)

    try:
        told = json.loads(body or b"{}", object_pairs_hook=noted)
    except (RecursionError, ValueError):
        told = None
    if not isinstance(told, dict):
        return "This is asked with one JSON object."
    if experiment:
        # Also not below mlflow-artifacts: that may be the folder of somebody else's experiment.
        if any(value for name, value in said if name == "artifactlocation"):
            return "Where the files of an experiment are is the server's to say here."
    elif not all(str(value).startswith(_SOURCES) for name, value in said if name == "source"):
        return f"The source of a version begins with one of {', '.join(_SOURCES)} here."
    return None


def hosts(told: str) -> tuple[str, ...]:
    """Names in `--allowed-hosts`, without their ports, which MLflow itself looks at."""
    found = []
    for one in filter(None, (each.strip() for each in told.split(","))):
        name = urlsplit(f"//{one.removesuffix(':*')}").hostname
        if not name or "*" in name:
            raise ValueError(f"--allowed-hosts takes whole names here, not {one!r}.")
        found.append(name)
    return tuple(found)


def origins(told: str) -> frozenset[str]:
    """Addresses in `--cors-allowed-origins`."""
    found = [each.strip() for each in told.split(",") if each.strip()]
    for one in found:
        parts = urlsplit(one)
        whole = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in {"http", "https"} or whole != one or re.search(r"[*?\[]", one):
            raise ValueError(
                f"--cors-allowed-origins takes addresses as https://example.com here, not {one!r}."
            )
    return frozenset(found)

"""What the door of a team's server lets through, without a server behind it."""

import asyncio
from urllib.parse import quote

import pytest

from training import team_door, tracking_door
from training.tracking_door import MOST_BYTES, Rules, TrackingDoor

FILE = "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts"
# What may be changed through the door, and questions that are no GET, below /api/*/mlflow.
WRITES = {
    "artifacts": "presigned-download-url",
    "experiments": "create delete delete-experiment-tag restore set-experiment-tag update",
    "logged-models": "{} {}/params {}/tags {}/tags/{}",
    "model-versions": "create delete delete-tag set-tag transition-stage update",
    "registered-models": "alias create delete delete-tag get-latest-versions rename set-tag update",
    "runs": "create delete delete-tag log-batch log-inputs log-metric log-model log-parameter "
            "outputs restore set-tag update",
}  # fmt: skip


def through(method, path, chunks=(b"",), *, rules=None, inner=None, **headers):
    """The status of an answer, and what reached the application behind the door."""
    reached, sent = [], []
    messages = [
        {"type": "http.request", "body": one, "more_body": number + 1 < len(chunks)}
        for number, one in enumerate(chunks)
    ]

    async def behind(scope, receive, send):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise ConnectionError("as a framework does")
            reached.append(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    path, _, query = path.partition("?")
    told = {"host": "127.0.0.1:5000", **{key.replace("_", "-"): headers[key] for key in headers}}
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(),
        "headers": [(key.encode(), value.encode()) for key, value in told.items() if value],
    }  # fmt: skip
    asyncio.run(TrackingDoor(inner or behind, rules or team_door.rules())(scope, receive, send))
    starts = [one for one in sent if one["type"] == "http.response.start"]
    assert len(starts) == 1
    return starts[0]["status"], reached


@pytest.fixture(autouse=True)
def no_names(monkeypatch):
    for name in ("MLFLOW_SERVER_ALLOWED_HOSTS", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
                 "_MLFLOW_STATIC_PREFIX"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def test_of_all_that_mlflow_can_change_only_what_is_listed_is_open():
    from mlflow.server import app  # here, because it takes seconds

    found = {}
    for rule in app.url_map.iter_rules():
        path = "/".join("{}" if "<" in one else one for one in str(rule).split("/"))
        name, _, rest = path.partition("/mlflow/")[2].partition("/")
        if team_door.is_shut(path.replace("{}", "x")) or not path.startswith("/api/") or not name:
            continue
        if "GET" not in rule.methods and "search" not in rest:
            found.setdefault(name, set()).add(rest)
    mine = {f"{name}/{rest}" for name, those in found.items() for rest in those}
    listed = {f"{name}/{one}" for name, those in WRITES.items() for one in those.split()}
    assert mine == listed


@pytest.mark.parametrize("path", [
    "/ajax-api/3.0/mlflow/assistant/message", "/ajax-api/3.0/mlflow/gateway/secrets/list",
    "/gateway/x/mlflow/invocations", "/ajax-api/2.0/mlflow/gateway-proxy",
    "/ajax-api/3.0/mlflow/demo/generate", "/ajax-api/3.0/mlflow/genai/evaluate/invoke",
    "/ajax-api/2.0/mlflow/runs/create-promptlab-run", "/ajax-api/3.0/mlflow/scorer/invoke",
    "/api/3.0/mlflow/scorers/register", "/ajax-api/3.0/jobs", "/ajax-api/3.0/mlflow/jobs/1",
    "/api/2.0/mlflow/webhooks", "/ajax-api/3.0/mlflow/mcp-servers", "/v1/traces",
    "/ajax-api/3.0/mlflow/get-trace-artifact", "/api/2.0/mlflow/traces",
    "/api/3.0/mlflow/traces", "/api/3.0/mlflow/traces/tr-1/tags", "/api/3.0/mlflow/traces/get",
    "/api/2.0/mlflow/traces/tr-1", "/api/3.0/mlflow/traces/batchGet",
    "/api/2.0/mlflow/logged-models", "/api/2.0/mlflow/artifacts/presigned-upload-url",
    "/ajax-api/2.0/mlflow/upload-artifact", "/api/2.0/mlflow-artifacts/mpu/create/1/r/x",
    "/api/3.0/mlflow/datasets/create", "/api/3.0/mlflow/issues", "/api/3.0/mlflow/workspaces",
    "/api/9.0/mlflow/something-new", "/something-new", "/API/2.0/mlflow/runs/create",
])  # fmt: skip
def test_what_nobody_needs_is_shut_however_it_is_asked(path):
    first, _, rest = path[1:].partition("/")
    for spelling in (path, f"/{path}", f"{path}/", path.replace("/", "//"), f"/{first}//{rest}"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            status, reached = through(method, spelling)
            assert (status, reached) == (403, []), (method, spelling)


@pytest.mark.parametrize("path", [
    "/", "/health", "/version", "/graphql", "/static-files/static/js/main.js", "/get-artifact",
    "/api/2.0/mlflow/runs/search", "/ajax-api/2.0/mlflow/metrics/get-history-bulk",
    "/ajax-api/3.0/mlflow/traces/search", "/api/3.0/mlflow/users/permissions/grant", f"{FILE}/x",
    f"{FILE}/jobs/v1/demo", "/api/2.0/mlflow/logged-models/search",
])  # fmt: skip
def test_what_is_needed_is_open_also_below_a_prefix(path, monkeypatch):
    assert through("GET", path)[0] == 200
    monkeypatch.setenv("_MLFLOW_STATIC_PREFIX", "/mlflow")
    assert through("GET", f"/mlflow{path}")[0] == 200
    assert through("GET", "/mlflow/ajax-api/3.0/mlflow/assistant/message")[0] == 403


EXPERIMENT = "/api/2.0/mlflow/experiments/create"
VERSION = "/ajax-api/2.0/mlflow/model-versions/create"


@pytest.mark.parametrize(("path", "body", "status"), [
    (EXPERIMENT, b'{"name": "a"}', 200),
    (EXPERIMENT, b'{"name": "a", "artifact_location": ""}', 200),
    (EXPERIMENT, b'{"name": "artifact_location", "tags": [{"key": "k", "value": "v"}]}', 200),
    (EXPERIMENT, b'{"name": "a", "artifact_location": "/etc"}', 403),
    (EXPERIMENT, b'{"name": "a", "artifactLocation": "file:///etc"}', 403),
    (EXPERIMENT, b'{"artifact_location": "/etc", "artifact_location": ""}', 403),
    (EXPERIMENT, b'{"artifact_location": "mlflow-artifacts:/1/of-others"}', 403),
    (EXPERIMENT, rb'{"artifact\u005flocation": "/etc"}', 403),
    (EXPERIMENT, rb'"{\"artifact_location\": \"/etc\"}"', 403),
    (EXPERIMENT, '{"artifact_location": "/etc"}'.encode("utf-16"), 403),
    (EXPERIMENT, b"[" * 100_000, 403),
    (EXPERIMENT, b"not JSON", 403),
    (f"{EXPERIMENT}/", b'{"artifact_location": "/etc"}', 403),
    (VERSION, b'{"name": "a", "source": "mlflow-artifacts:/1/r/artifacts/model"}', 200),
    (VERSION, b'{"name": "a", "source": "runs:/r/model"}', 200),
    (VERSION, b'{"name": "a", "source": "http://169.254.169.254/latest"}', 403),
    (VERSION, b'{"name": "a", "source": "/etc"}', 403),
    (VERSION, b'{"name": "a", "source": "s3://bucket/x"}', 403),
    (VERSION, b'{"name": "a", "source": ["runs:/r/model"]}', 403),
    ("/api/2.0/mlflow/runs/set-tag", b'{"key": "source", "value": "/etc"}', 200),
])  # fmt: skip
def test_nobody_says_where_files_are(path, body, status):
    half = len(body) // 2
    found, reached = through("POST", path, (body[:half], body[half:]))
    assert found == status
    assert b"".join(reached) == (body if status == 200 else b"")


@pytest.mark.parametrize("way", [
    "./2/r/x", "2/../3/r/x", "2/./r/x", "%2e/2/r/x", "%252e%252e/2/r/x", "2/%2e%2e/3/r/x", "x/2/r",
    "%2E%2F2/r/x", "\t2/r/x", " 2/r/x", "2\t/r/x", "2/.\t./3/x", "2/%00", "\u0662/r/x", "2\\..\\3",
    "2/..\\3/x", "workspaces/default/2/r", "file:///2/r/x", "..", ".", "", "%" + "25" * 40 + "32/x",
])  # fmt: skip
def test_files_are_asked_for_by_their_experiment_first(way):
    root = "/api/2.0/mlflow-artifacts/artifacts"
    for family in (root, f"/ajax-api{root[4:]}", root.replace("/artifacts", "/presigned")):
        for method in ("GET", "PUT", "DELETE"):
            assert through(method, f"{family}/{way}") == (403, []), family
        asked = f"{family}?path={quote(way, safe='%/')}"
        assert through("GET", asked) == (403, [])
        assert through("GET", f"{asked}&path=2") == through("GET", f"{family}?path=2&path=3")


@pytest.mark.parametrize("way", [
    "2", "2/", "2/r/artifacts/model/a.b.txt", "2/r/artifacts/100% à", "2/r/artifacts/..x/x..",
    "12/models/m-1/artifacts//x",
])  # fmt: skip
def test_files_named_straight_are_found(way):
    root = "/api/2.0/mlflow-artifacts/artifacts"
    for asked in (f"{root}/{way}", f"{root}?path={quote(way)}", f"{root}/?path={quote(way)}"):
        assert through("GET", asked)[0] == 200
    assert through("GET", root)[0] == 403


@pytest.mark.parametrize("origin", [
    "http://localhost:3000", "http://127.0.0.1:5001", "null", "http://[::1]:5000",
    "https://evil.example", "file://",
])  # fmt: skip
def test_a_page_elsewhere_is_refused_also_of_another_port_of_this_machine(origin):
    for method in ("GET", "POST", "OPTIONS"):
        assert through(method, "/api/2.0/mlflow/runs/search", origin=origin)[0] == 403
    assert through("POST", "/api/2.0/mlflow/runs/search", origin="http://127.0.0.1:5000")[0] == 200


def test_names_are_those_that_mlflow_was_given_and_no_others(monkeypatch):
    for host in ("mlflow.example.com", "10.0.0.7", "10.evil.example:5000", "192.168.evil.example"):
        assert through("GET", "/", host=host)[0] == 403
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "MLflow.example.com, 127.0.0.1:*,[::1]:5000")
    monkeypatch.setenv("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "https://notes.example.com")
    for host in ("mlflow.example.com", "127.0.0.1:5000", "[::1]:5000"):
        assert through("GET", "/", host=host)[0] == 200
    for host in ("10.evil.example:5000", "x.mlflow.example.com", "mlflow.example.com.evil"):
        assert through("GET", "/", host=host)[0] == 403
    search, named = "/api/2.0/mlflow/runs/search", "https://notes.example.com"
    own = {"host": "mlflow.example.com", "origin": "https://mlflow.example.com"}
    assert through("POST", search, **own)[0] == 200
    assert through("POST", search, origin=named, sec_fetch_site="same-site")[0] == 200
    assert through("POST", search, sec_fetch_site="same-site")[0] == 403
    for origin in (f"{named}:444", "http://notes.example.com", f"{named}.evil", "https://evil"):
        assert through("POST", search, origin=origin)[0] == 403


@pytest.mark.parametrize(("name", "told"), [
    ("MLFLOW_SERVER_ALLOWED_HOSTS", "*"), ("MLFLOW_SERVER_ALLOWED_HOSTS", "10.*"),
    ("MLFLOW_SERVER_ALLOWED_HOSTS", "a.example,*.example.com"),
    ("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "*"),
    ("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "https://*.example.com"),
    ("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "example.com"),
    ("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "https://example.com/"),
])  # fmt: skip
def test_a_pattern_is_no_name(name, told, monkeypatch):
    monkeypatch.setenv(name, told)
    with pytest.raises(ValueError, match=r"whole names|takes addresses"):
        team_door.rules()


def test_a_file_goes_through_as_it_comes_and_ends_at_the_bound():
    known = team_door.rules()
    small = Rules(is_shut=known.is_shut, is_file=known.is_file, most_of_a_file=25)
    chunks = [b"x" * 10] * 2
    assert through("PUT", f"{FILE}/x", chunks, rules=small) == (200, chunks)
    assert through("PUT", f"{FILE}/x", [b"x" * 10] * 5, rules=small) == (413, chunks)
    assert through("PUT", f"{FILE}/x", [b""], rules=small, content_length="26") == (413, [])
    most = str(team_door.MOST_OF_A_FILE)
    assert through("PUT", f"{FILE}/x", content_length=most)[0] == 200
    assert through("PUT", f"{FILE}/x", content_length=most + "0")[0] == 413
    large = [b" " * (MOST_BYTES // 2)] * 3
    assert sum(map(len, through("PUT", f"{FILE}/x", large)[1])) > MOST_BYTES
    for path in (f"{FILE}/x", "/api/2.0/mlflow/runs/search", "/graphql"):
        assert through("POST", path, large) == (413, [])


def test_bodies_that_wait_are_held_up_to_a_bound_in_all(monkeypatch):
    monkeypatch.setattr(tracking_door, "MOST_HELD", 25)
    path = "/api/2.0/mlflow/runs/search"
    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"host", b"localhost")]}

    async def behind(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def asked(door, body, gone=None):
        sent, first = [], [{"type": "http.request", "body": body, "more_body": gone is not None}]

        async def receive():
            if first:
                return first.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message.get("status"))

        await door(scope, receive, send)
        return sent[:1]

    async def several():
        door, gone = TrackingDoor(behind, team_door.rules()), asyncio.Event()
        slow = asyncio.create_task(asked(door, b"x" * 20, gone))
        await asyncio.sleep(0)
        assert await asked(door, b"x" * 5) == [200]
        assert await asked(door, b"x" * 6) == [503]
        gone.set()
        assert await slow == []
        assert await asked(door, b"x" * 25) == [200]
        monkeypatch.setattr(tracking_door, "MOST_SECONDS", 0.01)
        assert await asked(door, b"x" * 20, asyncio.Event()) == [408]
        assert door.held == 0

    asyncio.run(several())


def test_an_answer_given_before_a_file_is_read_stays_and_faults_of_mlflow_are_not_hidden():
    async def refuses(scope, receive, send):
        await send({"type": "http.response.start", "status": 401, "headers": []})
        while (await receive())["type"] == "http.request":
            pass
        await send({"type": "http.response.body", "body": b""})

    async def falls(scope, receive, send):
        raise ZeroDivisionError

    known = team_door.rules()
    small = Rules(is_shut=known.is_shut, is_file=known.is_file, most_of_a_file=25)
    chunks = [b"x" * 10] * 5
    assert through("PUT", f"{FILE}/x", chunks, rules=small, inner=refuses)[0] == 401
    with pytest.raises(ZeroDivisionError):
        through("PUT", f"{FILE}/x", inner=falls)


@pytest.mark.parametrize("name", ["_MLFLOW_SGI_NAME", "MLFLOW_AUTH_CONFIG_PATH"])
def test_what_is_missing_is_said_in_one_line(name, monkeypatch):
    monkeypatch.delenv(name, raising=False)
    start = team_door.create_app if name == "_MLFLOW_SGI_NAME" else team_door.prepare
    for protection in team_door.PROTECTIONS:
        monkeypatch.setenv(protection, "as the operator had it")
    with pytest.raises(SystemExit) as told:
        start()
    assert str(told.value).startswith("error: ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (None, "auth.ini is none"),
        ("", "lacks default_permission in its section"),
        ("[mlflow]\ndefault_permission = READ\n", "lacks database_uri"),
        ("no section\n", "no section headers"),
        ("[mlflow]\n\x00\xff", "contains parsing errors"),
    ],
)
def test_a_file_that_does_not_say_who_may_come_in_is_told_by_name(
    written, words, tmp_path, monkeypatch
):
    monkeypatch.delenv("_MLFLOW_SGI_NAME", raising=False)
    for protection in team_door.PROTECTIONS:
        monkeypatch.setenv(protection, "x")
    if written is not None:
        (tmp_path / "auth.ini").write_text(written)
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(tmp_path / "auth.ini"))
    with pytest.raises(SystemExit, match=words) as told:
        team_door.prepare()
    assert str(told.value).startswith("error: ")
    assert "\n" not in str(told.value)


def test_a_server_that_would_restart_its_workers_for_ever_is_refused(monkeypatch):
    monkeypatch.delenv("_MLFLOW_SGI_NAME", raising=False)
    for protection in team_door.PROTECTIONS:
        monkeypatch.setenv(protection, "x")
    monkeypatch.setattr("sys.argv", ["mlflow", "server", "--gunicorn-opts=--timeout 9"])
    with pytest.raises(SystemExit, match="uvicorn only"):
        team_door.prepare()


def test_a_switch_of_mlflow_does_not_open_it(monkeypatch):
    for protection in team_door.PROTECTIONS:
        monkeypatch.setenv(protection, "x")
    monkeypatch.setenv("_MLFLOW_SGI_NAME", "uvicorn")
    team_door.prepare()
    from mlflow import environment_variables as of_mlflow

    for name, value in team_door.PROTECTIONS.items():
        told = getattr(of_mlflow, name).get()
        assert told in {value, value == "true"}, name

"""A server for a team, as docs/shared-server.md starts one: nothing of it without a password."""

import contextlib
import importlib.util
import json
import secrets
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from tracked import tracked

pytestmark = pytest.mark.long
API = "/api/2.0/mlflow"
ARTEFACT = "/api/2.0/mlflow-artifacts/artifacts"
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """Its address, the keeper's password and a reader's."""
    path = Path(__file__).parents[1] / "tracking" / "test_shared_server.py"
    spec = importlib.util.spec_from_file_location("of_tracking", path)
    of_tracking = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(of_tracking)
    folder = tracked(tmp_path_factory.mktemp("team"), tmp_path_factory).home
    backend = f"sqlite:///{folder}/mlflow.db"
    with of_tracking.mlflow_server(folder, backend) as (address, password):
        yield address, password, secrets.token_urlsafe(16), folder


def basic(user, password):
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def asked(team, ask):
    """Ask the server as somebody; the status and what it says."""

    def of(who, path, told=None, method="POST", body=None):
        content = body if told is None else json.dumps(told).encode()
        return ask(team[0], path, method, content, **JSON, **who)[:2]

    keeper = basic("keeper", team[1])
    for name in ("reader", "editor", "stranger"):
        made = {"username": name, "password": team[2]}
        assert of(keeper, f"{API}/users/create", made)[0] == 200
    status, text = of(keeper, f"{API}/experiments/create", {"name": "kept"})
    assert status == 200
    for name, permission in (("editor", "EDIT"), ("stranger", "DENY")):
        grant = {"username": name, "resource_type": "experiment", "permission": permission,
                 "resource_id": json.loads(text)["experiment_id"]}  # fmt: skip
        status, said = of(keeper, "/api/3.0/mlflow/users/permissions/grant", grant)
        assert status == 200, said
    run = of(keeper, f"{API}/runs/create", {"experiment_id": json.loads(text)["experiment_id"]})
    of.run = json.loads(run[1])["run"]["info"]["run_id"]
    of.experiment = json.loads(text)["experiment_id"]
    of.file = f"{ARTEFACT}/{of.experiment}/{of.run}/artifacts/kept.txt"
    assert of(keeper, of.file, method="PUT", body=b"kept words")[0] == 200
    return of


def everything(asked):
    """What there is to read and to write: a path, what is sent, and how."""
    return [
        (f"{API}/experiments/search", {"max_results": 10}, "POST", None),
        (f"{API}/runs/search", {"experiment_ids": [asked.experiment]}, "POST", None),
        (f"{API}/runs/get?run_id={asked.run}", None, "GET", None),
        (f"{API}/experiments/create", {"name": "mine"}, "POST", None),
        (f"{API}/runs/log-metric", {"run_id": asked.run, "key": "a", "value": 1, "timestamp": 1},
         "POST", None),
        (f"{API}/runs/delete", {"run_id": asked.run}, "POST", None),
        (f"{API}/registered-models/create", {"name": "mine"}, "POST", None),
        (f"{API}/users/create", {"username": "eve", "password": "long enough it is"}, "POST", None),
        (f"/get-artifact?run_id={asked.run}&path=kept.txt", None, "GET", None),
        (asked.file, None, "GET", None),
        (asked.file, None, "PUT", b"other words"),
        (asked.file, None, "DELETE", None),
        ("/graphql", {"query": "{ __typename }"}, "POST", None),
        ("/", None, "GET", None),
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["nobody", "keeper, a wrong password", "no such user", "no name",
                                 "not basic", "not base64"])  # fmt: skip
def test_without_the_right_password_nothing_is_read_and_nothing_written(asked, team, who):
    header = {
        "nobody": {}, "keeper, a wrong password": basic("keeper", "x" * 16),
        "no such user": basic("eve", team[1]), "no name": basic("", team[1]),
        "not basic": {"Authorization": f"Bearer {team[1]}"},
        "not base64": {"Authorization": "Basic ###"},
    }[who]  # fmt: skip
    for path, told, method, body in everything(asked):
        status, text = asked(header, path, told, method, body)
        assert status >= 400, (path, text[:200])  # MLflow answers 500 to what is not Basic
        assert "kept" not in text, path
    keeper = basic("keeper", team[1])
    assert asked(keeper, asked.file, method="GET") == (200, "kept words")
    assert '"mine"' not in asked(keeper, f"{API}/experiments/search", {"max_results": 10})[1]


def test_a_reader_reads_and_writes_nothing_of_others(asked, team):
    reader = basic("reader", team[2])
    statuses = {
        (method, path.partition("?")[0]): asked(reader, path, told, method, body)[0]
        for path, told, method, body in everything(asked)
        if "experiments/create" not in path and "registered-models" not in path
    }
    reads = {("GET", "/"), ("GET", "/get-artifact"), ("GET", asked.file),
             ("GET", f"{API}/runs/get"), ("POST", f"{API}/experiments/search"),
             ("POST", f"{API}/runs/search"), ("POST", "/graphql")}  # fmt: skip
    assert {one for one, status in statuses.items() if status == 200} <= reads
    assert {statuses[one] for one in reads - {("POST", "/graphql")}} == {200}
    assert {status for one, status in statuses.items() if one not in reads} == {403}
    assert asked(reader, asked.file, method="GET") == (200, "kept words")


@pytest.fixture(params=["reader", "editor", "keeper"])
def who(request, team):
    """Somebody with a right password."""
    return basic(request.param, team[1] if request.param == "keeper" else team[2])


@pytest.mark.parametrize("path", [
    "/api/3.0/mlflow/gateway/secrets/create", "/gateway/s/mlflow/invocations",
    "/ajax-api/2.0/mlflow/gateway-proxy", "/ajax-api/3.0/mlflow/assistant/config",
    "/ajax-api/3.0/mlflow/assistant/message", "/ajax-api/3.0/jobs", "/v1/traces",
    "/ajax-api/3.0/mlflow/demo/generate", "/ajax-api/2.0/mlflow/runs/create-promptlab-run",
    "/ajax-api/3.0/mlflow/scorer/invoke", "/api/3.0/mlflow/scorers/register",
    "/api/2.0/mlflow/webhooks", "/api/3.0/mlflow/mcp-servers", "/api/2.0/mlflow/logged-models",
])  # fmt: skip
def test_what_runs_programs_or_asks_other_addresses_is_shut_to_every_user(asked, who, path):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        status, text = asked(who, path, {}, method)
        assert status == 403, method
        assert "is shut here" in text


def test_nobody_says_where_files_are(asked, who, tmp_path):
    (tmp_path / "traces.json").write_text('{"spans": ["not to be read"]}')
    place = tmp_path.as_uri()
    made = {"name": "elsewhere", "artifact_location": place}
    assert asked(who, f"{API}/experiments/create", made)[0] == 403
    assert '"elsewhere"' not in asked(who, f"{API}/experiments/search", {"max_results": 99})[1]
    version = {"name": "elsewhere", "source": place, "run_id": asked.run}
    assert asked(who, f"{API}/model-versions/create", version)[0] == 403
    tag = {"key": "mlflow.artifactLocation", "value": place}
    trace = {"experiment_id": asked.experiment, "timestamp_ms": 1, "tags": [tag]}
    assert asked(who, f"{API}/traces", trace)[0] == 403
    for version in ("api/2.0", "api/3.0", "ajax-api/2.0", "ajax-api/3.0"):
        assert asked(who, f"/{version}/mlflow/traces/tr-1/tags", tag, "PATCH")[0] == 403
        read = f"/{version}/mlflow/get-trace-artifact?request_id=tr-1"
        assert asked(who, read, method="GET")[0] == 403
    own = {"name": f"of {who['Authorization']}"}
    assert asked(who, f"{API}/experiments/create", own)[0] == 200


def test_who_may_not_see_an_experiment_sees_none_of_its_files(asked, team):
    stranger = basic("stranger", team[2])
    assert asked(stranger, f"{API}/registered-models/create", {"name": "of a stranger"})[0] == 200
    own = json.loads(asked(stranger, f"{API}/experiments/create", {"name": "of a stranger"})[1])
    way = f"{asked.experiment}/{asked.run}/artifacts/kept.txt"
    for path in (asked.file, f"/get-artifact?run_id={asked.run}&path=kept.txt",
                 *(f"{ARTEFACT}/{own['experiment_id']}/{up}/{way}"
                   for up in ("..", "%2e%2e", "%252e%252e", "x/..%2f..")),
                 *(f"{ARTEFACT}/{round_}/{way}" for round_ in (".", "%2e", "%252e", "./.")),
                 f"{ARTEFACT}?path=./{asked.experiment}", ARTEFACT):  # fmt: skip
        status, text = asked(stranger, path, method="GET")
        assert status >= 400, path
        assert "kept words" not in text
        assert asked.run not in text
    root = f"mlflow-artifacts:/{asked.experiment}/{asked.run}/artifacts"
    for source in (root, f"runs:/{asked.run}/", f"{root}/../artifacts"):
        told = {"name": "of a stranger", "source": source, "run_id": asked.run}
        assert asked(stranger, f"{API}/model-versions/create", told)[0] >= 400


@pytest.mark.parametrize("headers", [
    {"Origin": "http://localhost:3000"}, {"Origin": "http://127.0.0.1:8501"}, {"Origin": "null"},
    {"Origin": "https://evil.example"}, {"Host": "10.evil.example"}, {"Host": "10.0.0.7:5000"},
    {"Host": "192.168.evil.example"}, {"Host": None}, {"Sec_Fetch_Site": "same-site"},
])  # fmt: skip
def test_a_page_elsewhere_gets_nothing_though_the_browser_knows_the_password(ask, team, headers):
    known = {**basic("keeper", team[1]), **JSON}
    for method, path, body in (("POST", f"{API}/experiments/search", b'{"max_results": 9}'),
                               ("POST", f"{API}/experiments/create", b'{"name": "crossed"}'),
                               ("GET", f"{API}/experiments/search?max_results=9", None),
                               ("OPTIONS", f"{API}/experiments/search", None)):  # fmt: skip
        status, text, told = ask(team[0], path, method, body, **known, **headers)
        assert status in ({403} if headers.get("Host", "") is not None else {400, 403}), path
        assert "experiments" not in text
        assert "access-control-allow-origin" not in told
    own = ask(team[0], f"{API}/experiments/search?max_results=9", **known, Origin=team[0])
    assert own[0] == 200
    assert '"crossed"' not in own[1]


def test_a_large_file_goes_through_without_being_held_and_one_too_large_leaves_nothing(asked, team):
    from training.team_door import MOST_OF_A_FILE

    files = team[3] / "artifacts"
    keeper = {**basic("keeper", team[1])}

    def sent(name, size):
        block = b"x" * 2**20
        address = team[0] + asked.file.replace("kept.txt", name)
        chunks = (block[: min(2**20, size - start)] for start in range(0, size, 2**20))
        return httpx.put(address, content=chunks, headers=keeper, timeout=300).status_code

    port = str(urlsplit(team[0]).port)
    mine = psutil.Process().children(recursive=True)
    (server,) = [one for one in mine if {"uvicorn", port} <= set(one.cmdline())]
    before = server.memory_info().rss
    assert sent("large.bin", 200 * 2**20) == 200
    assert server.memory_info().rss - before < 50 * 2**20
    assert sent("larger.bin", MOST_OF_A_FILE + 1) == 413
    assert sum(one.stat().st_size for one in files.rglob("*") if one.is_file()) < 201 * 2**20
    assert asked(keeper, asked.file.replace("kept", "large").replace(".txt", ".bin"),
                 method="DELETE")[0] == 200  # fmt: skip
    for path in (f"{API}/runs/search", "/graphql", asked.file):
        with contextlib.suppress(ConnectionError):  # it is not read to its end
            assert asked(keeper, path, body=b" " * 12_000_000)[0] == 413


def test_passwords_are_neither_logged_nor_kept_as_they_are(asked, team):
    _, password, word, folder = team
    for file in (one for one in folder.rglob("*") if one.is_file()):
        content = file.read_bytes()
        assert password.encode() not in content, file
        assert word.encode() not in content, file


def test_health_answers_without_a_password_and_says_no_more(team, ask):
    assert ask(team[0], "/health")[:2] == (200, "OK")

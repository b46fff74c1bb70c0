"""A server for a team, as docs/shared-server.md starts one: nothing of it without a password."""

import importlib.util
import json
import secrets
from base64 import b64encode
from pathlib import Path

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
    made = {"username": "reader", "password": team[2]}
    assert of(keeper, f"{API}/users/create", made)[0] == 200
    status, text = of(keeper, f"{API}/experiments/create", {"name": "kept"})
    assert status == 200
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


def test_nobody_has_it_keep_keys_or_ask_other_addresses(asked, team):
    secret = {"secret_name": "s", "secret_value": {"token": "t"}, "provider": "databricks"}
    for who in (basic("reader", team[2]), basic("keeper", team[1])):
        for path in ("/api/3.0/mlflow/gateway/secrets/create", "/gateway/s/mlflow/invocations"):
            assert asked(who, path, secret)[0] in {403, 501}, path


def test_passwords_are_neither_logged_nor_kept_as_they_are(asked, team):
    _, password, word, folder = team
    for file in (one for one in folder.rglob("*") if one.is_file()):
        content = file.read_bytes()
        assert password.encode() not in content, file
        assert word.encode() not in content, file


def test_health_answers_without_a_password_and_says_no_more(team, ask):
    assert ask(team[0], "/health")[:2] == (200, "OK")

"""What the MLflow UI refuses; started by `regime ui`."""

import json
import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

API = "/api/2.0/mlflow"
JSON = {"Content_Type": "application/json"}


def post(ask, ui, path, told, **headers):
    status, text, _ = ask(ui, API + path, "POST", json.dumps(told).encode(), **JSON, **headers)
    return status, json.loads(text) if text.startswith("{") else text


def test_nothing_listens_on_another_address_of_this_machine(ui, other_addresses):
    for address in other_addresses:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, urlsplit(ui).port), timeout=5)


@pytest.mark.parametrize("host", ["evil.example:PORT", "10.evil.example:PORT", "10.0.0.7:PORT",
                                  "192.168.evil.example", "172.16.evil.example:PORT",
                                  "127.0.0.1.evil.example:PORT"])  # fmt: skip
def test_a_host_by_another_name_is_refused_even_if_it_begins_like_a_private_address(ui, ask, host):
    named = host.replace("PORT", str(urlsplit(ui).port))
    for path in ("/", f"{API}/experiments/search?max_results=1", "/get-artifact?path=x&run_id=y",
                 "/ajax-api/3.0/mlflow/assistant/config", "/graphql"):  # fmt: skip
        status, text, _ = ask(ui, path, Host=named)
        assert status == 403, (path, text[:200])
    assert ask(ui, "/health")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example",
                                    "http://127.0.0.1.evil.example"])  # fmt: skip
def test_a_page_of_another_address_cannot_write_and_is_not_let_read(ui, ask, origin):
    status, _ = post(ask, ui, "/experiments/create", {"name": "from elsewhere"}, Origin=origin)
    assert status == 403
    found = post(ask, ui, "/experiments/search", {"max_results": 100})[1]["experiments"]
    assert "from elsewhere" not in {one["name"] for one in found}
    told = ask(ui, f"{API}/experiments/search?max_results=1", Origin=origin)[2]
    assert "access-control-allow-origin" not in told
    assert told["x-frame-options"] == "SAMEORIGIN"
    status, _, _ = ask(ui, "/ajax-api/3.0/mlflow/assistant/config", "PUT", b"{}", Origin=origin,
                       **JSON)  # fmt: skip
    assert status == 403


def test_no_path_of_an_artefact_leads_out_of_its_run(ui, ask, secret_file):
    status, made = post(ask, ui, "/experiments/create", {"name": "paths"})
    assert status == 200
    run = post(ask, ui, "/runs/create", {"experiment_id": made["experiment_id"]})[1]["run"]["info"]
    folder = Path(urlsplit(run["artifact_uri"]).path)
    folder.mkdir(parents=True)
    (folder / "there.txt").write_text("mine")
    where = f"/get-artifact?run_id={run['run_id']}&path="
    assert ask(ui, f"{where}there.txt")[1] == "mine"
    up = "../" * len(folder.parts)
    out = f"{up}etc/passwd"
    asked = [
        f"/get-artifact?run_id={run['run_id']}&path=",
        f"/ajax-api/2.0/mlflow/get-artifact?run_uuid={run['run_id']}&path=",
        f"{API}/artifacts/list?run_id={run['run_id']}&path=",
    ]
    ways = [out, "/etc/passwd", "file:///etc/passwd", f"x/{out}", "..%5c..%5c..%5cetc%5cpasswd",
            quote(out, safe=""), quote("/etc/passwd", safe=""),
            quote(quote(out, safe=""), safe=""), "there.txt%00/etc/passwd"]  # fmt: skip
    for address in (one + way for one in asked for way in ways):
        status, text, _ = ask(ui, address)
        assert secret_file not in text, address
        assert status >= 400 or '"files"' not in text, address


def test_a_version_cannot_be_made_of_a_file_elsewhere(ui, ask, secret_file):
    assert post(ask, ui, "/registered-models/create", {"name": "m"})[0] == 200
    for source in ("/etc", "file:///etc", "file:///tmp/../etc", "./../../etc"):
        status, said = post(ask, ui, "/model-versions/create", {"name": "m", "source": source})
        assert status == 400, (source, said)
    status, text, _ = ask(ui, "/model-versions/get-artifact?name=m&version=1&path=passwd")
    assert status >= 400
    assert secret_file not in text


def test_nobody_can_leave_files_through_it(ui, ask):
    for path in ("a.txt", "../a.txt", "%2e%2e/a.txt"):
        address = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
        assert ask(ui, address, "PUT", b"x" * 1000)[0] >= 400
        assert ask(ui, address)[0] >= 400
    assert not Path("mlartifacts").exists()


def test_a_large_question_is_answered_with_a_fault_and_the_next_one_is_answered(ui, ask):
    name = "n" * 5_000_000
    assert 400 <= post(ask, ui, "/experiments/create", {"name": name})[0] < 500
    assert ask(ui, f"{API}/experiments/create", "POST", b"[" * 1_000_000, **JSON)[0] >= 400
    assert ask(ui, "/?" + "a" * 60_000)[0] in {200, 414}
    assert ask(ui, "/health")[:2] == (200, "OK")

"""What the MLflow UI refuses; started by `regime ui`."""

import json
import socket
from contextlib import suppress
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
                                    "http://127.0.0.1.evil.example", "http://localhost:3000",
                                    "http://127.0.0.1:8501"])  # fmt: skip
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
    run = post(ask, ui, "/runs/create", {"experiment_id": "0"})[1]["run"]["info"]
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
    for source in ("/etc", "file:///etc", "file:///tmp/../etc", "./../../etc"):
        status, said = post(ask, ui, "/model-versions/create", {"name": "m", "source": source})
        assert status == 403, (source, said)
    status, text, _ = ask(ui, "/model-versions/get-artifact?name=m&version=1&path=passwd")
    assert status >= 400
    assert secret_file not in text


@pytest.mark.parametrize("address", [
    "/ajax-api/3.0/mlflow/assistant/config", "//ajax-api/3.0/mlflow//Assistant/message",
    "/ajax-api/3.0/mlflow/%61ssistant/providers/claude_code/health",
    "/ajax-api/3.0/mlflow/assistant/providers/ollama/models?base_url=http://127.0.0.1:1/",
    "/ajax-api/3.0/mlflow/gateway/secrets/list", "/api/3.0/mlflow/gateway/secrets/create",
    "/ajax-api/3.0/jobs/1", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=x&path=y",
    "/api/2.0/mlflow/experiments/create", "/api/2.0/mlflow/model-versions/create",
    "/api/2.0/mlflow/logged-models", "/v1/traces", "/ajax-api/3.0/mlflow/demo/generate",
    "/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=x", "/ajax-api/3.0/mlflow/scorer/invoke",
    "/ajax-api/3.0/mlflow/issues/invoke", "/ajax-api/2.0/mlflow/runs/create-promptlab-run",
    "/ajax-api/2.0/mlflow/artifacts/presigned-upload-url", "/api/3.0/mlflow/traces/x/tags",
    "/ajax-api/3.0/mlflow//get-trace-artifact?request_id=x",
])  # fmt: skip
def test_what_runs_programs_or_says_where_files_are_is_shut_to_everybody(ui, ask, address):
    for method in ("GET", "POST", "PUT", "DELETE"):
        body = None if method == "GET" else b"{}"
        status, text, _ = ask(ui, address, method, body, **JSON)
        assert status == 403, (method, text[:200])
        assert "is shut here" in text


def test_a_trace_does_not_lead_to_a_folder_that_its_tag_names(ui, ask, tmp_path):
    (tmp_path / "attachments").mkdir()
    attachment = "11111111-1111-1111-1111-111111111111"
    for path in ("traces.json", f"attachments/{attachment}"):
        (tmp_path / path).write_text('{"spans": ["not to be read"]}')
    tag = {"key": "mlflow.artifactLocation", "value": tmp_path.as_uri()}
    told = {"experiment_id": "0", "timestamp_ms": 1, "request_metadata": [], "tags": []}
    status, said = post(ask, ui, "/traces", told)
    assert status == 200
    trace = said["trace_info"]["request_id"]
    for version in ("api/2.0", "api/3.0", "ajax-api/2.0", "ajax-api/3.0"):
        address = f"/{version}/mlflow/traces/{trace}/tags"
        assert ask(ui, address, "PATCH", json.dumps(tag).encode(), **JSON)[0] == 403
        for more in ("", f"&path={attachment}"):
            address = f"/{version}/mlflow/get-trace-artifact?request_id={trace}{more}"
            status, text, _ = ask(ui, address)
            assert status == 403
            assert "not to be read" not in text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_elsewhere_may_link_to_it_and_not_ask_it(ui, ask, site):
    asked = f"{API}/experiments/search?max_results=1"
    assert ask(ui, asked, Sec_Fetch_Site=site, Sec_Fetch_Dest="image")[0] == 403
    assert ask(ui, asked, Sec_Fetch_Site=site, Sec_Fetch_Dest="document")[0] == 403
    assert ask(ui, "/", Sec_Fetch_Site=site, Sec_Fetch_Dest="iframe")[0] == 403
    assert ask(ui, "/", Sec_Fetch_Site=site, Sec_Fetch_Dest="document")[0] == 200
    assert ask(ui, asked, Sec_Fetch_Site="same-origin", Sec_Fetch_Dest="empty")[0] == 200


def test_nobody_can_leave_files_through_it(ui, ask):
    for path in ("a.txt", "../a.txt", "%2e%2e/a.txt"):
        address = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
        assert ask(ui, address, "PUT", b"x" * 1000)[0] >= 400
        assert ask(ui, address)[0] >= 400
    assert not Path("mlartifacts").exists()


def test_a_large_question_is_answered_with_a_fault_and_the_next_one_is_answered(ui, ask):
    name = "n" * 5_000_000
    assert 400 <= post(ask, ui, "/runs/create", {"experiment_id": name})[0] < 500
    assert ask(ui, f"{API}/runs/create", "POST", b"[" * 1_000_000, **JSON)[0] >= 400
    for address in (f"{API}/runs/search", "/graphql"):
        with suppress(ConnectionError):  # it is not read to its end
            assert ask(ui, address, "POST", b" " * 12_000_000, **JSON)[0] == 413
    assert ask(ui, "/?" + "a" * 60_000)[0] in {200, 414}
    assert ask(ui, "/health")[:2] == (200, "OK")

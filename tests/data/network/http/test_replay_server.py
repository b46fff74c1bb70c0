"""What the server that stands for publishers promises its tests."""

import sys

import pytest
from data.network.http.asking import TABLE, client, problem
from replay.faults import Fault
from replay.server import ReplayServer


def test_client_and_server_of_two_processes_are_quiet(
    server: ReplayServer, capfd: pytest.CaptureFixture[str]
) -> None:
    import subprocess

    server.misbehave("fred.example", Fault.reset(), times=1)
    code = (
        "import sys; from regime.data.network.http import HttpClient\n"
        "with HttpClient(None, limits={}, user_agent='x', mirror=sys.argv[1]) as http:\n"
        "    print(len(http.get('https://fred.example/graph.csv?id=DGS10', kind='csv')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, server.url], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(len(TABLE))
    assert done.stderr == ""
    assert capfd.readouterr().err == ""


def test_a_function_answers_for_all_paths_of_its_host() -> None:
    def respond(path: str, query: dict[str, str]) -> tuple[int, bytes]:
        return (200, f"{path} {query}".encode()) if path != "/gone" else (404, b"")

    with ReplayServer({"tiingo.example": respond}) as server, client(None, server) as http:
        content = http.get("https://tiingo.example/daily/spy", kind="csv", params={"a": "1"})
        assert content == b"/daily/spy {'a': '1'}"
        assert "404" in problem(http, "https://tiingo.example/gone")

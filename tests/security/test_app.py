"""What the real app refuses, and what it answers; started by `regime app`."""

import socket
from contextlib import suppress
from urllib.parse import quote, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

TRAVERSALS = [
    "../../../../../../etc/passwd", "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "..%252f..%252f..%252fetc%252fpasswd",
    "..\\..\\..\\..\\etc\\passwd", "/etc/passwd", "%2fetc%2fpasswd", "//127.0.0.1/etc/passwd",
    "%00/etc/passwd", "....//....//....//etc/passwd",
]  # fmt: skip
PLACES = [
    "static", "app/static", "media", "component", "_stcore/bidi-components", "component/x.y",
    "_stcore", "published", "",
]  # fmt: skip


@pytest.fixture(scope="module")
def app(servers, published):
    return servers.start("app", published.home)


def session(app, host=None, origin=None):
    """Open a session as a page does; closes it at once. InvalidStatus where it is refused."""
    place = urlsplit(app)
    headers = {} if host is None else {"Host": host}
    with connect(
        f"ws://{place.netloc}/_stcore/stream", origin=origin, additional_headers=headers,
        subprotocols=["streamlit"], proxy=None,
        sock=socket.create_connection((place.hostname, place.port)),
    ) as open_one:  # fmt: skip
        return open_one.protocol.state.name


def test_nothing_listens_on_another_address_of_this_machine(app, other_addresses):
    port = urlsplit(app).port
    assert other_addresses
    for address in other_addresses:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, port), timeout=5)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:PORT", "127.0.0.1.evil.example",
                                  "10.0.0.7:PORT", "me@127.0.0.1:PORT", "127.0.0.1:PORT/x",
                                  "127.0.0.1:notaport", "", None])  # fmt: skip
def test_a_host_by_another_name_is_refused_for_pages_and_sessions(app, ask, host):
    port = str(urlsplit(app).port)
    named = host and host.replace("PORT", port)
    for path in ("/", "/_stcore/health", "/_stcore/host-config", "/static/js/x.js"):
        status, text, _ = ask(app, path, Host=named)
        assert status in {400, 403}, path
        assert "Streamlit" not in text
    if named:
        with pytest.raises(InvalidStatus, match=r"40[03]"):
            session(app, host=named)


def test_it_answers_by_its_own_names(app, ask):
    port = urlsplit(app).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", "localhost"):
        assert ask(app, "/_stcore/health", Host=host)[0] == 200
    assert session(app) == "OPEN"
    assert session(app, origin=app) == "OPEN"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "file://", "http://127.0.0.1:1",
                                    "http://localhost:PORT", "http://127.0.0.1:PORT.evil.example",
                                    "http://evil.example#127.0.0.1:PORT", "ftp://127.0.0.1:PORT",
                                    "http://user@127.0.0.1:PORT"])  # fmt: skip
def test_a_page_of_another_address_is_refused_for_pages_and_sessions(app, ask, origin):
    named = origin.replace("PORT", str(urlsplit(app).port))
    status, _, told = ask(app, "/_stcore/health", Origin=named)
    assert status == 403
    assert "access-control-allow-origin" not in told
    with pytest.raises(InvalidStatus, match="403"):
        session(app, origin=named)


def test_no_path_leads_out_of_what_is_served(app, ask, secret_file):
    asked = 0
    for place in PLACES:
        for way in TRAVERSALS:
            if not all(" " < letter < "\x7f" for letter in way):
                way = quote(way)
            status, text, _ = ask(app, f"/{place}/{way}".replace("///", "//", 1))
            assert secret_file not in text, (place, way)
            assert status < 500, (place, way)
            asked += 1
    assert asked == len(PLACES) * len(TRAVERSALS)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_sent_to_it(app, ask, method):
    """With or without the cookie and token of a page: there is nothing that takes a file."""
    page = ask(app, "/_stcore/host-config")[2]
    token = page.get("set-cookie", "").partition("=")[2].partition(";")[0]
    path = "/_stcore/upload_file/session/file"
    for more in ({}, {"Cookie": f"_streamlit_xsrf={token}", "X_Xsrftoken": token, "Origin": app}):
        status, text, told = ask(app, path, method, b"x" * 100, **more)
        assert status == 405
        assert "questions only" in text
        assert told["connection"] == "close"


def test_a_body_beyond_all_size_is_not_read(app):
    place = urlsplit(app)
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall(
            f"PUT /_stcore/upload_file/a/b HTTP/1.1\r\nHost: {place.netloc}\r\n"
            "Content-Length: 100000000000\r\n\r\n".encode()
        )
        assert line.recv(100).startswith(b"HTTP/1.1 405")


def test_an_address_beyond_all_length_is_refused(app, ask):
    assert ask(app, "/?day=" + "1" * 8000)[0] == 200
    assert ask(app, "/?day=" + "1" * 9000)[0] == 414
    assert ask(app, "/" + "a" * 60_000)[0] == 414


def test_every_answer_says_what_a_page_may_load_and_who_may_frame_it(app, ask):
    for path in ("/", "/history", "/_stcore/health", "/nowhere/at/all.js"):
        told = ask(app, path)[2]
        policy = dict(one.split(" ", 1) for one in told["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in policy["script-src"]
        assert policy["frame-ancestors"] == "'self'"
        assert told["x-frame-options"] == "SAMEORIGIN"
        assert told["x-content-type-options"] == "nosniff"


def test_neither_the_agent_api_nor_files_of_the_app_are_served(app, ask):
    assert ask(app, "/_stcore/agent/interact", "POST", b"{}")[0] == 405
    assert ask(app, "/_stcore/agent/mcp")[0] >= 400
    assert "st.set_page_config" not in ask(app, "/app/static/main.py")[1]
    assert "st.set_page_config" not in ask(app, "/main.py")[1]


@pytest.mark.long
def test_a_message_of_a_page_beyond_all_size_ends_its_session_and_no_other(app):
    place = urlsplit(app)
    one = connect(f"ws://{place.netloc}/_stcore/stream", subprotocols=["streamlit"], proxy=None,
                  max_size=None)  # fmt: skip
    with one, suppress(ConnectionClosed):
        one.send(b"\x0a" * 60_000_000)
        while True:
            one.recv(timeout=20)
    assert one.protocol.state.name == "CLOSED"
    assert session(app) == "OPEN"

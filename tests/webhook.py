"""A webhook on this machine that takes, refuses, hangs, drips or drops what it is sent."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook:
    """Its path says how it behaves: /ok, /500, /hang, /drip, /drop; `heard` is what came."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict]] = []
        self.ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                how = self.path.split("?")[0].strip("/").split("/")[0]
                outer.heard.append((how, json.loads(body)))
                if how == "hang":
                    outer.ended.wait(60)
                elif how == "drip":  # a byte in time for every time-out of one read
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                    while not outer.ended.wait(0.2):
                        self.wfile.write(b"x")
                elif how == "drop":
                    self.connection.close()
                else:
                    self.send_response(200 if how == "ok" else int(how))
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def handle(self):
                with contextlib.suppress(OSError, ValueError):  # the other side is gone
                    super().handle()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def address(self, how: str) -> str:
        return f"json://user:hunter2@127.0.0.1:{self.server.server_port}/{how}/s3cret-token"

    def came(self, how: str) -> list[str]:
        return [body["title"] for came, body in self.heard if came == how]

    def close(self) -> None:
        self.ended.set()
        time.sleep(0.05)
        self.server.shutdown()
        self.server.server_close()

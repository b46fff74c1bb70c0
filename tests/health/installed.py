"""Moments of the simulated installation, and hosts that answer as they are told to."""

import socket
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd

NOW = pd.Timestamp("2009-01-01 18:00", tz="UTC")  # a holiday; the last close is due
LAST = pd.Timestamp("2008-12-31")
FUNDS = ["OEF", "RSP", "IWM"]
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


class answering:  # noqa: N801 - reads as a phrase
    """A server on this machine whose clock is off by some seconds; yields its port."""

    def __init__(self, *, status=200, ahead=0.0, age=None, silence=0.0):
        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                time.sleep(silence)
                self.send_response_only(status)
                self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
                if age is not None:
                    self.send_header("Age", str(age))
                self.end_headers()

            do_GET = do_HEAD  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()
        return self.server.server_port

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def unused():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

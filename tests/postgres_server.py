"""A PostgreSQL server of the tests' own, from the programs that are installed here."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psycopg


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, which Debian keeps out of the path."""
    beside = shutil.which("initdb")
    found = [Path(beside).resolve()] if beside else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return next((path.parent for path in found if (path.parent / "postgres").exists()), None)


class PostgresServer:
    """Running while the context is; every store gets a schema of its own."""

    def __init__(self) -> None:
        self.schemas = 0

    def __enter__(self) -> "PostgresServer":
        folder = programs()
        assert folder is not None, "no PostgreSQL server is installed"
        self.home = Path(tempfile.mkdtemp(prefix="regime-pg-"))
        # The server refuses to run as root.
        user = {"user": "nobody"} if os.geteuid() == 0 else {}
        if user:
            shutil.chown(self.home, "nobody")
        data = self.home / "data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": self.home}
        environment = {**os.environ, "LC_ALL": "C"}
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", "regime", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync"],
            check=True, env=environment, **quiet, **user,
        )  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [folder / "postgres", "-D", data, "-p", str(self.port), "-k", self.home,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=40",
             "-c", "full_page_writes=off", "-c", "autovacuum=off"],
            env=environment, **quiet, **user,
        )  # fmt: skip
        self.address = f"postgresql://regime@127.0.0.1:{self.port}/postgres"
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.address).close()
                return self
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.home, ignore_errors=True)

    def new_address(self) -> str:
        """Of a schema with nothing in it."""
        self.schemas += 1
        name = f"store_{self.schemas}"
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.address}?options=-csearch_path%3D{name}"

    def drop(self, addresses: Iterable[str]) -> None:
        """The schemas of these addresses: a server looks through all it has."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '20s'")
            connection.execute("SET client_min_messages = warning")
            for address in addresses:
                connection.execute(f"DROP SCHEMA {address.rpartition('%3D')[2]} CASCADE")

    def new_database(self, like: str | None = None) -> str:
        """Its address; with what is in another one to which nobody is connected, or empty."""
        self.schemas += 1
        name = f"base_{self.schemas}"
        other = like.rpartition("/")[2] if like else "template0"
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {other}")
        return f"{self.address.rpartition('/')[0]}/{name}"

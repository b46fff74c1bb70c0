"""Start the MLflow UI: regime ui"""

import os
import subprocess
import sys
from typing import Annotated

import typer

from training.console import run, say


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Serve the MLflow UI on this machine only: one worker, no jobs, telemetry off.

    Example: regime ui --port 5600
    """
    from regime.settings import Settings

    settings = Settings()
    settings.make_home()
    say(f"MLflow: http://127.0.0.1:{port}, on {settings.tracking_uri}   (Ctrl-C ends it)")
    command = [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", settings.tracking_uri,
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    with subprocess.Popen(command, env=environment) as server:
        try:
            code = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            return
    if code:
        raise typer.Exit(1)


if __name__ == "__main__":
    run(ui)

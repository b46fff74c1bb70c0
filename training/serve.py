"""Start the app: regime app"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.console import run, say

if TYPE_CHECKING:
    from regime.settings import Settings


def app(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8501,
) -> None:
    """Serve the app on this machine only, on what was stored last.

    Example: regime app --port 8600
    """
    from regime.settings import Settings

    serve_app(Settings(), port)


def serve_app(settings: "Settings", port: int = 8501) -> None:
    """Run Streamlit until it is interrupted; usage statistics are off."""
    page = Path(__file__).parents[1] / "app" / "main.py"
    say(f"The app: http://127.0.0.1:{port}   (Ctrl-C ends it)")
    command = [
        sys.executable, "-m", "streamlit", "run", str(page),
        "--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true",
        "--browser.gatherUsageStats=false",
    ]  # fmt: skip
    environment = {**os.environ, "REGIME_HOME": str(settings.home.absolute())}
    with subprocess.Popen(command, env=environment) as server:
        try:
            code = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            return
    if code:
        raise typer.Exit(1)


if __name__ == "__main__":
    run(app)

"""Where the work of a script is done: processes of this machine, or a Dask cluster."""

import contextlib
import logging
import time
import warnings
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

REACHED_WITHIN, WORKER_WITHIN = 10, 30  # seconds until a scheduler and a worker must answer
SETTLED = 2  # seconds without another worker after which no more are waited for


class Backend(StrEnum):
    """Who runs the pieces of work."""

    PROCESSES = "processes"
    DASK = "dask"


Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Processes on this machine; by default one for each core."),
]
Where = Annotated[
    Backend, typer.Option("--backend", help="Processes of this machine, or a Dask cluster.")
]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of the Dask scheduler, e.g. tcp://10.0.0.5:8786.")
]
Recompute = Annotated[
    bool,
    typer.Option("--recompute", help="Compute what an earlier run has already computed, too."),
]


@contextlib.contextmanager
def workers(
    jobs: int | None = None,
    backend: Backend = Backend.PROCESSES,
    scheduler: str | None = None,
) -> Iterator[None]:
    """Share out what is done inside over processes or a cluster; the numbers stay the same.

    Every worker computes with one thread: on matrices this small, more only wait for each
    other.

    Raises
    ------
    ConfigError
        If the cluster cannot be reached, has no worker, or runs another version.
    EvaluationError
        If a worker died.
    """
    import joblib

    if backend is Backend.DASK:
        with _cluster(scheduler, jobs) as client, joblib.parallel_config("dask", client=client):
            yield
        return
    if scheduler is not None:
        raise typer.BadParameter(f"--scheduler {scheduler} goes with --backend dask.")
    with (
        joblib.parallel_config("loky", n_jobs=jobs or joblib.cpu_count(), inner_max_num_threads=1),
        _deaths(),
    ):
        yield


@contextlib.contextmanager
def _cluster(scheduler: str | None, jobs: int | None) -> Iterator[Any]:
    from regime.exceptions import ConfigError

    if scheduler is None or jobs is not None:
        raise typer.BadParameter(
            "--backend dask needs --scheduler ADDRESS and takes no --jobs: a cluster has the "
            "workers it has. Start one with `dask scheduler`, then `dask worker ADDRESS "
            "--nworkers auto --nthreads 1`."
        )
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise ConfigError(
            "--backend dask needs the package `distributed`, which is not installed. Run "
            "`pip install equity-leadership-regime[dask]`, here and on every worker."
        ) from None
    with warnings.catch_warnings():
        # Panels are sent with the work: Dask asks whether one means that, and one does.
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        # Versions are compared below, and a difference that matters is an error.
        warnings.filterwarnings("ignore", module="distributed.client")
        try:
            client = Client(scheduler, timeout=REACHED_WITHIN, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"No Dask scheduler answers at {scheduler} ({str(error).splitlines()[0]}). Check "
                "the address `dask scheduler` printed, and that this machine may reach it."
            ) from None
        with _deaths(dask=True), _quietly(), client:
            _check_workers(client, scheduler)
            yield client


def _check_workers(client: Any, scheduler: str) -> None:
    from regime.code_digest import code_digest
    from regime.exceptions import ConfigError

    try:
        client.wait_for_workers(1, timeout=WORKER_WITHIN)
    except TimeoutError:
        raise ConfigError(
            f"The Dask scheduler at {scheduler} has no worker. Start one: `dask worker "
            f"{scheduler} --nworkers auto --nthreads 1`."
        ) from None
    _let_others_arrive(client)
    try:
        found = client.run(code_digest)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"A worker of {scheduler} cannot import {error.name}. Install this version of "
            "equity-leadership-regime where the workers run."
        ) from None
    here = code_digest()
    if others := sorted(worker for worker, version in found.items() if version != here):
        raise ConfigError(
            f"{len(others)} of {len(found)} workers run other code than this machine ({here}), "
            f"{others[0]} among them ({found[others[0]]}). Install the same version everywhere."
        )


def _let_others_arrive(client: Any) -> None:
    """Wait until nobody has come for a while: joblib counts workers once, and of a single one
    it makes no use at all.
    """
    end, last = time.monotonic() + WORKER_WITHIN, time.monotonic()
    there = 0
    while (now := time.monotonic()) < min(end, last + SETTLED):
        if (count := sum(client.ncores().values())) != there:
            there, last = count, now
        time.sleep(0.1)


@contextlib.contextmanager
def _deaths(*, dask: bool = False) -> Iterator[None]:
    """What to do when somebody died, in words; of a cluster's, which takes a second to import."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    from regime.exceptions import EvaluationError

    worker: tuple[type[BaseException], ...] = (TerminatedWorkerError,)
    scheduler: tuple[type[BaseException], ...] = ()
    if dask:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError

        worker, scheduler = (*worker, KilledWorker), (FutureCancelledError, CommClosedError)
    kept = "What was finished before is kept and is not computed again."
    try:
        yield
    except worker as error:
        raise EvaluationError(
            f"A worker died at its work ({type(error).__name__}): killed, or out of memory. {kept} "
            "Run again, with fewer --jobs or workers of more memory."
        ) from error
    except scheduler as error:
        raise EvaluationError(
            f"The Dask scheduler went away in the middle of the work. {kept} Run again when it is "
            "back."
        ) from error


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what Dask logs of lost connections: the fault says it in one line."""
    log = logging.getLogger("distributed")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)

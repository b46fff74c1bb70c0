"""Prove that experiments were judged as the method says: regime protocol EXPERIMENTS...

Four questions, each answered with counts. How many candidates a question has; whether each
was committed before it was scored; whether every fit learned only from rows confirmed by the
close it was made at, and every day was served once; and whether the past stays what it was
when what came after it is taken away, or happens otherwise.

What is replayed is everything from the panel to the probabilities. That the panel itself
holds only what was published is the business of `regime.data.panel`.
"""

import json as javascript
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.console import note, progress, run, say
from training.inputs import checked_output
from training.workers import Backend, Jobs, Scheduler, Where, workers

if TYPE_CHECKING:
    from regime.tracking.trials import Finding


def protocol(
    experiments: Annotated[
        list[Path], typer.Argument(help="Experiments: files, folders of them, or names.")
    ],
    cuts: Annotated[
        int, typer.Option(min=1, help="Days after which the market is cut short and replaced.")
    ] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Draws the days and the other market.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write every finding here.")] = None,
    jobs: Jobs = None,
    backend: Where = Backend.PROCESSES,
    scheduler: Scheduler = None,
) -> None:
    """Check that candidates are few, declared before they were scored, and blind to the future.

    One line per check; exit code 1 if one of them does not hold. Nothing is logged or scored.
    Example: regime protocol filter --cuts 5 --json protocol.json
    """
    import pandas as pd

    from regime.audit.walks import check_walks
    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.store import ObservationStore
    from regime.experiment import check_experiment
    from regime.settings import Settings
    from regime.shipped import find_experiment
    from regime.tracking.trials import (
        QUESTIONS,
        check_candidates,
        check_declared,
        configuration_digest,
        declaration_of,
        experiment_files,
        scored_runs,
    )

    json = checked_output(json, "--json")
    settings = Settings()
    settings.check_home()
    files = experiment_files([find_experiment(path) for path in experiments])
    configs = [load_experiment(file) for file in files]
    for config in configs:
        check_experiment(config)
    store = ObservationStore(settings.store)
    panel = panel_as_of(store, pd.Timestamp.now("UTC"))
    scored = scored_runs(settings, simulated=store.is_simulated())

    findings: list[Finding] = []

    def tell(found: "Finding") -> None:
        findings.append(found)
        say(f"{'ok' if found.holds else 'FAIL':4}  {found.check:14}  {found.about}: {found.words}")

    for folder in dict.fromkeys(file.resolve().parent for file in files):
        if folder.parent.name == QUESTIONS:
            tell(check_candidates(folder, scored))
    for file, config in zip(files, configs, strict=True):
        digest = configuration_digest(config)
        tell(check_declared(config.name, digest, declaration_of(file), scored))
    with workers(jobs, backend, scheduler):
        for config in configs:
            walks = 1 + 2 * cuts * len(config.baskets)
            with progress(walks, config.name) as step:
                of_one = list(check_walks(config, panel, cuts=cuts, seed=seed, on_walk=step))
            for found in of_one:
                tell(found)
    if json is not None:
        told = javascript.dumps([asdict(found) for found in findings], indent=1, allow_nan=False)
        json.write_text(told + "\n", encoding="utf-8")
        note(f"Findings: {json}")
    kept = sum(found.holds for found in findings)
    say(f"{kept} of {len(findings)} checks hold.")
    raise typer.Exit(0 if kept == len(findings) else 1)


if __name__ == "__main__":
    run(protocol)

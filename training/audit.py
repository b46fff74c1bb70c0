"""Prove that nothing served has seen the future: regime audit --days 200

Random past days are worked out again from what was known at their close, and compared with what
is said of them now; the books are checked; and on a random walk nothing may be foreseen.
"""

import json as javascript
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.console import SIMULATED, note, progress, run, say
from training.inputs import checked_output
from training.workers import Jobs, workers

if TYPE_CHECKING:
    from regime.tracking.trials import Finding


def audit(
    days: Annotated[int, typer.Option(min=1, help="Random past days that are replayed.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Draws the days and the random walks.")] = 0,
    experiment: Annotated[
        Path | None,
        typer.Option(help="The file the version was trained from, if not in experiments/."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the certificate here too.")] = None,
    jobs: Jobs = None,
) -> None:
    """Audit the version in service and what was published last; print a certificate.

    One line per check; exit code 1 if one of them does not hold. The certificate is logged to
    MLflow and shown in the app. Example: regime audit --days 50 --seed 7 --json audit.json
    """
    json = checked_output(json, "--json")
    if experiment is not None and not experiment.is_file():
        raise typer.BadParameter(f"--experiment: there is no file {experiment}.")

    import pandas as pd

    from regime.audit.certificate import STEPS
    from regime.audit.certificate import audit as audited
    from regime.settings import Settings
    from regime.tracking.certificate import keep_certificate

    settings = Settings()
    settings.check_home()
    now = settings.now or pd.Timestamp.now("UTC")
    with workers(jobs), progress(days + STEPS, "audit") as step:
        found = audited(
            settings, days=days, seed=seed, now=pd.Timestamp(now).tz_convert("UTC"),
            on_step=step, tell=_tell, experiment=experiment,
        )  # fmt: skip
    told = found.certificate()
    run_id = keep_certificate(settings, told)
    if told["simulated"]:
        note(SIMULATED)
    kept = sum(one.holds for one in found.findings)
    say(
        f"{'PASSED' if found.passed else 'FAILED'}: {kept} of {len(found.findings)} checks hold; "
        f"{told['days']:,} of {told['of_days']:,} days from {told['first_day']} to "
        f"{told['last_day']}, seed {seed}."
    )
    say(
        f"Version {told['model_version']} ({told['experiment']}, {told['baskets']} baskets), "
        f"bundle {told['bundle_digest'][:12]}, panel {told['panel_digest']}, code "
        f"{told['code_digest'][:12]}."
    )
    say(f"Certificate {told['digest'][:12]}, MLflow run {run_id}.")
    if json is not None:
        text = javascript.dumps(told, indent=1, default=str)
        json.write_text(text + "\n", encoding="utf-8")
        note(f"Certificate: {json}")
    raise typer.Exit(0 if found.passed else 1)


def _tell(found: "Finding") -> None:
    say(f"{'ok' if found.holds else 'FAIL':4}  {found.check:11}  {found.about}: {found.words}")


if __name__ == "__main__":
    run(audit)

"""Run experiments side by side: regime compare filter climatology

Or take two runs that were logged: regime compare --runs A B
"""

import json as javascript
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.console import SIMULATED, note, progress, run, say
from training.inputs import checked_day, checked_output
from training.workers import Backend, Jobs, Recompute, Scheduler, Where, workers

if TYPE_CHECKING:
    from regime.experiment import ExperimentResult
    from regime.settings import Settings
    from regime.tracking.pairs import LoggedRun, Pair


def compare(
    experiments: Annotated[
        list[Path] | None,
        typer.Argument(help="Experiments: files, or names that `regime experiments` lists."),
    ] = None,
    runs: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B",
            help="Instead of experiments two logged runs, by id, its beginning or name: B over A.",
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write every score here, as a list of objects.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the tables here, as Markdown.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Pretend this is today: use what was known then."),
    ] = None,
    jobs: Jobs = None,
    backend: Where = Backend.PROCESSES,
    scheduler: Scheduler = None,
    recompute: Recompute = False,
) -> None:
    """Walk each experiment forward on what was known at the time, log it, print the table.

    Example: regime compare filter climatology --json out.json
    """
    if runs is not None:
        if experiments or markdown or as_of:
            raise typer.BadParameter(
                "--runs compares what is logged; of the rest it takes --json only."
            )
        _compare_runs(*runs, checked_output(json, "--json"))
        return
    if not experiments:
        raise typer.BadParameter("Give experiment files, or two logged runs with --runs.")

    import pandas as pd

    from regime.config import load_experiment
    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day
    from regime.data.store import ObservationStore
    from regime.evaluation.kept import KeptWalks
    from regime.exceptions import ConfigError
    from regime.experiment import Comparison, check_experiment, count_fits
    from regime.settings import Settings
    from regime.shipped import find_experiment
    from regime.tracking.results import save_result
    from regime.tracking.roster_writing import keep_roster
    from regime.tracking.runs import log_result
    from regime.tracking.trials import declaration_of
    from training.tables import warn_of_states

    as_of = checked_day(as_of, "--as-of")
    json = checked_output(json, "--json")
    markdown = checked_output(markdown, "--markdown")
    settings = Settings()
    settings.check_home()
    experiments = [find_experiment(path) for path in experiments]
    configs = [load_experiment(path) for path in experiments]
    # As they are now: a walk takes long enough for a file to be changed under it.
    declared = [declaration_of(path).tags for path in experiments]
    names = [config.name for config in configs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"Two experiments are called {', '.join(twice)}; give each once.")
    for config in configs:
        check_experiment(config)

    store = ObservationStore(settings.store)
    panel = panel_as_of(
        store, end_of_day(pd.Timestamp(as_of)) if as_of else pd.Timestamp.now("UTC")
    )
    simulated = store.is_simulated()
    replay = {"as_of": f"{as_of:%Y-%m-%d}"} if as_of else {}
    results = []
    kept = None if recompute else KeptWalks(settings.walks)
    with (
        workers(jobs, backend, scheduler),
        progress(count_fits(configs, panel), "walking forward") as step,
    ):
        comparison = Comparison(panel, on_fit=step, kept=kept)
        for config in configs:
            comparison.prepare(config)
        asked = zip(comparison.run_all(configs), declared, experiments, strict=True)
        for result, known, path in asked:
            results.append(result)
            log_result(
                result, settings, simulated=simulated, tags={**replay, **known},
                note=_question_of(path),
            )  # fmt: skip
            warn_of_states(result)
            if not replay:  # a replay is no news, and must not stand where the app looks
                save_result(result, settings.results, simulated=simulated)
    for line in keep_roster(settings):
        note(line)
    if as_of:
        say(f"As it was known at the close of {as_of:%Y-%m-%d}; not kept for the app.")
    _tell_scores(results, json, markdown, simulated=simulated)
    _tell_how_many(settings, simulated=simulated)
    note("Runs: regime ui." + ("" if as_of else f" Predictions: {settings.results}."))


def _tell_scores(
    results: list["ExperimentResult"], json: Path | None, markdown: Path | None, *, simulated: bool
) -> None:
    """Every score as a table, and in the files that were asked for."""
    from regime.tracking.results import write_scores, write_text
    from training.markdown import score_markdown
    from training.tables import score_tables

    rows = [row for result in results for row in result.scores]
    score_tables(rows, simulated=simulated)
    if json is not None:
        write_scores(results, json, simulated=simulated)
        say(f"Scores: {json}")
    if markdown is not None:
        mark = f"{SIMULATED}\n\n" if simulated else ""
        write_text(markdown, mark + score_markdown(rows), "tables")
        say(f"Tables: {markdown}")


def _tell_how_many(settings: "Settings", *, simulated: bool) -> None:
    """How much has been tried, beside the best of it."""
    from regime.tracking.trials import count_configurations

    scored = count_configurations(settings, simulated=simulated)
    words = "1 configuration has" if scored == 1 else f"{scored} configurations have"
    told = f"{words} been scored here so far; read the best of them with that in mind."
    typer.secho(told, dim=True, err=True)


def _question_of(experiment: Path) -> str:
    """What a folder of candidates asks: its README's first line, or its row in the one above."""
    folder = experiment.resolve().parent
    own, above = folder / "README.md", folder.parent / "README.md"
    if folder.parent.name != "questions":
        return ""
    if own.exists():
        lines = own.read_text(encoding="utf-8").splitlines()
        return next((line.strip() for line in lines if line.strip(" #")), "").lstrip("# ")
    if above.exists():
        for line in above.read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip(" |").split("|")]
            if len(cells) == 2 and cells[0] == f"`{folder.name}`":
                return cells[1]
    return ""


def _compare_runs(a: str, b: str, json: Path | None) -> None:
    from regime.settings import Settings
    from regime.tracking.pairs import compare_runs

    settings = Settings()
    settings.check_home()
    found = compare_runs(settings, a, b)
    for letter, one in (("A", found.a), ("B", found.b)):
        say(f"{letter}  {one.name}, run {one.run_id[:12]} of {one.started:%Y-%m-%d %H:%M} UTC")
    if found.a.simulated or found.b.simulated:
        say(SIMULATED)
    _pair_tables(found)
    if json is not None:
        told = {"a": _told(found.a), "b": _told(found.b)}
        told |= {"scores": found.scores, "parameters": found.parameters}
        json.write_text(javascript.dumps(told, indent=1, allow_nan=False), encoding="utf-8")
        say(f"Scores: {json}")


def _pair_tables(found: "Pair") -> None:
    """Per basket set and horizon both losses and the edge; then the parameters that differ."""
    from regime.tracking.wording import horizon_name

    for baskets in dict.fromkeys(row["baskets"] for row in found.scores):
        mine = [row for row in found.scores if row["baskets"] == baskets]
        first, last = min(row["test_from"] for row in mine), max(row["test_to"] for row in mine)
        say(f"\n{baskets} baskets, {first} to {last}: {max(row['n_days'] for row in mine):,} days")
        say(f"{'':14}{'log loss':>8} A{'log loss':>12} B   edge of B over A [90%]      DM p")
        for row in mine:
            edge = f"{row['edge']:+.3f} [{row['edge_low']:+.3f}, {row['edge_high']:+.3f}]"
            p = "" if row["dm_p"] is None else f"{row['dm_p']:.3f}"
            say(
                f"{horizon_name(row['horizon']):14}{row['log_loss_a']:10.3f}"
                f"{row['log_loss_b']:14.3f}   {edge:24}{p:>8}"
            )
    say(
        "\nLog loss in nats. An edge above zero favours B; where its interval spans zero the two\n"
        "cannot be told apart."
    )
    if not found.parameters:
        say("\nThey do not differ in any parameter.")
        return
    cells = [("parameter", "A", "B")]
    cells += [(row["parameter"], row["a"] or "-", row["b"] or "-") for row in found.parameters]
    first, second = (max(len(line[at]) for line in cells) for at in (0, 1))
    say("")
    for name, in_a, in_b in cells:
        say(f"{name:{first}}  {in_a:{second}}  {in_b}")


def _told(one: "LoggedRun") -> dict[str, str | bool]:
    return {
        "run_id": one.run_id,
        "name": one.name,
        "started": one.started.isoformat(timespec="seconds"),
        "simulated": one.simulated,
        "panel_digest": one.panel_digest,
    }


if __name__ == "__main__":
    run(compare)

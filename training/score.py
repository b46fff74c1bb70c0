"""Probabilities from the champion: regime score"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import SIMULATED, note, run, say
from training.inputs import checked_day, checked_output

_DAY = "%Y-%m-%d"


def score(
    as_of: Annotated[
        datetime | None, typer.Option(formats=[_DAY], help="Score with what was known this day.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=[_DAY], help="First day; by default the last one.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the rows here as CSV.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the rows here as JSON.")] = None,
    in_sample: Annotated[
        bool, typer.Option("--in-sample", help="Also what the model says of days it trained on.")
    ] = False,
) -> None:
    """Score the newest close with the model in service, and keep it for the app.

    Ends as PUBLISHED (exit code 0); as DEGRADED (3) where a feature of the model was missing
    and the filter speaks for it; or as HELD (4) where the baskets themselves were, and the day
    has no numbers. A day is published once: `regime ledger show` has what was said of it.
    Days up to the end of training come from the walk-forward. With --as-of or --in-sample
    nothing is published.
    Example: regime score --since 2024-01-01 --csv probabilities.csv
    """
    import pandas as pd

    from regime.data.calendar import end_of_day
    from regime.data.clock import present
    from regime.data.store import ObservationStore
    from regime.exceptions import EvaluationError, PanelError
    from regime.scoring import EXIT_CODES, State
    from regime.service.lock import sole_run
    from regime.service.publishing import commit, moved_words, prepare, replay
    from regime.settings import Settings
    from regime.tracking.published import write_rows

    as_of, since = checked_day(as_of, "--as-of"), checked_day(since, "--since")
    csv, json = checked_output(csv, "--csv"), checked_output(json, "--json")
    settings = Settings()
    settings.check_home()
    store = ObservationStore(settings.store)
    now = present(settings, store)
    moved: list[str] = []
    try:
        if as_of is not None or in_sample:
            moment = end_of_day(pd.Timestamp(as_of)) if as_of else now
            rows, readiness, simulated = replay(settings, store, moment, in_sample=in_sample)
        else:
            with sole_run(settings, "regime score", at=now):
                publication = prepare(settings, store, now)
                done = commit(publication, settings, store)
            rows, readiness = publication.scores, publication.readiness
            simulated = publication.simulated
            moved = moved_words(publication) if len(done.added) else []
            for line in publication.notes:
                note(f"warning: {line}")
    except PanelError as error:  # the baskets have been gone too long to say anything
        note(f"{State.HELD}: {error}")
        raise typer.Exit(EXIT_CODES[State.HELD]) from None
    first = pd.Timestamp(since) if since else rows["date"].max()
    newest = rows["date"].max()
    rows = rows[rows["date"] >= first]
    if rows.empty and readiness.state is State.HELD:
        note(readiness.words)
        raise typer.Exit(EXIT_CODES[State.HELD])
    if rows.empty:
        raise EvaluationError(
            f"There is nothing to score since {first:%Y-%m-%d}; the newest day with a lead is "
            f"{newest:%Y-%m-%d}. Fetch newer data, or choose an earlier day."
        )
    if simulated:
        note(SIMULATED)
    for line in moved:
        note(line)
    for path, kind in ((csv, "csv"), (json, "json")):
        if path is not None:
            write_rows(rows, path, kind)
            say(f"{len(rows):,} rows: {path}")
    if csv is None and json is None:
        say(rows.assign(date=rows["date"].dt.strftime(_DAY),
                        trained_until=rows["trained_until"].dt.strftime(_DAY).fillna(""))
            .to_string(index=False, float_format=lambda value: f"{value:.3f}"))  # fmt: skip
    if readiness.state is not State.PUBLISHED:
        note(readiness.words)
        raise typer.Exit(EXIT_CODES[readiness.state])


if __name__ == "__main__":
    run(score)

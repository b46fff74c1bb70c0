"""Probabilities from the champion: regime score"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from training.console import note, run, say
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
    has no numbers. Days up to the end of training come from the walk-forward.
    Example: regime score --since 2024-01-01 --csv probabilities.csv
    """
    import pandas as pd

    from regime.data.as_of import panel_as_of
    from regime.data.calendar import end_of_day, last_closed_session
    from regime.data.store import ObservationStore
    from regime.exceptions import EvaluationError, PanelError
    from regime.scoring import EXIT_CODES, State, assess, score_days, with_fallback
    from regime.settings import Settings
    from regime.tracking.published import publish, write_rows
    from regime.tracking.registry import load_version

    as_of, since = checked_day(as_of, "--as-of"), checked_day(since, "--since")
    csv, json = checked_output(csv, "--csv"), checked_output(json, "--json")
    settings = Settings()
    settings.check_home()
    store = ObservationStore(settings.store)
    now = pd.Timestamp.now("UTC").floor("s")
    moment = end_of_day(pd.Timestamp(as_of)) if as_of else now
    panel = panel_as_of(store, moment)
    version = load_version(settings)
    simulated = store.is_simulated() or version.simulated
    try:
        X = version.bundle.features_of(panel)
        readiness = assess(version.bundle, panel, last_closed_session(moment), X=X)
    except PanelError as error:  # the baskets have been gone too long to say anything
        note(f"{State.HELD}: {error}")
        raise typer.Exit(EXIT_CODES[State.HELD]) from None
    rows = score_days(
        version.bundle,
        version.walk_forward,
        panel,
        version=version.number,
        newest_close=None if as_of else last_closed_session(now),
        in_sample=in_sample,
        X=X,
    )
    if readiness.state is State.DEGRADED:
        rows = with_fallback(rows, version.fallback, panel, version=version.number)
    if as_of is None and not in_sample:
        publish(
            rows, version.bundle, panel, settings,
            readiness=readiness, simulated=simulated, known_at=moment,
        )  # fmt: skip
    first = pd.Timestamp(since) if since else rows["date"].max()
    rows = rows[rows["date"] >= first]
    if rows.empty and readiness.state is State.HELD:
        note(readiness.words)
        raise typer.Exit(EXIT_CODES[State.HELD])
    if rows.empty:
        raise EvaluationError(
            f"There is nothing to score since {first:%Y-%m-%d}; the newest day with a lead is "
            f"{panel.index[-1]:%Y-%m-%d}. Fetch newer data, or choose an earlier day."
        )
    if simulated:
        note("SIMULATED market: these numbers say nothing about real prices.")
    for path, kind in ((csv, "csv"), (json, "json")):
        if path is not None:
            write_rows(rows, path, kind)
            say(f"{len(rows):,} rows: {path}")
    if csv is None and json is None:
        say(rows.assign(date=rows["date"].dt.strftime(_DAY),
                        trained_until=rows["trained_until"].dt.strftime(_DAY))
            .to_string(index=False, float_format=lambda value: f"{value:.3f}"))  # fmt: skip
    if readiness.state is not State.PUBLISHED:
        note(readiness.words)
        raise typer.Exit(EXIT_CODES[readiness.state])


if __name__ == "__main__":
    run(score)

"""What was published: regime ledger verify, show, export, correct, restored"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.console import SIMULATED, note, run, say
from training.inputs import checked_day, checked_output

if TYPE_CHECKING:
    import pandas as pd

    from regime.data.store import ObservationStore
    from regime.settings import Settings
    from regime.tracking.ledger import Ledger

_DAY = "%Y-%m-%d"
_DAYS_SHOWN = 10  # without --since
_NOTHING = "Nothing was published yet: `regime score` enters the newest day."

ledger = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Every probability ever published, row by row, each vouching for the one before. "
    "Example: regime ledger verify",
)


@ledger.command("verify")
def verify() -> None:
    """Compute every hash again and compare with MLflow's anchors; exit code 1 if anything is off.

    Example: regime ledger verify
    """
    from regime.exceptions import StoreError
    from regime.tracking.anchors import anchors, given_up
    from regime.tracking.mlflow_client import has_tracking

    settings, _, kept = _opened()
    unread: list[str] = []
    known, gone = [], []
    try:
        known, gone = anchors(settings), given_up(settings)
    except StoreError as error:
        unread = [f"The anchors cannot be read, so a rebuilt ledger would pass. {error}"]
    for one in gone:
        say(f"lost: {one}")
    found = kept.faults(known) + unread
    for line in found:
        say(f"fault: {line}")
    if found:
        note(
            "Nothing was changed. If you made no change to the database yourself, keep a copy of "
            "it and of the MLflow runs, and compare with an export of before. Rows that are in no "
            "copy any more: `regime ledger restored --why ...`."
        )
        raise typer.Exit(1)
    head = kept.head()
    if head is None:
        say(_NOTHING)
        return
    days = kept.read(role=None, newest_only=False)["date"].nunique()
    asked = "MLflow was not asked, for there is none yet"
    if has_tracking(settings):
        asked = f"{_many(len(known), 'anchor')} in MLflow checked"
        asked = asked if known else "MLflow was asked and holds no anchor"
    say(f"sound: {_many(head.seq, 'row')} of {_many(days, 'day')}, head {head}; {asked}")


@ledger.command("show")
def show(
    since: Annotated[
        datetime | None, typer.Option(formats=[_DAY], help="First day; by default the last ten.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(help="Only so many trading days ahead: 0, 21 or 63.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also corrected rows, and what outgoing versions said.")
    ] = False,
) -> None:
    """Show what was published, and what came of it.

    Example: regime ledger show --since 2024-06-03 --horizon 21
    """
    import pandas as pd

    from regime.exceptions import EvaluationError

    since = checked_day(since, "--since")
    settings, store, kept = _opened()
    rows = kept.read(role=None, newest_only=False) if everything else kept.read()
    if rows.empty:
        say(_NOTHING)
        return
    shown = rows
    if horizon is not None:
        known = sorted(rows["horizon"].unique())
        if horizon not in known:
            raise typer.BadParameter(
                f"--horizon {horizon}: the ledger has rows of {', '.join(map(str, known))}."
            )
        shown = rows[rows["horizon"] == horizon]
    published = shown["date"].drop_duplicates().sort_values()
    first = pd.Timestamp(since) if since else published.iloc[-_DAYS_SHOWN:].iloc[0]
    if first > published.iloc[-1]:
        raise EvaluationError(
            f"Nothing was published since {first:{_DAY}}; the newest day is "
            f"{published.iloc[-1]:{_DAY}}. Choose an earlier day."
        )
    if rows["simulated"].any():
        note(SIMULATED)
    say(_table(shown[shown["date"] >= first], everything))
    if since is None and (earlier := int((published < first).sum())):
        say(f"{_many(earlier, 'earlier day')}: --since {published.iloc[0]:{_DAY}}")
    for baskets in rows["baskets"].unique():
        say("")
        for line in _record(settings, store, kept, str(baskets)):
            say(line)


@ledger.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="A file .csv, .parquet or .json.")],
) -> None:
    """Write every row of the ledger, corrections and outgoing versions too, numbers to the bit.

    Example: regime ledger export ledger.csv
    """
    from regime.tracking.ledger import write_ledger

    if file.suffix not in {".csv", ".parquet", ".json"}:
        raise typer.BadParameter(f"{file} must end in .csv, .parquet or .json.")
    checked_output(file, "FILE")
    _, _, kept = _opened()
    rows = kept.read(role=None, newest_only=False).sort_values("seq", ignore_index=True)
    if rows.empty:
        say(_NOTHING)
        return
    write_ledger(rows, file)
    say(f"{_many(len(rows), 'row')}: {file}")


@ledger.command("correct")
def correct(
    day: Annotated[datetime, typer.Argument(formats=[_DAY], help="The day that was published.")],
    why: Annotated[str, typer.Option(help="The reason, kept with the correction.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would say, and enter nothing.")
    ] = False,
) -> None:
    """Say a published day again on what is known now; the old rows stay, the new point at them.

    The version that spoke then speaks again. The live record goes on judging what was said in
    time. Example: regime ledger correct 2024-07-17 --why "RSP was revised by its provider"
    """
    import pandas as pd

    from regime.data.clock import present
    from regime.service.corrections import say_again
    from regime.service.lock import sole_run
    from regime.tracking.operations import HEAD, log_operation

    settings, store, kept = _opened()
    now = present(settings, store)
    if dry_run:
        again = say_again(settings, store, pd.Timestamp(day), now)
        say(_table(again.assign(published_at=now), everything=False))
        note("Nothing was entered.")
        return
    with sole_run(settings, "regime ledger correct", at=now):
        again = say_again(settings, store, pd.Timestamp(day), now)
        added = kept.correct(again, published_at=now, why=why)
        log_operation(
            settings,
            f"{day:{_DAY}} corrected",
            tags={HEAD: str(kept.head()), "why": why},
            metrics={},
        )
    say(_table(added, everything=False))
    say(f"{_many(len(added), 'row')} entered, {added['seq'].min()} to {added['seq'].max()}.")


@ledger.command("restored")
def restored(
    why: Annotated[str, typer.Option(help="What happened to the rows; kept, and told for good.")],
) -> None:
    """Say that the newest rows are lost, so that the ledger goes on from an older copy.

    First bring back the newest copy or export there is. What is left must be sound, and every
    later `regime ledger verify` names the rows that are gone.
    Example: regime ledger restored --why "disk failed on 3 June; export of 31 May"
    """
    from regime.data.clock import present
    from regime.exceptions import StoreError
    from regime.service.lock import sole_run
    from regime.tracking.anchors import anchors, give_up

    if not why.strip():
        raise typer.BadParameter("--why is empty. Say what happened to the rows.")
    settings, store, kept = _opened()
    with sole_run(settings, "regime ledger restored", at=present(settings, store)):
        head = kept.head()
        last = 0 if head is None else head.seq
        if faults := kept.faults(one for one in anchors(settings) if one.seq <= last):
            raise StoreError(
                f"The ledger is not sound up to its last row either: {faults[0]} Bring back "
                "another copy of the store."
            )
        gone = give_up(settings, head, why=why.strip())
    say(f"lost: {gone}")
    say("`regime run` goes on from there, and enters the days that are gone as late.")


def _opened() -> "tuple[Settings, ObservationStore, Ledger]":
    from regime.data.store import ObservationStore
    from regime.settings import Settings
    from regime.tracking.ledger import Ledger

    settings = Settings()
    settings.check_home()
    store = ObservationStore(settings.store)
    return settings, store, Ledger(store)


def _table(rows: "pd.DataFrame", everything: bool) -> str:
    from regime.taxonomy import REGIMES

    wanted = ["date", "horizon", *REGIMES, "call", "call_status", "state", "model_version"]
    wanted += ["published_at"]
    if len(rows["baskets"].unique()) > 1:
        wanted.insert(1, "baskets")
    if everything:
        wanted = ["seq", *wanted, "role", "corrects", "why"]
    texts = {
        "date": rows["date"].dt.strftime(_DAY),
        "published_at": rows["published_at"].dt.strftime(f"{_DAY}T%H:%M:%SZ"),
    }
    if everything:
        texts["corrects"] = rows["corrects"].astype(object).where(rows["corrects"].notna(), "")
        texts["why"] = rows["why"].fillna("")
    table = rows.assign(**texts)[wanted]
    return table.to_string(index=False, float_format=lambda value: f"{value:.3f}")


def _record(
    settings: "Settings", store: "ObservationStore", kept: "Ledger", baskets: str
) -> list[str]:
    """The live record of the champion's rows, in lines; or why there is none."""
    from regime.data.as_of import panel_as_of
    from regime.data.baskets import spliced_returns
    from regime.data.clock import present
    from regime.evaluation.live_record import fast_record, slow_record, summary
    from regime.exceptions import PanelError, StoreError
    from regime.labels.leadership import target
    from regime.tracking.published import load_published

    rows = kept.read(baskets=baskets, newest_only=False)
    lines = [f"What came of it, {baskets} baskets; only days published in time count:"]
    try:
        panel = panel_as_of(store, present(settings, store))
        fast = fast_record(rows, spliced_returns(panel, baskets))
    except PanelError as error:
        return [f"No live record of the {baskets} baskets: {error}"]
    slow, missing = None, ""
    try:
        said = load_published(settings)
        if said["about"]["baskets"] == baskets:
            path = said["labels"].set_index("date")
            horizons = sorted(rows["horizon"].unique())
            slow = slow_record(rows, {int(h): target(path, int(h)) for h in horizons})
    except StoreError as error:
        missing = f"  No log loss: {error}"
    told = summary(fast, slow)
    lines += [_line(one) for one in told]
    if missing or slow is None:
        lines.append(missing or "  No log loss: the app shows other baskets. Run `regime score`.")
    late = told[0]["n_late"]
    if late:
        lines.append(f"  {_many(late, 'day')} published after the next close, and left out.")
    return lines


def _line(one: dict[str, Any]) -> str:
    from regime.evaluation.live_record import FAST

    fast = one["record"] == FAST
    ahead = f"{one['sessions']} sessions" if one["sessions"] else "same day"
    number = ""
    if one["mean"] is not None:
        number = f"{one['mean']:+.2%} " if fast else f"{one['mean']:.3f} nats "
    if one["low"] is not None:
        low, high = (f"{one[end]:+.2%}" if fast else f"{one[end]:.3f}" for end in ("low", "high"))
        number += f"[{low}, {high}] over {_many(one['n_days'], 'day')} "
    waiting = f"; {_many(one['n_open'], 'day')} still open" if one["n_open"] else ""
    what = "call over equal mix" if fast else "log loss"
    return f"  {what}, {ahead}: {number}({one['verdict']}{waiting})"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


if __name__ == "__main__":
    run(ledger)

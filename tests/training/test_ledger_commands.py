"""`regime ledger`: what it says of a sound ledger, of a damaged one, and of none."""

import json
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from ledgered import evening, observed, rows
from typer.testing import CliRunner

from regime.data.calendar import trading_days
from regime.data.sources import demo
from regime.data.store import ObservationStore
from regime.evaluation.live_record import fast_record
from regime.exceptions import EvaluationError, StoreError
from regime.settings import Settings
from regime.tracking.anchors import anchors, given_up
from regime.tracking.chain import Head
from regime.tracking.ledger import Ledger
from regime.tracking.operations import HEAD, log_operation
from training.cli import cli

DAYS = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2024-06-03", "2024-06-18")]
NOTHING = "Nothing was published yet: `regime score` enters the newest day.\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home that is not there yet."""
    monkeypatch.setenv("REGIME_HOME", str(tmp_path / "home"))
    for name in ("REGIME_DATABASE_URL", "MLFLOW_TRACKING_URI", "REGIME_NOW"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def ledger(home) -> Ledger:
    """Twelve days, the last one corrected, and an outgoing version's row."""
    home.mkdir()
    kept = Ledger(observed(ObservationStore(home / "observations.db")))
    for day in DAYS:
        kept.append(rows(day), published_at=evening(day))
    kept.append(rows(DAYS[-1], role="former"), published_at=evening(DAYS[-1]))
    last = evening(DAYS[-1]) + pd.Timedelta(days=1)
    kept.correct(rows(DAYS[-1], (0,), seed=1), published_at=last, why="a split")
    return kept


def ask(*words: object, code: int = 0) -> str:
    """Standard output of the command; a fault is raised as it is."""
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


def usage(*words: object) -> str:
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.replace("│", " ").split())


def past_the_guard(ledger: Ledger, *changes: str) -> None:
    with closing(sqlite3.connect(ledger.store.database.path)) as connection, connection:
        for name in ("ledger_no_UPDATE", "ledger_no_DELETE"):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for change in changes:
            connection.execute(change)
    connection.close()


# Verify ------------------------------------------------------------------------------------


def test_a_sound_ledger_is_one_line_with_rows_days_and_head(ledger, home):
    assert ask("ledger", "verify") == (
        f"sound: 40 rows of 12 days, head {ledger.head()}; MLflow was not asked, for there is "
        "none yet\n"
    )
    assert not (home / "mlflow.db").exists()


def test_a_changed_row_is_a_fault_and_exit_code_1(ledger):
    past_the_guard(ledger, "UPDATE ledger SET broadening = 0.5 WHERE seq IN (4, 9)")
    said = ask("ledger", "verify", code=1).splitlines()
    assert [line.split(" were ")[0] for line in said] == [
        "fault: The contents of row 4 (of 2024-06-04)",
        "fault: The contents of row 9 (of 2024-06-05)",
    ]


def test_anchors_are_asked_and_find_what_the_chain_cannot(ledger):
    where = Settings()
    log_operation(where, "a look", tags={}, metrics={})
    assert ask("ledger", "verify").endswith("; MLflow was asked and holds no anchor\n")
    head = ledger.head()
    log_operation(where, "day", tags={HEAD: str(head)}, metrics={})
    assert ask("ledger", "verify").endswith("; 1 anchor in MLflow checked\n")
    past_the_guard(ledger, "DELETE FROM ledger WHERE seq > 30")
    (said,) = ask("ledger", "verify", code=1).splitlines()
    assert said.startswith(f"fault: The ledger was cut off or rebuilt: row {head.seq} had hash")
    past_the_guard(ledger, "DELETE FROM ledger")
    assert "the last one is 0" in ask("ledger", "verify", code=1)


def test_rows_that_no_copy_has_are_given_up_once_and_told_for_good(ledger):
    where, why = Settings(), "disk failed; export of Friday"
    hashes = ledger.read(role=None, newest_only=False).set_index("seq")["hash"]
    for row in (20, 40):
        log_operation(where, "day", tags={HEAD: str(Head(row, hashes[row]))}, metrics={})
    with pytest.raises(StoreError, match="Nothing is known to be gone: the ledger has 40 rows"):
        ask("ledger", "restored", "--why", why)
    past_the_guard(ledger, "DELETE FROM ledger WHERE seq > 30")
    ask("ledger", "verify", code=1)
    lost = f"are gone for good: {why}\n"
    said = ask("ledger", "restored", "--why", why)
    assert said.startswith("lost: rows 31 to 40 of before ")
    assert lost in said
    told = ask("ledger", "verify")
    assert lost in told
    assert "sound: 30 rows of" in told
    assert "2 anchors in MLflow checked" in told  # the one of row 20, and where it goes on from
    assert anchors(where) == [Head(20, hashes[20]), ledger.head()]
    ledger.append(rows("2024-06-20"), published_at=evening("2024-06-20"))
    log_operation(where, "day", tags={HEAD: str(ledger.head())}, metrics={})
    assert "sound: 33 rows of" in ask("ledger", "verify")
    past_the_guard(ledger, "DELETE FROM ledger WHERE seq > 30")
    ask("ledger", "verify", code=1)  # what is lost after that is another loss


def test_rows_are_not_given_up_while_those_before_them_are_not_sound(ledger):
    where = Settings()
    log_operation(where, "day", tags={HEAD: str(ledger.head())}, metrics={})
    changed = "UPDATE ledger SET broadening = 0.5 WHERE seq = 4"
    past_the_guard(ledger, "DELETE FROM ledger WHERE seq > 30", changed)
    with pytest.raises(StoreError, match="up to its last row either: The contents of row 4"):
        ask("ledger", "restored", "--why", "the disk")
    assert given_up(where) == []
    assert "--why is empty" in usage("ledger", "restored", "--why", " ")


def test_an_mlflow_that_cannot_be_asked_is_no_clean_bill(ledger, monkeypatch):
    def unreachable(_settings):
        raise StoreError("Nobody answers.")

    monkeypatch.setattr("regime.tracking.anchors.anchors", unreachable)
    (said,) = ask("ledger", "verify", code=1).splitlines()
    assert said == (
        "fault: The anchors cannot be read, so a rebuilt ledger would pass. Nobody answers."
    )


# Nothing there, and typos ------------------------------------------------------------------


def test_where_nothing_was_published_every_command_says_so_and_creates_nothing(home, tmp_path):
    for words in (["verify"], ["show"], ["export", tmp_path / "a.csv"]):
        assert ask("ledger", *words) == NOTHING
    assert not home.exists()
    assert not (tmp_path / "a.csv").exists()
    home.mkdir()
    observed(ObservationStore(home / "observations.db"))
    assert ask("ledger", "verify") == NOTHING


def test_typos_are_told_with_what_there_is(ledger, tmp_path):
    assert "--horizon 7: the ledger has rows of 0, 21, 63." in usage(
        "ledger", "show", "--horizon", 7
    )
    assert "must lie between 1926-07-01 and today" in usage(
        "ledger", "show", "--since", "1900-01-01"
    )
    assert "does not match the format" in usage("ledger", "show", "--since", "June")
    assert "must end in .csv, .parquet or .json" in usage("ledger", "export", tmp_path / "a.xlsx")
    with pytest.raises(EvaluationError, match=r"since 2024-06-19; the newest day is 2024-06-18"):
        ask("ledger", "show", "--since", "2024-06-19")


# Show and export ---------------------------------------------------------------------------


def test_show_has_the_last_ten_days_with_corrections_in_place(ledger):
    said = ask("ledger", "show").splitlines()
    assert said[0].split()[:3] == ["date", "horizon", "mega_cap_led"]
    assert len([line for line in said if "2024-06-" in line and "PUBLISHED" in line]) == 30
    assert "2 earlier days: --since 2024-06-03" in said
    corrected = rows(DAYS[-1], (0,), seed=1)["broadening"].iloc[0]
    assert f"{corrected:.3f}" in next(line for line in said if line.startswith("2024-06-18"))
    some = ask("ledger", "show", "--since", "2024-06-17", "--horizon", 21).splitlines()
    assert [line.split()[:2] for line in some[1:3]] == [["2024-06-17", "21"], ["2024-06-18", "21"]]


def test_show_all_has_corrected_rows_reasons_and_outgoing_versions(ledger):
    said = ask("ledger", "show", "--all", "--since", DAYS[-1])
    assert "a split" in said
    assert said.count("former") == 3
    assert len([line for line in said.splitlines() if "PUBLISHED" in line]) == 7


def test_without_the_baskets_in_the_store_the_record_says_what_is_missing(ledger):
    assert "No live record of the funds baskets: " in ask("ledger", "show")


def test_the_live_record_is_judged_by_what_the_store_knows_and_does_not_oversell(home):
    home.mkdir()
    store = ObservationStore(home / "observations.db")
    last = pd.Timestamp("1987-06-30")
    store.append(demo.fetch(last), fetched_at=pd.Timestamp("1987-07-01", tz="UTC"))
    ledger = Ledger(store)
    days = trading_days(pd.Timestamp("1987-04-01"), last)
    for day in days:
        said = rows(f"{day:%Y-%m-%d}", baskets="french", simulated=True)
        ledger.append(said, published_at=evening(f"{day:%Y-%m-%d}"))
    done = CliRunner().invoke(cli, ["ledger", "show"], catch_exceptions=False)
    assert "SIMULATED market" in done.stderr
    from regime.data.as_of import panel_as_of
    from regime.data.baskets import spliced_returns

    panel = panel_as_of(store, pd.Timestamp("1987-08-01", tz="UTC"))
    fast = fast_record(ledger.read(), spliced_returns(panel, "french"))
    count, mean = fast["excess_21"].count(), fast["excess_21"].mean()
    assert 0 < count < len(days)
    assert (
        f"call over equal mix, 21 sessions: {mean:+.2%} ({count} days in 1 call, too few to tell "
        f"anything from chance; {len(days) - count} days still open)"
    ) in done.stdout
    assert "call over equal mix, 63 sessions: (nothing to judge yet" in done.stdout
    assert "No log loss: There is no readable result" in done.stdout


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_an_export_holds_every_row_in_order_and_nothing_is_left_beside(ledger, tmp_path, kind):
    file = tmp_path / f"ledger.{kind}"
    assert ask("ledger", "export", file) == f"40 rows: {file}\n"
    if kind == "json":
        back = pd.DataFrame(json.loads(file.read_text()))
    else:
        back = pd.read_csv(file) if kind == "csv" else pd.read_parquet(file)
    assert back["seq"].to_list() == list(range(1, 41))
    assert Head(40, back["hash"].iloc[-1]) == ledger.head()
    assert back["corrects"].dropna().to_list() == [34]
    assert {path.name for path in tmp_path.iterdir()} == {"home", file.name}

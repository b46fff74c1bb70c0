"""The command that tells every watched number, on a small simulated market to 30 June 1987."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime.brief.signals import SIGNALS, headline, path_words, signal_table
from regime.data.calendar import end_of_day
from regime.data.store import ObservationStore
from regime.service.watching import watch
from regime.settings import Settings

THEN = pd.Timestamp("1987-03-02")


@pytest.fixture(scope="module")
def home(small):
    return small[0] / "home"


@pytest.fixture(scope="module")
def told(home, regime, tmp_path_factory):
    """What is said of an earlier day, and its table."""
    out = tmp_path_factory.mktemp("told") / "signals.csv"
    done = regime("signals", "--as-of", f"{THEN:%Y-%m-%d}", "--since", "1986-12-31", "--csv", out,
                  home=home)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, pd.read_csv(out, keep_default_na=False)


@pytest.fixture(scope="module")
def watched(home):
    """The same, worked out here."""
    settings = Settings(home=home)
    return watch(settings, ObservationStore(settings.store), end_of_day(THEN))


def test_it_says_what_was_known_on_the_day(told, watched):
    said, table = told[0].stdout, signal_table(watched.declarations, watched.numbers)
    assert watched.day == THEN
    first, second, third = said.splitlines()[:3]
    assert first == "Signals as known at the close of 2 March 1987"
    assert second == path_words(watched.labels, watched.day, "french")
    assert third == headline(table)
    assert "SIMULATED" in told[0].stderr
    for topic in table["topic"].unique():
        assert f"\n{topic}: " in said
    assert max(map(len, said.split("\nFrom the close")[0].splitlines()[:3])) < 200
    known = table[table["state"] == "known"].set_index("name")
    row = known.loc["small_over_giants_21d"]
    (line,) = (one for one in said.splitlines()
               if one.startswith(f"  {row['title']}") and "Mar 1987" in one)  # fmt: skip
    for words in (f"{100 * row['value']:+.1f} points", "2 Mar 1987",
                  f" {100 * row['percentile']:.0f} "):  # fmt: skip
        assert words in line
    assert "nan" not in said.lower().replace("finan", "")


def test_the_window_since_a_day_tells_what_is_known_at_both_ends(told):
    window = told[0].stdout.split("\nFrom the close of 31 December 1986 to that of 2 March 1987\n")
    assert len(window) == 2
    assert "more are not known at both ends." in window[1]


def test_the_table_is_written_whole(told, watched):
    written = told[1]
    assert list(written) == ["day", "simulated", *SIGNALS]
    assert set(written["day"]) == {"1987-03-02"}
    assert set(written["simulated"]) == {True}
    assert written["name"].tolist() == [one["name"] for one in watched.declarations]
    table = signal_table(watched.declarations, watched.numbers)
    for name in ("value", "percentile", "change_21", "extreme", "low", "episodes"):
        again = pd.to_numeric(written[name]).rename(name)
        assert_frame_equal(again.to_frame(), table[[name]], check_dtype=False, rtol=1e-12)
    for name in ("known", "of", "extreme_since"):
        assert written[name].tolist() == table[name].dt.strftime("%Y-%m-%d").fillna("").tolist()
    assert f"{len(written)} signals: " in told[0].stdout


def test_without_a_day_it_is_the_newest_and_a_word_narrows_it(home, regime):
    done = regime("signals", "--topic", "10-YEAR", home=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Signals as known at the close of 30 June 1987\n")
    assert "\nRates, curve and real yield: " in done.stdout
    assert "\nSize ladder: " not in done.stdout
    # The headline is of all of them.
    assert " of 4" in done.stdout.splitlines()[2]


def test_a_word_that_no_signal_has_is_told_with_the_topics_there_are(home, regime, fails):
    done = regime("signals", "--topic", "size lader", "--as-of", "1962-03-02", home=home)
    fails(done, "no signal has that word", "Size ladder; ", "Turn of the year", code=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--as-of", "1987-03-02", "--since", "1987-03-02"], "must be before --as-of 1987-03-02"),
        # A Saturday: what is known then is of the Friday.
        (
            ["--as-of", "1962-03-03", "--since", "1962-03-02"],
            "must be before the last close that is known, 1962-03-02",
        ),
        (["--as-of", "1901-01-02"], "must lie between"),
        (["--as-of", "2.3.1987"], "does not match the format"),
    ],
)
def test_days_that_make_no_window_are_a_fault_of_usage(home, regime, fails, words, said):
    fails(regime("signals", *words, home=home), said, code=2)


def test_before_the_first_day_stored_it_says_what_is_stored(home, regime, fails):
    done = regime("signals", "--as-of", "1926-07-02", home=home)
    fails(done, "its first is of 1962-01-02. Choose a later day.")
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_empty_home_says_what_to_run(regime, fails, tmp_path):
    fails(regime("signals", home=tmp_path / "none"), "regime fetch")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("watch.toml", "[levels.tech]\nof = 'XLKK'\nat = 1\nset = 2026-01-02\n", "Near it are XLK"),
        ("watch.toml", "levels = \n", "Mend it, or move it away"),
        ("own_prices.csv", "date,PRIVATE\n1987-01-02,none\n", "line 2: needed a date"),
    ],
)
def test_what_the_user_asks_for_in_error_is_one_clear_line(
    home, regime, fails, tmp_path, name, text, said
):
    (tmp_path / "observations.db").symlink_to(home / "observations.db")
    (tmp_path / name).write_text(text)
    done = regime("signals", home=tmp_path)
    fails(done, name, said)
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_table_that_cannot_be_written_is_said_before_the_work(home, regime, fails, tmp_path):
    done = regime("signals", "--csv", tmp_path / "none" / "out.csv", home=home)
    fails(done, "there is no folder")
    assert done.stdout == ""

"""Keys and passwords of settings stand in nothing that is printed, kept, logged or listed."""

from pathlib import Path

import pytest

from regime.settings import Settings
from training.serve import _app_command, _environment, _ui_command

CLOSED = "127.0.0.1:9"  # the discard port: nothing listens there
SECRETS = {
    "REGIME_FRED_KEY": "f1ed0123456789abcdef0123456789ab",
    "REGIME_TIINGO_KEY": "t11ng0123456789abcdef0123456789abcdef012",
    "REGIME_ALERT_URLS": f"json://anna:al3rt-geheim@{CLOSED}/x",
    "REGIME_DATABASE_URL": f"postgresql://anna:db-geheim-17@{CLOSED}/regime",
    "MLFLOW_TRACKING_URI": f"http://anna:ml-geheim-42@{CLOSED}",
    "MLFLOW_TRACKING_PASSWORD": "tr4cking-geheim",
    "HTTPS_PROXY": f"http://anna:pr0xy-geheim@{CLOSED}",
}
WORDS = [
    "f1ed0123456789", "t11ng0123456789", "al3rt-geheim", "db-geheim-17", "ml-geheim-42",
    "tr4cking-geheim", "pr0xy-geheim",
]  # fmt: skip


def given(*names: str) -> dict[str, str]:
    return {name: SECRETS[name] for name in names}


def leaks(*places) -> list[tuple[str, str]]:
    """Secrets in texts and in every file below folders."""
    found = []
    for place in places:
        files = (
            [one for one in place.rglob("*") if one.is_file()] if isinstance(place, Path) else ()
        )
        texts = {"": place} if isinstance(place, str) else {
            str(one): one.read_bytes().decode("latin-1") for one in files}  # fmt: skip
        found += [(name, word) for name, text in texts.items() for word in WORDS if word in text]
    return found


def test_a_leak_would_be_noticed(tmp_path):
    (tmp_path / "log").write_text("password=db-geheim-17")
    assert leaks("nothing", tmp_path) == [(str(tmp_path / "log"), "db-geheim-17")]


KEYS = ("REGIME_FRED_KEY", "REGIME_TIINGO_KEY", "REGIME_ALERT_URLS", "HTTPS_PROXY")
ASKED = [
    (("store", "info"), ("REGIME_DATABASE_URL",)),
    (("--debug", "store", "info"), ("REGIME_DATABASE_URL",)),
    (("compare", "--runs", "one", "other"), ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD")),
    (("--debug", "compare", "--runs", "one", "other"),
     ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD")),
    (("alert", "test"), KEYS),
    (("sources",), KEYS),
    (("fetch", "--source", "live"), (*KEYS, "REGIME_DATABASE_URL")),
    (("fetch", "--source", "live"), KEYS),
    (("ui", "--check"), ("MLFLOW_TRACKING_URI",)),
    pytest.param(("doctor", "--json"), KEYS, marks=pytest.mark.long),
]  # fmt: skip


@pytest.mark.parametrize(("words", "names"), ASKED, ids=str)
def test_no_command_tells_a_secret(commands, words, names, tmp_path):
    done = commands.run(
        *words, within=200, REGIME_HOME=str(tmp_path / "home"), HOME=str(tmp_path),
        REGIME_MIRROR=f"http://{CLOSED}/", **given(*names),
    )  # fmt: skip
    assert done.stdout or done.stderr
    assert leaks(done.stdout, done.stderr, tmp_path) == []


SMALL = """
# Does anything of the environment get into a run?
baskets = ["french"]
features = { sets = ["path", "rates"] }
labels = { horizons = [0] }
training = { since = 1963-01-01, every = 3 }
evaluation = { first_test = { french = 2018-01-02 }, refit_every = 504 }
model = { kind = "logistic", params = { C = 0.001 } }
"""


@pytest.mark.long
def test_neither_a_home_nor_a_run_in_mlflow_nor_json_holds_a_secret(commands, tmp_path):
    told = {**given(*KEYS), "REGIME_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    told["REGIME_MIRROR"] = f"http://{CLOSED}/"
    experiment = tmp_path / "small.toml"
    experiment.write_text(SMALL)
    said = []
    for words in (
        ("fetch", "--source", "demo"),
        ("retrain", experiment, "--until", "2019-12-31", "--jobs", 1), ("promote",), ("score",),
        ("ledger", "export", tmp_path / "ledger.csv"), ("doctor", "--json"), ("alert", "list"),
    ):  # fmt: skip
        done = commands.run(*words, within=300, **told)
        said += [done.stdout, done.stderr]
    assert (tmp_path / "home" / "published").exists(), said
    assert leaks(*said, tmp_path) == []


def test_no_secret_is_an_argument_of_a_process(monkeypatch, tmp_path):
    """Anybody on a machine may list them; the environment is for their owner alone."""
    address = "postgresql://anna:ml-geheim-42@127.0.0.1:9/mlflow"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    for name in KEYS:
        monkeypatch.setenv(name, SECRETS[name])
    settings = Settings(home=tmp_path)
    assert leaks(" ".join([*_ui_command(5000, settings), *_app_command(8501, settings)])) == []
    assert _environment(settings)["MLFLOW_BACKEND_STORE_URI"] == address


def test_what_settings_print_is_without_secrets(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    shown = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    assert leaks(*shown) == []
    assert settings.fred_key.get_secret_value() == SECRETS["REGIME_FRED_KEY"]


def test_a_home_is_made_for_its_owner_alone_and_one_that_was_opened_stays_open(tmp_path):
    home = tmp_path / "home"
    Settings(home=home).make_home()
    assert home.stat().st_mode & 0o777 == 0o700
    home.chmod(0o750)
    Settings(home=home).make_home()
    assert home.stat().st_mode & 0o777 == 0o750

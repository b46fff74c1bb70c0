"""Ten months of a service, or its first seven, by commands only, on a simulated market."""

import re
from itertools import pairwise

import pandas as pd
import pytest
from webhook import Webhook

from regime.data.calendar import trading_days
from regime.data.store import ObservationStore
from regime.tracking.ledger import Ledger

SMALL = """
# Does a small model on rates live through ten months?
baskets = ["funds"]
features = { sets = ["path", "rates"] }
labels = { horizons = [0, 21] }
training = { every = 3 }
evaluation = { first_test = { funds = 2010-01-04 }, refit_every = 84 }
model = { kind = "logistic", params = { C = 0.001 } }
"""
SABOTAGED = """
# What does a model say that learned by heart what it cannot know?
baskets = ["funds"]
features = { sets = ["rates", "valuation", "stress"] }
labels = { horizons = [0, 21] }
training = { every = 63 }
evaluation = { first_test = { funds = 2010-01-04 }, refit_every = 252 }
model = { kind = "logistic", params = { C = 100000.0 } }
"""
ALONE = ("--jobs", "1")  # workers would import for longer than such small models take
BEGIN, END = pd.Timestamp("2015-12-31"), pd.Timestamp("2016-10-31")
SOON = pd.Timestamp("2016-07-29")  # where the short life ends, before it retrains again
HELD, DEGRADED = pd.Timestamp("2016-02-10"), pd.Timestamp("2016-03-16")
SABOTAGE, ROLLBACK = pd.Timestamp("2016-06-10"), pd.Timestamp("2016-07-08")
STALE = (pd.Timestamp("2016-05-13"), pd.Timestamp("2016-10-14"))  # four months after a training


@pytest.fixture
def webhook():
    receiver = Webhook()
    yield receiver
    receiver.close()


def days_of_life(every_day: bool) -> list[pd.Timestamp]:
    """On which days the run is started: all, or those of the drills, and two to retrain on."""
    if every_day:
        return list(trading_days(BEGIN, END))
    sessions = trading_days(BEGIN, SOON)
    after = [sessions[sessions.get_loc(day) + 1] for day in (HELD, ROLLBACK)]
    return sorted({BEGIN, HELD, DEGRADED, SABOTAGE, ROLLBACK, STALE[0], *after, sessions[-1]})


@pytest.mark.long  # two minutes and ten; what runs, gates and kills do is tested by themselves
@pytest.mark.parametrize("every_day", [False, True], ids=["monthly", "daily"])
def test_a_service_lives_for_months(every_day, commands, webhook, tmp_path):
    home, end = tmp_path / "home", END if every_day else SOON
    for name, text in (("small", SMALL), ("sabotaged", SABOTAGED)):
        if not every_day:  # what is drilled does not depend on how far ahead is looked
            text = text.replace("2010-01-04", "2013-01-02").replace("[0, 21]", "[0]")
        (tmp_path / f"{name}.toml").write_text(text)

    def regime(day, *words, code=0):
        done = commands.run(
            *words,
            REGIME_HOME=str(home),
            REGIME_NOW=f"{day:%Y-%m-%d}T23:30:00-05:00",
            REGIME_ALERT_URLS=webhook.address("ok"),
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    regime(BEGIN, "fetch", "--source", "demo")
    assert (
        "Version 1 is the challenger"
        in regime(BEGIN, "retrain", tmp_path / "small.toml", *ALONE).stdout
    )
    assert "Version 1 is the champion" in regime(BEGIN, "promote").stdout

    retrained, summaries = {}, {}
    for day in days_of_life(every_day):
        drill = {HELD: ["--withhold", "RSP"]}.get(day, [])
        # Treasury yields come the day after, so that two days late is three that are missing.
        for late in range(3):
            if day == DEGRADED - late * pd.offsets.BDay():
                drill = ["--withhold", f"DGS10:{3 - late}"]
        code = {HELD: 4, DEGRADED: 3}.get(day, 0)
        done = regime(day, "run", "--source", "demo", *ALONE, *drill, code=code)
        summaries[day] = done.stdout
        retrained |= dict.fromkeys(re.findall(r"Version (\d+) passed", done.stderr), day)
        if day == SABOTAGE:
            number = str(2 + len(retrained))
            assert (
                f"Version {number} is the challenger"
                in regime(day, "retrain", tmp_path / "sabotaged.toml", *ALONE).stdout
            )
            rejected = regime(day, "promote", code=1)
            assert f"Version {number} was rejected" in rejected.stdout + rejected.stderr
            assert "log_loss" in rejected.stdout
        if day == ROLLBACK:
            regime(day, "rollback", "--why", "a drill")

    assert "HELD" in summaries[HELD]
    assert "RSP" in summaries[HELD]
    assert "DEGRADED without DGS10" in summaries[DEGRADED]
    many = 2 if every_day else 1
    assert len(retrained) == many, "each on its own and promoted by the gate"
    assert all(BEGIN < day <= end for day in retrained.values())

    store = ObservationStore(home / "observations.db")
    ledger = Ledger(store).read()
    assert list(ledger["date"].unique()) == list(trading_days(BEGIN, end))
    assert not ledger.duplicated(["date", "horizon"]).any()
    assert set(ledger[ledger["state"] == "DEGRADED"]["date"]) == {DEGRADED}
    assert set(ledger[ledger["date"] == DEGRADED]["model_version"]) == {"1 (filter)"}
    spoke = ledger.groupby("date")["model_version"].first().str.split(" ").str[0]
    versions = [before for before, now in pairwise([*spoke, ""]) if before != now]
    first, *second = sorted(retrained, key=int)
    assert versions == ["1", first, "1", *second], "one promoted, taken back, and its successor"
    former = Ledger(store).read(role="former")
    changes = [
        day
        for (day, now), (_, old) in zip(list(spoke.items())[1:], list(spoke.items()), strict=False)
        if now != old
    ]
    assert list(former["date"].unique()) == changes, "both versions speak on the day of a change"

    done = regime(end, "ledger", "verify")
    assert f"sound: {len(ledger) + len(former)} rows" in done.stdout
    told = webhook.came("ok")
    called = ledger[ledger["horizon"] == 0].set_index("date")["call"]
    assert (called != called.shift())[1:].any(), "the demo market rotates within ten months"
    assert sum("Regime call" in title and "in service" not in title for title in told) == (
        (called != called.shift())[1:].sum()
    )
    assert any("No probabilities of 2016-02-10" in title for title in told)
    assert any("2016-03-16 is told by the simple filter" in title for title in told)
    assert len(told) == len({*told}), "nothing is told twice"

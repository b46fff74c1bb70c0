"""One champion, however the way there was cut short, and whoever else was on it."""

import shutil
import threading

import pytest
from filelock import FileLock
from tracking.promotion.decided import NOW, aliases, in_service, passed, tags

from regime.exceptions import StoreError
from regime.settings import Settings
from regime.tracking import promotion, registry
from regime.tracking.mlflow_client import client
from regime.tracking.names import CHALLENGER, CHAMPION, FORMER, MODEL
from regime.tracking.promotion import promote, rollback
from regime.tracking.registry import load_version, sole_promoter, standing


class Killed(BaseException):
    """What a kill looks like from inside."""


WRITES = (
    "set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias",
    "delete_model_version_tag",
)  # fmt: skip


def killed_after(n_calls: int, monkeypatch):
    """The client of a process that is killed when it has written so often."""
    count = 0

    def limited(settings):
        found = client(settings)

        class Mortal:
            def __getattr__(self, name):
                known = getattr(found, name)
                if name not in WRITES:
                    return known

                def write(*words):
                    nonlocal count
                    if count == n_calls:
                        raise Killed
                    count += 1
                    return known(*words)

                return write

        return Mortal()

    monkeypatch.setattr(promotion, "client", limited)
    return lambda: count


@pytest.mark.parametrize("what", ["promote", "rollback"])
def test_who_is_killed_anywhere_leaves_one_champion_and_can_begin_again(
    what, home, monkeypatch, tmp_path
):
    in_service(home, "1", "2")
    begin, end = ("2", "3") if what == "promote" else ("2", "1")

    def run(settings):
        if what == "rollback":
            return rollback(settings, why="so", now=NOW)
        number, champion = standing(settings)  # the challenger, as the command finds it
        if number == champion:
            return registry.promote(settings, number)
        return promote(settings, number, passed(number, champion))

    finished = False
    for n_calls in range(12):
        copy = Settings(home=tmp_path / f"{what}{n_calls}")
        shutil.copytree(home.home, copy.home, symlinks=True)
        with monkeypatch.context() as patch:
            killed_after(n_calls, patch)
            try:
                run(copy)
                finished = True
            except Killed:
                pass
        assert aliases(copy)[CHAMPION] in (begin, end)
        load_version(copy)
        if finished:
            break
        if aliases(copy)[CHAMPION] == begin or what == "promote":
            run(copy)
        assert aliases(copy) == (
            {CHAMPION: "3", FORMER: "2"} if what == "promote" else
            {CHAMPION: "1", CHALLENGER: "3"}
        )  # fmt: skip
        assert tags(copy, end).get("promoted_over") == ("2" if what == "promote" else "none")
    assert finished
    assert n_calls >= 4


def test_a_rollback_is_over_with_the_step_that_moves_the_champion(home, monkeypatch):
    in_service(home, "1", "2", "3")
    moved = []
    found = client(home)
    for name in WRITES:
        known = getattr(found, name)
        monkeypatch.setattr(
            found, name, lambda *words, known=known: (moved.append(words), known(*words))
        )
    monkeypatch.setattr(promotion, "client", lambda _: found)
    rollback(home, why="so", now=NOW)
    assert moved[-1] == (MODEL, CHAMPION, "2")


def test_two_who_promote_at_once_do_it_one_after_the_other_and_one_is_told(home):
    in_service(home, "1")
    said = []

    def go(number):
        try:
            promote(home, number, passed(number, "1"))
            said.append(number)
        except StoreError as error:
            said.append(str(error))

    threads = [threading.Thread(target=go, args=(number,)) for number in ("2", "3")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    winner = next(one for one in said if one.isdigit())
    loser = next(one for one in said if not one.isdigit())
    assert aliases(home)[CHAMPION] == winner
    assert f"but version {winner} is in service since" in loser
    assert tags(home, winner)["promoted_over"] == "1"


def test_who_waits_too_long_for_the_lock_is_told_who_holds_it(home, monkeypatch):
    monkeypatch.setattr(registry, "_PATIENCE", 0.2)
    with FileLock(home.home / "promotion.lock"):
        with pytest.raises(StoreError, match=r"promotion\.lock\. Let it finish"):
            promote(home, "1", passed("1", None))
        with pytest.raises(StoreError, match=r"promotion\.lock\. Let it finish"):
            rollback(home, why="so", now=NOW)
    with sole_promoter(home):
        pass

"""Pages while a run publishes: what was there before or what is there now, never a mixture."""

import json
import multiprocessing
import shutil
import time

import pandas as pd
import pytest
from paged import NAMES, page, words

from regime.brief.snapshot import load_snapshot
from regime.settings import Settings
from regime.tracking.published import EXPLAINED, MODEL, NAME, SAID, load_published
from regime.tracking.results import save_frames

# Since Python 3.12 it is said of every fork beside a thread; the one made here writes and ends.
pytestmark = pytest.mark.filterwarnings("ignore:.*is multi-threaded:DeprecationWarning")


def two_publications(home):
    """What was published, and the same as if its newest day had not come yet."""
    said = load_published(Settings(home=home), (*SAID, *EXPLAINED))
    about = said.pop("about")
    days = sorted(said["scores"]["date"].unique())[-2:]
    former = {
        name: frame[frame["date"] <= days[0]] if "date" in frame and name != "similar" else frame
        for name, frame in said.items()
    }
    return [
        (about | {"known_at": f"{day}"}, frames)
        for day, frames in zip(days, (former, said), strict=True)
    ]


def publish_again_and_again(home, stop, published):
    settings = Settings(home=home)
    both = two_publications(home)
    kept = home / "kept"
    shutil.copytree((settings.published / NAME).resolve(), kept)

    def model(folder):
        shutil.copytree(kept / MODEL, folder / MODEL)
        shutil.copy(kept / f"{MODEL}.json", folder)

    while not stop.is_set():
        for about, frames in both:
            save_frames(frames, about, settings.published, NAME, also=model)
            published.value += 1
            time.sleep(0.05)  # or reader and writer would share one core for the whole of it


@pytest.fixture
def busy(at_eight, tmp_path, home):
    """A home in which a process publishes without end; how often it has."""
    copy = tmp_path / "home"
    shutil.copytree(at_eight.home, copy, symlinks=True)
    context = multiprocessing.get_context("fork")
    stop, published = context.Event(), context.Value("i", 0)
    writer = context.Process(target=publish_again_and_again, args=(copy, stop, published))
    writer.start()
    home(copy)
    yield copy, published
    stop.set()
    writer.join(30)
    assert writer.exitcode == 0


def test_a_snapshot_is_of_one_publication_throughout(busy):
    home, published = busy
    while not published.value:
        time.sleep(0.01)
    read = set()
    for _ in range(60):
        snapshot = load_snapshot(Settings(home=home))
        assert pd.Timestamp(snapshot.about["known_at"]) == snapshot.day
        assert snapshot.calls["date"].iloc[-1] == snapshot.day
        assert snapshot.leads["date"].iloc[-1] == snapshot.day
        read.add(snapshot.day)
    assert len(read) == 2
    assert published.value > 5


def test_no_page_shows_an_error_while_a_run_publishes(busy):
    home, published = busy
    while published.value < 2:
        time.sleep(0.01)
    for name in [*NAMES, "today", "history"]:
        ran = page(name)
        assert not ran.exception, name
        assert not [one.value for one in ran.error if "Not today's" not in one.value], name
        assert "Traceback" not in words(ran)
    assert json.loads((home / "published" / NAME / "result.json").read_text())["known_at"]
    assert published.value > 5

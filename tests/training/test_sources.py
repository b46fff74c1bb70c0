"""The page of sources says what the code asks."""

from pathlib import Path

from regime.data.sources.directory import LIVE
from training.sources import page


def test_the_page_of_sources_is_what_the_command_prints():
    written = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    assert written == page() + "\n", "run: regime sources --markdown > docs/sources.md"


def test_every_source_says_all_a_user_must_know():
    for source in LIVE.values():
        for words in (source.title, source.endpoint, source.format, source.licence, source.lag):
            assert len(words) > 10
        assert source.hosts
        assert all(0 < rate <= 10 for rate in source.hosts.values())

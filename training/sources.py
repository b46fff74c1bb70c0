"""Who is asked for what, under which licence and how late: regime sources"""

from typing import Annotated

import typer

from training.console import run, say

_PREFACE = (
    "What `regime fetch --source live` asks; `regime sources` prints the same. The catalogue has "
    "{series} series, those of files and of the demo included. Raw answers are kept under "
    "`.regime/raw` by content, and `regime fetch --from-archive` reads them again."
)


def sources(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As the page docs/sources.md has it.")
    ] = False,
) -> None:
    """List the sources on the network that `regime fetch --source live` asks.

    Example: regime sources
    """
    from regime.data.sources.directory import LIVE

    if markdown:
        say(page())
        return
    for source in LIVE.values():
        limits = ", ".join(f"{host} {rate:g} a second" for host, rate in source.hosts.items())
        say(f"{source.name}: {source.title}")
        for name, words in (
            ("endpoint", source.endpoint),
            ("format", source.format),
            ("licence", source.licence),
            ("published", source.lag),
            ("at most", limits),
            ("asks for", source.asks_for or "nothing"),
        ):
            say(f"  {name}: {words}")


def page() -> str:
    """All sources as a page of Markdown."""
    from regime.data.catalog import CATALOG
    from regime.data.sources.directory import LIVE

    lines = [
        "# Sources on the network",
        "",
        _PREFACE.format(series=len(CATALOG)),
    ]
    for source in LIVE.values():
        limits = "; ".join(f"{host}: {rate:g} a second" for host, rate in source.hosts.items())
        lines += [
            "",
            f"## {source.name}: {source.title}",
            "",
            f"- Endpoint: {source.endpoint}",
            f"- Format: {source.format}",
            f"- Licence: {source.licence}",
            f"- Published: {source.lag}",
            f"- Requests at most: {limits}",
            f"- Asks for: {source.asks_for or 'nothing'}",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(sources)

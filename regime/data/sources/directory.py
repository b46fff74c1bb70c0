"""Every source on the network, by name."""

from regime.data.sources import (
    cftc,
    filers,
    finra,
    fred,
    french,
    holdings,
    ici,
    sec,
    shiller,
    yahoo,
)  # fmt: skip
from regime.data.sources.live import Source

LIVE: dict[str, Source] = {
    source.name: source
    for source in (
        fred.SOURCE, french.SOURCE, yahoo.SOURCE, shiller.SOURCE, sec.SOURCE, cftc.SOURCE,
        ici.SOURCE, holdings.SOURCE, finra.SOURCE, filers.SOURCE,
    )
}  # fmt: skip

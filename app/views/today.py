"""Which regime the market is in, as far as the last close can tell."""

from app import widgets
from app.charts import regimes
from regime.taxonomy import REGIMES

snapshot = widgets.page("Which companies lead?", "Away from the giants", "Call", "Regime")
latest = snapshot.scores[snapshot.scores["date"] == snapshot.day].set_index("horizon")
latest = latest[list(REGIMES)]
widgets.chart(
    regimes.horizon_bars(latest, widgets.source(snapshot)), "horizons", latest.reset_index(),
    words="Each bar is 100%; the giants' part comes first.",
)  # fmt: skip

"""Which companies lead the US equity market, as probabilities known at the time."""

"""Where observations come from: one module per provider."""

# Those on the network, each a module here with a `SOURCE`, in the order they are asked and shown.
LIVE_NAMES = (
    "fred", "french", "yahoo", "shiller", "sec", "cftc", "ici", "holdings", "finra", "filers",
)  # fmt: skip

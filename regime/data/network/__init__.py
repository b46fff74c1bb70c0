"""Documents from the network, each kept as it came."""

"""Every signal, one module per family."""

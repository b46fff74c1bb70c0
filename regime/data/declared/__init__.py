"""Every series, one module per publisher."""

"""Scripts: read arguments, call `regime`, print where to look."""

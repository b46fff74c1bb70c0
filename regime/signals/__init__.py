"""The numbers strategists argue with: declarations, and pure functions of the panel."""

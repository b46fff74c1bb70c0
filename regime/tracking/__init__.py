"""What was found, kept: results on disk."""

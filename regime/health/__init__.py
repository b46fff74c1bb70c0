"""One look at a whole installation, for a person and for cron."""

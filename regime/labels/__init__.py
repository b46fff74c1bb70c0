"""The hindsight label and the day each row was confirmed. Looks ahead by design."""

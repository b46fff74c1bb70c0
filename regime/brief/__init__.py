"""What a screen, a note or a brief says, worked out from what was published."""

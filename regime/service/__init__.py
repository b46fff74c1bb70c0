"""What an installation does by itself: publish a day, retrain, and the daily run of both."""

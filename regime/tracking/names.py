"""What the registry calls the model and those of its versions that have a part."""

MODEL = "equity-leadership-regime"
CHAMPION, CHALLENGER, FORMER = "champion", "challenger", "former"

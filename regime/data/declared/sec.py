"""What companies filed with the SEC, known from the day of the filing."""

from regime.data.series import Series

SERIES: list[Series] = []

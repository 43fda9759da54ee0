"""The digest: recorded activity of a day or a week, summarized and rendered."""

"""The text of an alert in one language: headlines, fields, rules and reasons. Independent of the channel."""

"""An alert in the words of one language: headlines, fields, rules, reasons. Nothing here knows of a channel."""

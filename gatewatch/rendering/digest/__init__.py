"""Digests as text, Slack and SNS messages."""

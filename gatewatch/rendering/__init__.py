"""Rendering of alerts for Slack, SNS and JSON, with escaping, redaction and validation of limits."""

"""Heartbeat: which account and Region last sent a canary, and alerts when one falls silent."""

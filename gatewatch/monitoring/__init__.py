"""Monitoring of gatewatch itself: heartbeat, doctor and reminders."""

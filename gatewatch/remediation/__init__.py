"""Remediation of security groups and access keys: a pure plan of frozen actions, one executor, snapshots and undo."""

"""Revert what one call opened: plan, snapshot, change, undo."""

"""Severity of changes, one module for each family."""

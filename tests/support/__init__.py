"""Builders, fakes and paths that several test files share."""

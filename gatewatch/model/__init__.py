"""Frozen values shared by all packages, and pure arithmetic on them."""

"""Faults by seed against the real stages, and the invariant: delivered or dead-lettered and told, exactly once."""

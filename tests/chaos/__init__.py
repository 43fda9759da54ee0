"""Faults by seed against the real stages. The invariant: delivered once, or dead-lettered and sent to the fallback."""

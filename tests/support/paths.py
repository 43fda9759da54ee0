"""Paths in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
GOLDEN = TESTS / "golden"
TEMPLATES = ROOT / "templates"
EVENTBRIDGE = ROOT / "eventbridge"
RECORDED = ROOT.parent / "shared" / "events" / "recorded.jsonl"  # exists beside some checkouts only

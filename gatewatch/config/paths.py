"""Folders that lie beside the package: in the repository, in an installed copy and in the Lambda zip alike."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
EVENTBRIDGE = ROOT / "eventbridge"
PATTERNS = EVENTBRIDGE / "patterns"
CONTROLS = ROOT / "compliance" / "controls.yaml"

"""Folders beside the package, at the same place in the repository, an installed copy and the Lambda zip."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
EVENTBRIDGE = ROOT / "eventbridge"
PATTERNS = EVENTBRIDGE / "patterns"
CONTROLS = ROOT / "compliance" / "controls.yaml"

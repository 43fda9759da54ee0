"""Folders beside the package, at the same place in the repository, an installed copy and the Lambda zip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
EVENTBRIDGE = ROOT / "eventbridge"
PATTERNS = EVENTBRIDGE / "patterns"
CONTROLS = ROOT / "compliance" / "controls.yaml"


def accounts_file(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("GATEWATCH_ACCOUNTS", ROOT / "accounts.yaml"))


def policy_file(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("GATEWATCH_POLICY", ROOT / "policy.yaml"))

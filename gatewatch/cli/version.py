"""The version of gatewatch, and the commit of a checkout."""

from __future__ import annotations

import subprocess
from importlib.metadata import version

from gatewatch.config.paths import ROOT


def version_text() -> str:
    """`gatewatch 0.1.0 (commit 1a2b3c4)`; without the commit when this is no git checkout."""
    commit = _commit()
    return f"gatewatch {version('gatewatch')}" + (f" (commit {commit})" if commit else "")


def _commit() -> str:
    if not (ROOT / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - constant arguments
    except OSError:
        return ""
    return ran.stdout.strip()

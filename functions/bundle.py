"""What lies beside the functions in the zip, and in the repository: configuration and templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).resolve().parents[1]


class Bundle(Struct, frozen=True):
    settings: Settings
    templates: Path


def load_bundle(environment: Mapping[str, str]) -> Bundle:
    """GATEWATCH_ACCOUNTS and GATEWATCH_POLICY name other files than those in the bundle."""
    accounts = Path(environment.get("GATEWATCH_ACCOUNTS", _ROOT / "accounts.yaml"))
    policy = Path(environment.get("GATEWATCH_POLICY", _ROOT / "policy.yaml"))
    return Bundle(load_settings(accounts, policy), _ROOT / "templates")

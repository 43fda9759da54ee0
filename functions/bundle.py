"""What lies beside the functions in the zip, and in the repository: configuration and templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.paths import ROOT, TEMPLATES
from gatewatch.config.settings import Settings, emergency_settings, load_deployable
from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Bundle(Struct, frozen=True):
    """`trouble` is empty, or says why the settings are not those of the files."""

    settings: Settings
    templates: Path
    trouble: str = ""


def load_bundle(environment: Mapping[str, str]) -> Bundle:
    """GATEWATCH_ACCOUNTS and GATEWATCH_POLICY name other files than those in the bundle.

    A broken file does not stop the hub: everything then goes to the hub's own topic, with the reason.
    """
    accounts = Path(environment.get("GATEWATCH_ACCOUNTS", ROOT / "accounts.yaml"))
    policy = Path(environment.get("GATEWATCH_POLICY", ROOT / "policy.yaml"))
    templates = TEMPLATES
    try:
        return Bundle(load_deployable(accounts, policy), templates)
    except ConfigurationError as error:
        return Bundle(emergency_settings(), templates, error.problems[0])
    except Exception as error:  # noqa: BLE001  whatever it is, an alert without settings is better than none
        return Bundle(emergency_settings(), templates, f"Reading it failed: {type(error).__name__}.")

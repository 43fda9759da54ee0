"""Configuration and templates that are packaged with the functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.paths import TEMPLATES, accounts_file, policy_file
from gatewatch.config.settings import Settings, emergency_settings, load_deployable_settings
from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Bundle(Struct, frozen=True):
    """`configuration_error` is empty, or says why the settings are not those of the files."""

    settings: Settings
    templates: Path
    configuration_error: str = ""


def load_bundle(environment: Mapping[str, str]) -> Bundle:
    """Load the configuration; GATEWATCH_ACCOUNTS and GATEWATCH_POLICY name other files than those of the bundle.

    An invalid file does not stop the hub: all alerts then go to the hub topic, with the reason.
    """
    accounts, policy, templates = accounts_file(environment), policy_file(environment), TEMPLATES
    try:
        return Bundle(load_deployable_settings(accounts, policy), templates)
    except ConfigurationError as error:
        return Bundle(emergency_settings(), templates, error.problems[0])
    except Exception as error:  # noqa: BLE001  an alert without settings is better than none
        return Bundle(emergency_settings(), templates, f"Reading it failed: {type(error).__name__}.")

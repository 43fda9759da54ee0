"""`context` of policy.yaml: what alerts say about the caller and the source address beside the call itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.config.formats import ACCOUNT_ID, ACCOUNT_ID_PROBLEM
from gatewatch.config.yaml_file import load_content
from gatewatch.errors import ConfigurationError
from gatewatch.model.typed_decoding import convert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gatewatch.config.yaml_file import YamlFile

_KEY = "context.vendor_accounts"
_FILE_NAME = re.compile(r"[\w.-]+\.ya?ml\Z", re.ASCII)
_MAX_NAME = 80


class FirstTime(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether alerts say that a call is new for its caller in an account, and whether that raises low to medium etc."""

    enabled: bool = False
    raises_severity: bool = False


class ContextSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything is off by default, and nothing of it lowers a severity.

    `vendor_accounts` is the name of a file beside policy.yaml with a list of known AWS accounts.
    """

    first_time: FirstTime = FirstTime()
    changed_accounts: bool = False
    source_country: bool = False
    source_network: bool = False
    vendor_accounts: str | None = None

    @property
    def is_remembered(self) -> bool:
        """Whether the context of a call depends on earlier calls."""
        return self.first_time.enabled or self.changed_accounts


class _Vendor(Struct, frozen=True):
    """An entry of the list in the format of github.com/fwdcloudsec/known_aws_accounts; other keys are ignored."""

    name: str
    accounts: tuple[str, ...]


def read_vendor_names(policy: YamlFile, settings: ContextSettings, folder: Path) -> Mapping[str, str]:
    """Return names by account id from the list that `settings` names in a folder; problems are added to `policy`."""
    name = settings.vendor_accounts
    if name is None:
        return {}
    if not _FILE_NAME.match(name):
        policy.problem(_KEY, f'"{name}" is not the name of a YAML file; write one that is beside policy.yaml.')
        return {}
    try:
        vendors = convert(load_content(folder / name), list[_Vendor])
    except (ConfigurationError, msgspec.ValidationError) as error:
        policy.problem(_KEY, f"{name}: {error}")
        return {}
    for sentence in _id_problems(vendors):
        policy.problem(_KEY, f"{name}: {sentence}")
    return {account: each.name[:_MAX_NAME] for each in vendors for account in each.accounts}


def _id_problems(vendors: Sequence[_Vendor]) -> Iterator[str]:
    for index, each in enumerate(vendors):
        for number, account in enumerate(each.accounts):
            if not ACCOUNT_ID.match(account):
                yield f"[{index}].accounts[{number}]: {ACCOUNT_ID_PROBLEM}"

"""The catalogue of AWS Config rules, `compliance/controls.yaml`: trigger, severity, title and remediation of each.

AWS Config, Security Hub, conformance packs and organizations add prefixes and suffixes to rule names; `find` removes
them.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from gatewatch.config.paths import CONTROLS
from gatewatch.config.yaml_file import load_yaml_as
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from pathlib import Path

_PACK = re.compile(r"-conformance-pack-[a-z0-9]+$")
_HASHED = re.compile(r"^(?:OrgConfigRule-|securityhub-)(?P<name>.+?)(?:-[a-z0-9]{6,10})?$")
_OWN = "gatewatch-"


class Remediation(Struct, frozen=True, forbid_unknown_fields=True):
    """An SSM Automation document; `parameter` is the parameter that takes the resource id."""

    document: str
    parameter: str

    @property
    def is_ours(self) -> bool:
        return self.document.startswith(_OWN)


class Control(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A managed rule: `identifier` is that of AWS Config, `control` that of Security Hub.

    `once`: deployed in the global Region only. `not_in`: partitions without the rule.
    """

    identifier: str
    trigger: Literal["change", "periodic", "both"]
    severity: Severity
    title: str
    control: str | None = None
    parameters: dict[str, str] = {}
    remediation: Remediation | None = None
    once: bool = False
    not_in: tuple[Literal["aws-cn", "aws-us-gov"], ...] = ()


class ControlCatalogue:
    """The catalogue; the file is read at first use."""

    def __init__(self, path: Path = CONTROLS) -> None:
        self._path = path

    @cached_property
    def controls(self) -> dict[str, Control]:
        """Return the controls by plain rule name, in the order of the file. Raises `ConfigurationError`."""
        return load_yaml_as(self._path, dict[str, Control])

    def find(self, rule_name: str) -> Control | None:
        return self.controls.get(plain_name(rule_name, self.controls))


def plain_name(rule_name: str, known: dict[str, Control]) -> str:
    """`OrgConfigRule-restricted-ssh-ab12cd34`, `restricted-ssh-conformance-pack-x1y2z3` → `restricted-ssh`."""
    name = _PACK.sub("", rule_name)
    for each in (name, _undecorated(name)):
        bare = each.removeprefix(_OWN)
        if bare in known:
            return bare
    return name


def _undecorated(name: str) -> str:
    match = _HASHED.match(name)
    return match["name"] if match else name

"""The catalogue of Config rules, `compliance/controls.yaml`: what each watches, how bad it is, what puts it right.

AWS Config, Security Hub, conformance packs and organizations all decorate the names of their rules; `find` sees
through that.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from gatewatch.config.paths import CONTROLS
from gatewatch.config.yaml_file import read_as
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from pathlib import Path

_PACK = re.compile(r"-conformance-pack-[a-z0-9]+$")
_HASHED = re.compile(r"^(?:OrgConfigRule-|securityhub-)(?P<name>.+?)(?:-[a-z0-9]{6,10})?$")
_OWN = "gatewatch-"


class Remediation(Struct, frozen=True, forbid_unknown_fields=True):
    """`parameter` takes the resource id."""

    document: str
    parameter: str

    @property
    def is_ours(self) -> bool:
        return self.document.startswith(_OWN)


class Control(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    identifier: str
    trigger: Literal["change", "periodic", "both"]
    severity: Severity
    title: str
    control: str | None = None
    parameters: dict[str, str] = {}
    remediation: Remediation | None = None
    once: bool = False
    not_in: tuple[Literal["aws-cn", "aws-us-gov"], ...] = ()


class Catalogue:
    """Read when it is first asked."""

    def __init__(self, path: Path = CONTROLS) -> None:
        self._path = path

    @cached_property
    def controls(self) -> dict[str, Control]:
        """By the plain name of the rule, in the order of the file. Raises `ConfigurationError`."""
        return read_as(self._path, dict[str, Control])

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

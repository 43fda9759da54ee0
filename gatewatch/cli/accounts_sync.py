"""Adds missing accounts of the organization to accounts.yaml. Existing lines, comments included, are not changed."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

import yaml
from msgspec import Struct

from gatewatch.errors import ConfigurationError
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gatewatch.aws.organizations import OrganizationAccount

_LONGEST_NAME = 50


class SyncResult(Struct, frozen=True):
    """The file before and after; `inactive` are the ids in it that are no active account of the organization."""

    before: str
    after: str
    inactive: tuple[str, ...]

    @property
    def difference(self) -> str:
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, "accounts.yaml", "accounts.yaml, synced"))


def sync_accounts(file: Path, members: Sequence[OrganizationAccount]) -> SyncResult:
    """The file with the missing accounts added. Raises `ConfigurationError` when lines cannot simply be added."""
    before = file.read_text("utf-8") if file.exists() else "accounts:\n"
    root = yaml.compose(before, Loader=yaml.SafeLoader)
    block = _accounts_mapping(file, root)
    known = {key.value for key, _ in block.value} if block else set()
    new = [member for member in members if member.is_active and member.id not in known]
    after = _insert_accounts(before, block, [_account_line(member, _indent(block)) for member in new])
    _verify(file, before, after, {member.id for member in new})
    active = {member.id for member in members if member.is_active}
    return SyncResult(before, after, tuple(sorted(known - active)))


def _accounts_mapping(file: Path, root: yaml.Node | None) -> yaml.MappingNode | None:
    """The mapping under `accounts:`; None when it is empty or missing."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == "accounts"), None)
    if isinstance(found, yaml.MappingNode) and not found.flow_style:
        return found
    is_empty = found is None or (isinstance(found, yaml.ScalarNode) and found.value in {"", "null", "~"})
    if not is_empty:
        raise ConfigurationError(f"{file}: accounts: write one account per line below it, not in braces.")
    return None


def _indent(block: yaml.MappingNode | None) -> str:
    return " " * (block.start_mark.column if block else 2)


def _account_line(member: OrganizationAccount, indent: str) -> str:
    """One YAML line. The alias is a JSON string, which is valid YAML, so no name can add keys."""
    alias = json.dumps(sanitize(member.name, _LONGEST_NAME) or member.id, ensure_ascii=False)
    return f'{indent}"{member.id}": {{alias: {alias}}}\n'


def _insert_accounts(before: str, block: yaml.MappingNode | None, lines: list[str]) -> str:
    if not lines:
        return before
    text = before if before.endswith("\n") else before + "\n"
    if block is None:
        text = text if _has_heading(text) else text + "accounts:\n"
        return _insert_lines(text, _heading(text) + 1, lines)
    return _insert_lines(text, _last_line(block) + 1, lines)


def _insert_lines(text: str, index: int, lines: Iterable[str]) -> str:
    old = text.splitlines(keepends=True)
    return "".join([*old[:index], *lines, *old[index:]])


def _has_heading(text: str) -> bool:
    return any(line.startswith("accounts:") for line in text.splitlines())


def _heading(text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines()) if line.startswith("accounts:"))


def _last_line(node: yaml.Node) -> int:
    """Line number of the last value in a block. PyYAML's end mark of a block lies after the comments that follow."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1])
    return int(node.end_mark.line)


def _verify(file: Path, before: str, after: str, new: set[str]) -> None:
    """Raise `ConfigurationError` unless the result has all old content unchanged and the new accounts."""
    old = yaml.safe_load(before) or {}
    now = yaml.safe_load(after) or {}
    accounts = now.get("accounts") or {}
    kept = {key: value for key, value in accounts.items() if key not in new}
    if {**now, "accounts": kept} != {**old, "accounts": old.get("accounts") or {}} or not new <= accounts.keys():
        raise ConfigurationError(f"{file}: accounts cannot be added automatically; add them by hand.")

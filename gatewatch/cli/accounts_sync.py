"""accounts.yaml, with the accounts of the organization that it does not name yet.

Lines are added and none is changed: what people wrote by hand, comments included, stays as it is.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

import yaml
from msgspec import Struct

from gatewatch.errors import ConfigurationError
from gatewatch.rendering.escaping import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gatewatch.aws.organizations import Member

_LONGEST_NAME = 50


class Synced(Struct, frozen=True):
    """The file before and after, and the ids it names that are no active account of the organization."""

    before: str
    after: str
    gone: tuple[str, ...]

    @property
    def difference(self) -> str:
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, "accounts.yaml", "accounts.yaml, synced"))


def synced(file: Path, members: Sequence[Member]) -> Synced:
    """Raises `ConfigurationError` for a file that cannot be added to."""
    before = file.read_text("utf-8") if file.exists() else "accounts:\n"
    root = yaml.compose(before, Loader=yaml.SafeLoader)
    block = _block(file, root)
    known = {key.value for key, _ in block.value} if block else set()
    new = [member for member in members if member.is_active and member.id not in known]
    after = _with(before, block, [_line(member, _indent(block)) for member in new])
    _check(file, before, after, {member.id for member in new})
    active = {member.id for member in members if member.is_active}
    return Synced(before, after, tuple(sorted(known - active)))


def _block(file: Path, root: yaml.Node | None) -> yaml.MappingNode | None:
    """The mapping under `accounts:`; None when there is nothing under it."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == "accounts"), None)
    if isinstance(found, yaml.MappingNode) and not found.flow_style:
        return found
    is_empty = found is None or (isinstance(found, yaml.ScalarNode) and found.value in {"", "null", "~"})
    if not is_empty:
        raise ConfigurationError(f"{file}: accounts: write one account a line below it, not in braces.")
    return None


def _indent(block: yaml.MappingNode | None) -> str:
    return " " * (block.start_mark.column if block else 2)


def _line(member: Member, indent: str) -> str:
    """JSON's strings are YAML's too, so no name can be more than a name."""
    alias = json.dumps(clean(member.name, _LONGEST_NAME) or member.id, ensure_ascii=False)
    return f'{indent}"{member.id}": {{alias: {alias}}}\n'


def _with(before: str, block: yaml.MappingNode | None, lines: list[str]) -> str:
    if not lines:
        return before
    text = before if before.endswith("\n") else before + "\n"
    if block is None:
        text = text if _has_heading(text) else text + "accounts:\n"
        return _after(text, _heading(text) + 1, lines)
    return _after(text, _last_line(block) + 1, lines)


def _after(text: str, number: int, lines: Iterable[str]) -> str:
    old = text.splitlines(keepends=True)
    return "".join([*old[:number], *lines, *old[number:]])


def _has_heading(text: str) -> bool:
    return any(line.startswith("accounts:") for line in text.splitlines())


def _heading(text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines()) if line.startswith("accounts:"))


def _last_line(node: yaml.Node) -> int:
    """Of the last thing in a block; the block's own end is where the next one begins, comments in between."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1])
    return int(node.end_mark.line)


def _check(file: Path, before: str, after: str, new: set[str]) -> None:
    """What was there is there, and the new ones as well: a file of a form nobody thought of is not spoiled."""
    old = yaml.safe_load(before) or {}
    now = yaml.safe_load(after) or {}
    accounts = now.get("accounts") or {}
    kept = {key: value for key, value in accounts.items() if key not in new}
    if {**now, "accounts": kept} != {**old, "accounts": old.get("accounts") or {}} or not new <= accounts.keys():
        raise ConfigurationError(f"{file}: cannot be added to without a change; add the accounts by hand.")

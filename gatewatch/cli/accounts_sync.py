"""Brings accounts.yaml up to date with the organization. Comments and everything written by hand stay as they are."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from gatewatch.config.account_sync import SyncSettings
from gatewatch.config.yaml_file import YamlFile
from gatewatch.errors import ConfigurationError
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gatewatch.aws.organizations import OrganizationAccount

_LONGEST_NAME = 50
_KEPT_UP_TO_DATE = ("ou", "tags")  # all other keys are written once and then belong to whoever edits the file
_BYTE_ORDER_MARK = "\ufeff"


class SyncResult(Struct, frozen=True):
    """The file before and after; `inactive` are the ids in it that are no active account of the organization."""

    before: str
    after: str
    inactive: tuple[str, ...]

    @property
    def difference(self) -> str:
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, "accounts.yaml", "accounts.yaml, synced"))


class _Edit(Struct, frozen=True, order=True):
    """Replace the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def sync_accounts(file: Path, members: Sequence[OrganizationAccount]) -> SyncResult:
    """The file with the missing accounts and what changed of the others.

    Raises `ConfigurationError` for a file that cannot be edited in place.
    """
    before = _text(file) if file.exists() else "accounts:\n"
    block, settings = _accounts_mapping(file, before), _settings(file)
    known = {key.value: value for key, value in block.value} if block else {}
    active = {each.id: each for each in sorted(members, key=lambda each: each.id) if each.is_active}
    wanted = {each: _wanted(member, settings) for each, member in active.items()}
    edits = [edit for each in wanted if each in known for edit in _entry_edits(file, each, known[each], wanted[each])]
    new = {each: facts for each, facts in wanted.items() if each not in known}
    lines = [_account_line(each, facts, _indent(block)) for each, facts in new.items()]
    if lines:
        edits.append(_insertion(before, block, lines))
    after = _edited(before, edits)
    _verify(file, before, after, wanted)
    return SyncResult(before, after, tuple(sorted(known.keys() - active.keys())))


def _text(file: Path) -> str:
    """The file as it is, line ends included. Raises `ConfigurationError`."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not UTF-8; save it as UTF-8.") from None
    if text.startswith(_BYTE_ORDER_MARK):
        raise ConfigurationError(f"{file}: begins with a byte-order mark; save it as UTF-8 without one.")
    return text


def _settings(file: Path) -> SyncSettings:
    problems: list[str] = []
    settings = YamlFile(file, problems).section("sync", SyncSettings) if file.exists() else SyncSettings()
    if problems:
        raise ConfigurationError(*problems)
    return settings


def _accounts_mapping(file: Path, text: str) -> yaml.MappingNode | None:
    """The mapping under `accounts:`; None when it is empty or missing. Raises `ConfigurationError`."""
    try:
        _refuse_anchors(file, text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.composer.ComposerError:
        raise ConfigurationError(f"{file}: has several documents; keep one, without a line of three dashes.") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file}: is not valid YAML ({' '.join(str(error).split())}).") from None
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == "accounts"), None)
    if isinstance(found, yaml.MappingNode) and not found.flow_style:
        return found
    if found is None or (isinstance(found, yaml.ScalarNode) and found.value == ""):
        return None
    if isinstance(found, yaml.ScalarNode) and found.value in {"null", "~"}:
        raise ConfigurationError(f"{file}: accounts: is null; write accounts: alone on its line.")
    raise ConfigurationError(f"{file}: accounts: write one account per line below it, not in braces.")


def _refuse_anchors(file: Path, text: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigurationError(f"{file}:{line}: uses an anchor; write the values out.")


def _wanted(member: OrganizationAccount, settings: SyncSettings) -> dict[str, Any]:
    """The keys of an account, without those that are empty, except tags that are kept and are gone."""
    facts, tags = settings.facts(member.ou, member.tags), settings.kept_tags(member.tags)
    values = {
        "alias": sanitize(member.name, _LONGEST_NAME) or member.id,
        "environment": facts.environment,
        "owner": facts.owner,
        "destinations": list(facts.destinations),
        "ou": member.ou,
        "tags": tags,
    }
    return {key: value for key, value in values.items() if value or (key == "tags" and settings.tags)}


def _entry_edits(file: Path, account: str, node: yaml.Node, wanted: Mapping[str, Any]) -> Iterator[_Edit]:
    """What an existing entry lacks, and a unit and tags that changed."""
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(f"{file}:{node.start_mark.line + 1}: accounts.{account}: write {{alias: name}}.")
    present = {key.value: (key, value) for key, value in node.value}
    for key in _KEPT_UP_TO_DATE:
        if key in present and key in wanted and _value(present[key][1]) != wanted[key]:
            value = present[key][1]
            yield _Edit(value.start_mark.index, _end(value), _json(wanted[key]))
    missing = [key for key, value in wanted.items() if value and key not in present]
    if missing and node.flow_style:
        texts = ", ".join(f"{key}: {_json(wanted[key])}" for key in missing)
        end = _end(node) - 1
        yield _Edit(end, end, f", {texts}" if present else texts)
    elif missing:
        indent = " " * node.start_mark.column
        end = _end(node)
        yield _Edit(end, end, "".join(f"\n{indent}{key}: {_json(wanted[key])}" for key in missing))


def _value(node: yaml.Node) -> Any:
    return yaml.safe_load(yaml.serialize(node))


def _end(node: yaml.Node) -> int:
    """Where the last value in a node ends. PyYAML's end mark of a block lies after the comments that follow."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _indent(block: yaml.MappingNode | None) -> str:
    return " " * (block.start_mark.column if block else 2)


def _account_line(account: str, facts: Mapping[str, Any], indent: str) -> str:
    """One YAML line. Values are JSON, which is valid YAML, so no name and no tag can add keys."""
    pairs = ", ".join(f"{key}: {_json(value)}" for key, value in facts.items() if value)
    return f'{indent}"{account}": {{{pairs}}}\n'


def _json(value: Any) -> str:
    """JSON that is YAML too: what is not printable is escaped as YAML does it, without surrogates."""
    return "".join(each if each.isprintable() else _escape(ord(each)) for each in json.dumps(value, ensure_ascii=False))


def _escape(code_point: int) -> str:
    return f"\\U{code_point:08x}"


def _insertion(before: str, block: yaml.MappingNode | None, lines: Iterable[str]) -> _Edit:
    """New lines after the last account, or after the heading."""
    text = "".join(lines)
    if block is not None:
        end = _line_end(before, _end(block))
    elif (start := _heading(before)) is not None:
        end = _line_end(before, start + 1)
    else:
        return _Edit(len(before), len(before), f"{_separator(before)}accounts:\n{text}")
    return _Edit(end, end, _separator(before[:end]) + text)


def _separator(text: str) -> str:
    return "\n" if text and not text.endswith("\n") else ""


def _heading(text: str) -> int | None:
    """Where the line `accounts:` begins."""
    if text.startswith("accounts:"):
        return 0
    found = text.find("\naccounts:")
    return found + 1 if found >= 0 else None


def _line_end(text: str, index: int) -> int:
    """Where the next line begins; the end of the text in the last line. A folded value ends with its line break."""
    if index and text[index - 1] == "\n":
        return index
    found = text.find("\n", index)
    return found + 1 if found >= 0 else len(text)


def _edited(text: str, edits: Iterable[_Edit]) -> str:
    """Apply edits from the last to the first. Line ends are those of the text."""
    end = "\r\n" if "\r\n" in text else "\n"
    for each in sorted(edits, reverse=True):
        text = text[: each.start] + each.text.replace("\n", end) + text[each.end :]
    return text


def _verify(file: Path, before: str, after: str, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `ConfigurationError` unless the result has everything that was there, and the wanted values beside it."""
    old, now = (_loaded(text) for text in (before, after))
    accounts = old.get("accounts") or {}
    expected = {key: dict(value) for key, value in accounts.items()}
    for account, facts in wanted.items():
        entry = expected.setdefault(account, {})
        added = {key: value for key, value in facts.items() if value and key not in entry}
        entry.update(added | {key: facts[key] for key in _KEPT_UP_TO_DATE if key in facts and key in entry})
    if now != {**old, "accounts": expected} and (expected or now != old):
        raise ConfigurationError(f"{file}: accounts cannot be edited automatically; add them by hand.")


def _loaded(text: str) -> dict[str, Any]:
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError:
        return {}

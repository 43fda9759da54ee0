"""Parse YAML strictly. Only this module imports PyYAML: functions with precompiled files run without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from gatewatch.errors import ConfigurationError

_MERGE = "tag:yaml.org,2002:merge"


# The parser of libyaml, where PyYAML was built with it.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml import SafeLoader as SafeLoader  # noqa: PLC0414  an explicit re-export for mypy
else:
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(SafeLoader):
    """Refuse duplicate keys, of which SafeLoader takes the last.

    Keys are checked before SafeLoader merges `<<: *base`: overriding a merged key is no duplicate.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._seen_nodes: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if id(node) not in self._seen_nodes:
            self._seen_nodes.add(id(node))
            self._refuse_second_keys(node)
        super().flatten_mapping(node)

    def _refuse_second_keys(self, node: yaml.MappingNode) -> None:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigurationError(f"line {line}: {key!r} is a duplicate key; keep one of the two.")
            seen.add(key)


def _timestamp(loader: _UniqueKeyLoader, node: yaml.ScalarNode) -> Any:
    """Return an impossible date such as 2026-02-31 as text, so that its key is reported."""
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return node.value


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def key_lines(text: bytes) -> dict[str, int]:
    """Return the line of every key, such as `destinations.room.url` or `routes[1].to`; empty for invalid YAML."""
    lines: dict[str, int] = {}
    try:
        root = yaml.compose(text, Loader=SafeLoader)
        if root is not None:
            lines.update(_node_lines(root, ""))
    except (yaml.YAMLError, ValueError, RecursionError):
        pass
    return lines


def _node_lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        children = [(f"{path}.{key.value}" if path else str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(f"{path}[{index}]", value, value) for index, value in enumerate(node.value)]
    else:
        return
    for child, marked, value in children:
        yield child, marked.start_mark.line + 1
        yield from _node_lines(value, child)


def read_yaml(text: bytes) -> Any:
    """Parse YAML. Raises `ConfigurationError` for invalid YAML and for duplicate keys."""
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"is not valid YAML ({_reason(text, error)}).") from error


def _reason(text: bytes, error: Exception) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as undecodable:
        line = text.count(b"\n", 0, undecodable.start) + 1
        return f"line {line} is not UTF-8"
    return " ".join(str(error).replace('in "<byte string>", ', "at ").split())

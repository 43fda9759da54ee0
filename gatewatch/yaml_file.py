"""A YAML file on its way to typed values; what is wrong is said with the file, the key and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import yaml

from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")


_MERGE = "tag:yaml.org,2002:merge"


# libyaml's parser where PyYAML was built with it: a cold start reads two files and the labels.
if TYPE_CHECKING:
    from yaml import SafeLoader as SafeLoader  # noqa: PLC0414  said to be exported
else:
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(SafeLoader):
    """SafeLoader takes the last of two equal keys; here the second one is an error.

    A key that overrides one of a merged mapping (`<<: *base`) is no second one, so the keys are looked at as
    they are written, before SafeLoader merges anything.
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
                raise ConfigurationError(f"line {line}: {key!r} stands there twice; keep one of the two.")
            seen.add(key)


class YamlFile:
    """One YAML file on its way to typed values; problems are collected, not raised, so that all come at once."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self._path = path
        self._problems = problems
        self._keys: set[str] = set()
        self._content = self._read()

    def problem(self, key: str, sentence: str) -> None:
        self._problems.append(f"{self._path}: {key}: {sentence}" if key else f"{self._path}: {sentence}")

    def _read(self) -> dict[str, Any]:
        try:
            content = yaml.load(self._path.read_bytes(), Loader=_UniqueKeyLoader)
        except OSError as error:
            reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
            self.problem("", f"{reason}; name a file that is.")
        except ConfigurationError as error:
            self.problem("", str(error))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self.problem("", f"is not valid YAML ({' '.join(str(error).split())}).")
        else:
            if content is None or isinstance(content, dict):
                return content or {}
            self.problem("", "holds no mapping; write keys and values, such as defaults: {language: en}.")
        self._keys = set()
        return {}

    def section(self, key: str, kind: type[T]) -> T:
        converted: T | None = self._convert(self._take(key, {}), kind, key)
        return converted if converted is not None else kind()

    def entries(self, key: str, kind: Any) -> dict[str, Any]:
        content = self._take(key, {})
        if not isinstance(content, dict):
            self.problem(key, "holds no mapping; write one entry per id or name.")
            return {}
        self._refuse_unquoted(key, content)
        named = {name: entry for name, entry in content.items() if isinstance(name, str)}
        converted = {name: self._convert(entry, kind, f"{key}.{name}") for name, entry in named.items()}
        return {name: entry for name, entry in converted.items() if entry is not None}

    def _refuse_unquoted(self, key: str, content: dict[Any, Any]) -> None:
        for name in content:
            if not isinstance(name, str):
                self.problem(
                    f"{key}.{name}", "is no text to YAML (it may read one number for another); put it in quotes."
                )

    def sequence(self, key: str, kind: type[T]) -> tuple[T, ...]:
        content = self._take(key, [])
        if not isinstance(content, list):
            self.problem(key, "holds no list; write one entry per line, each after a dash.")
            return ()
        converted = [self._convert(entry, kind, f"{key}[{index}]") for index, entry in enumerate(content)]
        return tuple(entry for entry in converted if entry is not None)

    def refuse_other_keys(self) -> None:
        for key in self._content:
            if key not in self._keys:
                self.problem(str(key), f"is not known here; write one of {', '.join(sorted(self._keys))}.")

    def _take(self, key: str, default: Any) -> Any:
        self._keys.add(key)
        value = self._content.get(key)
        return default if value is None else value

    def _convert(self, value: Any, kind: Any, key: str) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            sentence, _, at = str(error).partition(" - at `")
            inner = at.rstrip("`").removeprefix("key in ").removeprefix("$")
            self.problem(f"{key}{inner}", sentence.replace("`", '"') + _hint(sentence, kind) + ".")
            return None


def _hint(sentence: str, kind: Any) -> str:
    """What may be written, where the type has named fields."""
    fields = getattr(kind, "__struct_encode_fields__", ())
    return f"; the keys here are {', '.join(fields)}" if "field" in sentence and fields else ""

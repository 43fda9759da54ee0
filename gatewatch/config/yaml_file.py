"""Convert a YAML file to typed values. A problem names the file and the key and says what to write."""

from __future__ import annotations

import re
from enum import EnumMeta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import msgspec

from gatewatch.errors import ConfigurationError
from gatewatch.model.typed_decoding import convert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

T = TypeVar("T")
_KEY = re.compile(r"\.([^.\[\]]+)")
_HINTS = (
    (re.compile(r"Expected `str\b.*got `(?:int|float|bool|date|datetime)`"), "; put it in quotes"),
    (re.compile(r"Expected `array.*got `str`"), "; write a list, such as [one, another]"),
    (re.compile(r"Invalid RFC3339 encoded date$|Expected `date`"), "; write a day such as 2027-01-31"),
)


def precompiled_path(path: Path) -> Path:
    """Return where packaging puts the content of a YAML file as MessagePack, which is read without PyYAML."""
    return path.parent / f"{path.name}.msgpack"


def load_content(path: Path) -> Any:
    """Return the plain values of a YAML file. Raises `ConfigurationError` without the name of the file."""
    try:
        if precompiled_path(path).is_file():
            return msgspec.msgpack.decode(precompiled_path(path).read_bytes())
        from gatewatch.config.yaml_loader import read_yaml  # noqa: PLC0415  not needed for precompiled files

        return read_yaml(path.read_bytes())
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ConfigurationError(f"{reason}; write the path of an existing file.") from error


def load_yaml_as(path: Path, kind: type[T]) -> T:
    """Return the one value of a YAML file of this repository. Raises `ConfigurationError`."""
    try:
        return convert(load_content(path), kind)
    except (ConfigurationError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


class YamlFile:
    """One YAML file. Problems are collected instead of raised, so that all are reported at once."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self._path = path
        self._problems = problems
        self._keys: set[str] = set()
        self._invalid: set[str] = set()
        self._content = self._read()

    def problem(self, key: str, sentence: str) -> None:
        line = self._line(key)
        where = f"{self._path}:{line}" if line else f"{self._path}"
        self._problems.append(f"{where}: {key}: {sentence}" if key else f"{where}: {sentence}")

    def problems(self, problems: Iterable[str]) -> None:
        """Add problems of the form `key: sentence`."""
        for key, _, sentence in (each.partition(": ") for each in problems):
            self.problem(key, sentence)

    def is_valid(self, key: str) -> bool:
        """Return whether a section could be read, so that further checks make sense."""
        return not {"", key} & self._invalid

    def names(self, key: str) -> frozenset[str]:
        """Return the names of all entries of a section, valid or not."""
        content = self._content.get(key)
        return (
            frozenset(each for each in content if isinstance(each, str)) if isinstance(content, dict) else frozenset()
        )

    def _line(self, key: str) -> int | None:
        """Return the line of a key, or of the nearest one around it; None for a precompiled file."""
        if not key:
            return None
        while key and key not in self._lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self._lines.get(key)

    @cached_property
    def _lines(self) -> Mapping[str, int]:
        if precompiled_path(self._path).is_file():
            return {}
        from gatewatch.config.yaml_loader import key_lines  # noqa: PLC0415  needed for problems only

        try:
            return key_lines(self._path.read_bytes())
        except OSError:
            return {}

    def _read(self) -> dict[str, Any]:
        try:
            content = load_content(self._path)
        except ConfigurationError as error:
            self.problem("", str(error))
        else:
            if content is None or isinstance(content, dict):
                return content or {}
            self.problem("", "is not a mapping; write keys and values, such as defaults: {language: en}.")
        self._invalid.add("")
        return {}

    def section(self, key: str, kind: type[T]) -> T:
        converted: T | None = self._convert(self._take(key, {}), kind, key)
        return converted if converted is not None else kind()

    def text(self, key: str) -> str | None:
        """A key that holds one text; None when it is absent or empty."""
        return self._convert(self._take(key, ""), str, key) or None

    def entries(self, key: str, kind: Any) -> dict[str, Any]:
        content = self._take(key, {})
        if not isinstance(content, dict):
            self.problem(key, "is not a mapping; write one entry per id or name.")
            self._invalid.add(key)
            return {}
        self._refuse_unquoted(key, content)
        named = {name: entry for name, entry in content.items() if isinstance(name, str)}
        converted = {name: self._convert(entry, kind, f"{key}.{name}") for name, entry in named.items()}
        return {name: entry for name, entry in converted.items() if entry is not None}

    def _refuse_unquoted(self, key: str, content: dict[Any, Any]) -> None:
        for name in content:
            if not isinstance(name, str):
                self.problem(
                    f"{key}.{name}", "is not text in YAML, which may read it as another number; put it in quotes."
                )

    def sequence(self, key: str, kind: type[T]) -> tuple[T, ...]:
        content = self._take(key, [])
        if not isinstance(content, list):
            self.problem(key, "is not a list; write one entry per line, each after a dash.")
            self._invalid.add(key)
            return ()
        converted = [self._convert(entry, kind, f"{key}[{index}]") for index, entry in enumerate(content)]
        return tuple(entry for entry in converted if entry is not None)

    def refuse_other_keys(self) -> None:
        for key in self._content:
            if key not in self._keys:
                self.problem(str(key), f"is not a known key; write one of {', '.join(sorted(self._keys))}.")

    def _take(self, key: str, default: Any) -> Any:
        self._keys.add(key)
        value = self._content.get(key)
        return default if value is None else value

    def _convert(self, value: Any, kind: Any, key: str) -> Any:
        try:
            return convert(value, kind)
        except msgspec.ValidationError as error:
            self._invalid.add(re.split(r"[.\[]", key)[0])
            sentence, _, at = str(error).partition(" - at `")
            inner = at.rstrip("`").removeprefix("key in ").removeprefix("$")
            hint = _tag_hint(sentence, kind, inner) or _hint(sentence, _type_at(_tagged_type(kind, value), inner))
            self.problem(f"{key}{inner}", sentence.replace("`", '"') + hint + ".")
            return None


def _tag_hint(sentence: str, kind: Any, path: str) -> str:
    """Return the choices for the tag of a union, such as `kind` of a destination."""
    if not sentence.startswith("Invalid value") or "." in path.removeprefix("."):
        return ""
    configs = [each.__struct_config__ for each in _type_members(kind) if hasattr(each, "__struct_config__")]
    tags = [str(each.tag) for each in configs if each.tag_field == path.removeprefix(".")]
    return f"; write one of {', '.join(tags)}" if tags else ""


def _tagged_type(kind: Any, value: Any) -> Any:
    """Return the member of a union that the tag of a value chooses, such as the kind of a destination."""
    if isinstance(value, dict):
        for each in _type_members(kind):
            config = getattr(each, "__struct_config__", None)
            if config and config.tag_field and value.get(config.tag_field) == config.tag:
                return each
    return kind


def _hint(sentence: str, kind: Any) -> str:
    """Return what may be written instead, as far as the type says it."""
    if "field" in sentence:
        fields = [name for each in _type_members(kind) for name in getattr(each, "__struct_encode_fields__", ())]
        return f"; the keys here are {', '.join(fields)}" if fields else ""
    choices = [word for each in _type_members(kind) for word in _choices(each)]
    if choices and sentence.startswith(("Invalid enum", "Expected `str")):
        return f"; write one of {', '.join(choices)}"
    return next((hint for form, hint in _HINTS if form.match(sentence)), "")


def _type_at(kind: Any, path: str) -> Any:
    """Return the type at a path such as `.mail.to[0]`; None for an unknown path."""
    for name in _KEY.findall(path):
        structs = (each for each in _type_members(kind) if hasattr(each, "__struct_fields__"))
        fields = (field for each in structs for field in msgspec.structs.fields(each))
        kind = next((field.type for field in fields if field.encode_name == name), None)
    return kind


def _choices(part: Any) -> list[str]:
    """Return the values of an enumeration or a literal."""
    if isinstance(part, EnumMeta):
        return list(map(str, part.__members__.values()))
    return [part] if isinstance(part, str) else []


def _type_members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, a list or a literal; for any other type the type itself."""
    found = [part for each in get_args(kind) for part in _type_members(each)] or [kind]
    return tuple(each for each in found if each not in {type(None), ..., None})

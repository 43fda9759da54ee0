"""A YAML file on its way to typed values; what is wrong is said with the file, the key and what to write."""

from __future__ import annotations

import re
from enum import EnumMeta
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import msgspec

from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
_KEY = re.compile(r"\.([^.\[\]]+)")
_HINTS = (
    (re.compile(r"Expected `str\b.*got `(?:int|float|bool|date|datetime)`"), "; put it in quotes"),
    (re.compile(r"Expected `array.*got `str`"), "; write a list, such as [one, another]"),
    (re.compile(r"Invalid RFC3339 encoded date$|Expected `date`"), "; write a day such as 2027-01-31"),
)


def prepared(path: Path) -> Path:
    """Where packaging leaves the content of a YAML file as MessagePack: to read that takes no parser of YAML."""
    return path.parent / f"{path.name}.msgpack"


def content_of(path: Path) -> Any:
    """The plain values of a YAML file. Raises `ConfigurationError`, with what is wrong but without the file's name."""
    try:
        if prepared(path).is_file():
            return msgspec.msgpack.decode(prepared(path).read_bytes())
        from gatewatch.config.yaml_loader import read_yaml  # noqa: PLC0415  not needed for what is prepared

        return read_yaml(path.read_bytes())
    except OSError as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ConfigurationError(f"{reason}; name a file that is.") from error


def read_as(path: Path, kind: type[T]) -> T:
    """A YAML file of ours that holds one value. Raises `ConfigurationError`."""
    try:
        return msgspec.convert(content_of(path), kind)
    except (ConfigurationError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


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
            content = content_of(self._path)
        except ConfigurationError as error:
            self.problem("", str(error))
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
            self.problem(f"{key}{inner}", sentence.replace("`", '"') + _hint(sentence, _type_at(kind, inner)) + ".")
            return None


def _hint(sentence: str, kind: Any) -> str:
    """What may be written at the place that is meant, where its type tells."""
    if "field" in sentence:
        fields = [name for each in _parts(kind) for name in getattr(each, "__struct_encode_fields__", ())]
        return f"; the keys here are {', '.join(fields)}" if fields else ""
    choices = [word for each in _parts(kind) for word in _words(each)]
    if choices and sentence.startswith(("Invalid enum", "Expected `str")):
        return f"; write one of {', '.join(choices)}"
    return next((hint for form, hint in _HINTS if form.match(sentence)), "")


def _type_at(kind: Any, path: str) -> Any:
    """Of `.mail.to[0]`, say, the type of `to`; None for what is not known."""
    for name in _KEY.findall(path):
        structs = (each for each in _parts(kind) if hasattr(each, "__struct_fields__"))
        fields = (field for each in structs for field in msgspec.structs.fields(each))
        kind = next((field.type for field in fields if field.encode_name == name), None)
    return kind


def _words(part: Any) -> list[str]:
    """Of an enumeration or a literal, what may be written."""
    if isinstance(part, EnumMeta):
        return list(map(str, part.__members__.values()))
    return [part] if isinstance(part, str) else []


def _parts(kind: Any) -> tuple[Any, ...]:
    """What a union, a list or a literal is made of, and any other type itself."""
    found = [part for each in get_args(kind) for part in _parts(each)] or [kind]
    return tuple(each for each in found if each not in {type(None), ..., None})

"""What every cold start would do, done once, in the tree that becomes the zip.

YAML is parsed, templates become Python, and Python is compiled.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.config.yaml_file import content_of, prepared
from gatewatch.rendering.slack import compile_templates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEYS = (str, int)
_VALUES = (str, int, float, type(None), date)  # a date becomes a text, which is as good to the type that expects one
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def prepare(tree: Path, version: str) -> bool:
    """False when this machine has no Python of that version, so that the modules are not compiled."""
    parse_yaml(tree)
    compile_templates(tree / "templates")
    return compile_python(tree, version)


def parse_yaml(tree: Path) -> None:
    """Leave each YAML file's content beside it as MessagePack, which keeps a number a number, as a key too."""
    for path in sorted(tree.rglob("*.yaml")):
        content = content_of(path)
        if _is_plain(content):
            prepared(path).write_bytes(msgspec.msgpack.encode(content))


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, _KEYS) for key in value) and all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if isinstance(value, list) else isinstance(value, _VALUES)


def compile_python(tree: Path, version: str) -> bool:
    """Compile every module for that version of Python; False when this machine has none of it.

    The files are never compared with their sources at run time: what is in a zip does not change.
    """
    python = next((each for each in _pythons(version) if _is_version(each, version)), None)
    if python is None:
        return False
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(tree)]
    subprocess.run([python, "-m", "compileall", *options, str(tree)], check=True)  # noqa: S603  our own words
    return True


def _pythons(version: str) -> Iterator[str]:
    yield sys.executable
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    if pyenv := shutil.which("pyenv"):
        known = subprocess.run([pyenv, "latest", version], capture_output=True, text=True, check=False)  # noqa: S603  our own words
        where = subprocess.run([pyenv, "prefix", known.stdout.strip()], capture_output=True, text=True, check=False)  # noqa: S603  our own words
        yield f"{where.stdout.strip()}/bin/python"


def _is_version(python: str, version: str) -> bool:
    try:
        answer = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=False)  # noqa: S603  our own words
    except OSError:
        return False
    return answer.stdout.strip() == version

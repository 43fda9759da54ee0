"""Prepares the files of a zip so that cold starts are fast: parses YAML, compiles templates and Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.config.yaml_file import load_content, precompiled_path
from gatewatch.rendering.sns_templates import compile_templates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEYS = (str, int)
_VALUES = (str, int, float, type(None), date)  # a date becomes text, which the typed decoder accepts too
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def prepare(tree: Path, version: str) -> bool:
    """Prepare the tree; return False if the Python version is not installed and modules are not compiled."""
    parse_yaml(tree)
    compile_templates(tree / "templates")
    return compile_python(tree, version)


def parse_yaml(tree: Path) -> None:
    """Write the content of each YAML file beside it as MessagePack, which preserves types, also of keys."""
    for path in sorted(tree.rglob("*.yaml")):
        content = load_content(path)
        if _is_plain(content):
            precompiled_path(path).write_bytes(msgspec.msgpack.encode(content))


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, _KEYS) for key in value) and all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if isinstance(value, list) else isinstance(value, _VALUES)


def compile_python(tree: Path, version: str) -> bool:
    """Compile every module for a Python version; return False if it is not installed.

    The compiled files are not checked against their sources at run time, because the files in a zip do not change.
    """
    python = next((each for each in _pythons(version) if _is_version(each, version)), None)
    if python is None:
        return False
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(tree)]
    subprocess.run([python, "-m", "compileall", *options, str(tree)], check=True)  # noqa: S603  own arguments
    return True


def _pythons(version: str) -> Iterator[str]:
    yield sys.executable
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    if pyenv := shutil.which("pyenv"):
        known = subprocess.run([pyenv, "latest", version], capture_output=True, text=True, check=False)  # noqa: S603  own arguments
        where = subprocess.run([pyenv, "prefix", known.stdout.strip()], capture_output=True, text=True, check=False)  # noqa: S603  own arguments
        yield f"{where.stdout.strip()}/bin/python"


def _is_version(python: str, version: str) -> bool:
    try:
        answer = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=False)  # noqa: S603  own arguments
    except OSError:
        return False
    return answer.stdout.strip() == version

"""The zips that AWS Lambda runs: functions/, gatewatch/ without the person's side, templates/, what they read, and what
they import from the lock file. It mirrors the repository, so that a path means the same in both.

The AWS SDK is left out: the runtime brings it, it is 17 MB of the 20 that a zip with it has, and gatewatch calls
nothing that the oldest SDK of a python3.13 runtime lacks. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from gatewatch.config.paths import ROOT
from tools.precompile import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOCK = ROOT / "requirements" / "runtime.txt"
DIGEST_LOCK = ROOT / "requirements" / "digest.txt"  # the same, and the library that draws
PYTHON = "3.13"
# boto3, and what only it needs.
BROUGHT_BY_LAMBDA = frozenset({"boto3", "botocore", "python-dateutil", "s3transfer", "six"})
SOURCES = ("functions", "gatewatch", "templates", "compliance/controls.yaml", "accounts.yaml", "policy.yaml")
LOCAL_ONLY = frozenset({"gatewatch/local", "gatewatch/cli", "gatewatch/__main__.py"})
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Architecture(StrEnum):
    """Lambda's names."""

    ARM64 = "arm64"
    X86_64 = "x86_64"

    @property
    def platform(self) -> str:
        """Amazon Linux 2023, which the runtime stands on, has glibc 2.34."""
        machine = "aarch64" if self is Architecture.ARM64 else "x86_64"
        return f"{machine}-manylinux_2_28"


def build(architecture: Architecture, zip_file: Path, sources: Path = ROOT, lock: Path = LOCK) -> Path:
    """Write the zip, wherever this machine's own Python and processor come from; needs a package index."""
    zip_file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _install(requirements(lock.read_text("utf-8")), tree, architecture)
        copy_sources(sources, tree)
        if not prepare(tree, PYTHON):
            sys.stderr.write(f"There is no Python {PYTHON} on this machine: the zip goes without compiled modules,\n")
            sys.stderr.write("and every cold start compiles them, which takes longer than all else it does.\n")
        _zip(tree, zip_file)
    return zip_file


def requirements(lock: str) -> str:
    """The lock file without what Lambda brings; a requirement and its hashes are one block of lines."""
    blocks = re.split(r"\n(?=\S)", "\n" + lock.strip())
    kept = [block for block in blocks if (name := _name(block)) and name not in BROUGHT_BY_LAMBDA]
    return "\n".join(kept) + "\n"


def _name(block: str) -> str | None:
    match = _REQUIREMENT.match(block)
    return match[1].lower() if match else None


def _install(wanted: str, tree: Path, architecture: Architecture) -> None:
    """No build, no dependency that the lock does not name, no file without its hash."""
    lock = tree.with_suffix(".txt")
    lock.write_text(wanted, encoding="utf-8")
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    target = ["--python-platform", architecture.platform, "--python-version", PYTHON, "--target", str(tree)]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "pip", "install", *options, *target, "-r", lock], check=True)  # noqa: S603 - our own words
    shutil.rmtree(tree / "bin", ignore_errors=True)  # a function has no command line
    (tree / ".lock").unlink(missing_ok=True)


def copy_sources(sources: Path, tree: Path) -> None:
    for path in source_files(sources):
        copy = tree / path.relative_to(sources)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def source_files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        top = root / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not _is_local_only(path.relative_to(root)):
                yield path


def _is_local_only(path: Path) -> bool:
    return any(str(each) in LOCAL_ONLY for each in (path, *path.parents))


def _zip(tree: Path, zip_file: Path) -> None:
    """In one order, of one date, readable by everybody: Lambda runs as a user of its own."""
    with zipfile.ZipFile(zip_file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _LONG_AGO)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build the zips that AWS Lambda runs.")
    parser.add_argument("--architecture", type=Architecture, choices=list(Architecture), default=Architecture.ARM64)
    architecture = parser.parse_args(arguments).architecture
    for name, lock in (("gatewatch", LOCK), ("gatewatch-digest", DIGEST_LOCK)):
        path = build(architecture, ROOT / "build" / f"{name}-{architecture}.zip", lock=lock)
        sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()

"""Builds the zip of the Lambda functions.

It has functions/, gatewatch/ without the command line and the local cloud, templates/, the configuration files and
the locked dependencies, and what `context` of policy.yaml asks for. Paths in it are those of the repository.

The AWS SDK is not included (17 MB), because the runtime provides it; gatewatch calls nothing that the oldest SDK of the
python3.13 runtime lacks. Builds are reproducible.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from gatewatch.alerts.context.source_network import COUNTRY_PACKAGE, NETWORK_PACKAGE
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.config.context import ContextSettings
from gatewatch.config.paths import ROOT
from gatewatch.config.settings import load_settings
from tools.precompile import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOCK = ROOT / "requirements" / "runtime.txt"
CONTEXT_LOCK = ROOT / "requirements" / "context.txt"  # the same, and the packages of `context` in policy.yaml
PYTHON = "3.13"
# boto3 and its dependencies, which the runtime provides.
PROVIDED_BY_LAMBDA = frozenset({"boto3", "botocore", "python-dateutil", "s3transfer", "six"})
SOURCES = ("functions", "gatewatch", "templates", "compliance/controls.yaml", "eventbridge/patterns")
CONFIGURATION = ("accounts.yaml", "policy.yaml")
LOCAL_ONLY = frozenset({"gatewatch/local", "gatewatch/cli", "gatewatch/__main__.py"})
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==")
NO_CONTEXT = ContextSettings()
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


class Architecture(StrEnum):
    """Processor architectures, by the names that Lambda uses."""

    ARM64 = "arm64"
    X86_64 = "x86_64"

    @property
    def platform(self) -> str:
        """Return the platform tag of wheels; the runtime is Amazon Linux 2023 with glibc 2.34."""
        machine = "aarch64" if self is Architecture.ARM64 else "x86_64"
        return f"{machine}-manylinux_2_28"


def build(architecture: Architecture, zip_file: Path, config: Path = ROOT) -> Path:
    """Build the zip with the configuration files of a folder, on any machine. Downloads the locked packages.

    Returns the path of the zip. Raises `ConfigurationError`.
    """
    context = load_settings(config / "accounts.yaml", config / "policy.yaml").context
    zip_file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _install(locked_packages(context), tree, architecture)
        copy_sources(tree, config, context)
        if not prepare(tree, PYTHON):
            sys.stderr.write(f"Python {PYTHON} is not installed, so the modules in the zip are not compiled\n")
            sys.stderr.write("and every cold start compiles them, which makes it much slower.\n")
        _zip(tree, zip_file)
    return zip_file


def locked_packages(context: ContextSettings) -> str:
    """Return the lock of what the functions need with these settings."""
    wanted = {COUNTRY_PACKAGE: context.source_country, NETWORK_PACKAGE: context.source_network}
    lock = CONTEXT_LOCK if any(wanted.values()) else LOCK
    unused = {name for name, is_wanted in wanted.items() if not is_wanted}
    return requirements(lock.read_text("utf-8"), PROVIDED_BY_LAMBDA | unused)


def requirements(lock: str, excluded: frozenset[str] = PROVIDED_BY_LAMBDA) -> str:
    """Return the lock file without some packages. A requirement and its hashes are one block."""
    blocks = re.split(r"\n(?=\S)", "\n" + lock.strip())
    kept = [block for block in blocks if (name := _name(block)) and name not in excluded]
    return "\n".join(kept) + "\n"


def _name(block: str) -> str | None:
    match = _REQUIREMENT.match(block)
    return match[1].lower() if match else None


def _install(wanted: str, tree: Path, architecture: Architecture) -> None:
    """Install wheels only, with hashes, and only what the lock names."""
    lock = tree.with_suffix(".txt")
    lock.write_text(wanted, encoding="utf-8")
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    target = ["--python-platform", architecture.platform, "--python-version", PYTHON, "--target", str(tree)]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "pip", "install", *options, *target, "-r", lock], check=True)  # noqa: S603  own arguments
    shutil.rmtree(tree / "bin", ignore_errors=True)  # scripts
    (tree / ".lock").unlink(missing_ok=True)


def copy_sources(tree: Path, config: Path = ROOT, context: ContextSettings = NO_CONTEXT) -> None:
    """Copy the code, the templates and the configuration files to a tree with the layout of the repository."""
    for path in source_files(ROOT):
        _copy(path, tree / path.relative_to(ROOT))
    for name in filter(None, (*CONFIGURATION, context.vendor_accounts)):
        _copy(config / name, tree / name)


def _copy(path: Path, copy: Path) -> None:
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
    """Write the entries sorted, with a fixed date, and readable for every user, because Lambda uses its own."""
    with zipfile.ZipFile(zip_file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _FIXED_DATE)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build the zip of the Lambda functions.")
    parser.add_argument("--stage", default="prod", help="the stage whose architecture is used")
    parser.add_argument("--config", type=Path, default=Path(os.environ.get("GATEWATCH_CONFIG", ROOT)))
    given = parser.parse_args(arguments)
    architecture = Architecture(load_stage(given.config, given.stage).hub.architecture)
    path = build(architecture, ROOT / "build" / f"gatewatch-{architecture}.zip", given.config)
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()

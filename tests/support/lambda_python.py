"""A Python of the version of the Lambda runtime, and packages installed for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.package import PYTHON as VERSION


def lambda_python():
    """Return a Python of the Lambda runtime's version, or None: this one, one on the path, or one of pyenv."""
    candidates = [sys.executable, shutil.which(f"python{VERSION}"), _pyenv()]
    return next((Path(each) for each in candidates if each and _version_of(each) == VERSION), None)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def install_locked(lock, names, folder):
    """Install packages of a lock file, in its versions and with its hashes, for the Lambda runtime."""
    blocks = re.split(r"\n(?=\S)", lock.read_text("utf-8"))
    wanted = folder.with_suffix(".txt")
    wanted.write_text("\n".join(each for each in blocks if each.partition("==")[0] in names) + "\n", "utf-8")
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--no-deps", "--require-hashes", "--python-version", VERSION, "--target", folder]
    installed = run(uv, "pip", "install", *options, "-r", wanted)
    assert installed.returncode == 0, installed.stderr


def _pyenv():
    tool = shutil.which("pyenv")
    prefix = run(tool, "prefix", run(tool, "latest", VERSION).stdout.strip()).stdout.strip() if tool else ""
    return f"{prefix}/bin/python" if prefix else None


def _version_of(python):
    return run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()

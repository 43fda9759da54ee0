"""The command line, in the process of the tests or in its own."""

import io
import json
import os
import subprocess
import sys

import pytest

from gatewatch.cli.app import main
from support.limits import GUARD_SECONDS
from support.paths import ROOT

_OF_THE_TERMINAL = ("FORCE_COLOR", "COLUMNS")


class CommandResult:
    """Exit status and output of a command."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]


def gatewatch(*arguments, stdin=b"", cwd=ROOT, **environment):
    """Run the command in this process: starting another one takes most of a second."""
    out, err = _stream(), _stream()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        for name in _OF_THE_TERMINAL:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["gatewatch", *map(str, arguments)])
        patch.setattr(sys, "stdin", _stream(stdin.encode() if isinstance(stdin, str) else stdin))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
    return CommandResult(ended.value.code, *(each.buffer.getvalue().decode() for each in (out, err)))


def _stream(content=b""):
    return io.TextIOWrapper(io.BytesIO(content), "utf-8", write_through=True)


def gatewatch_process(*arguments, stdin=b"", cwd=ROOT, **environment):
    """Run the command in its own process."""
    inherited = {key: value for key, value in os.environ.items() if key not in _OF_THE_TERMINAL}
    ran = subprocess.run(
        [sys.executable, "-m", "gatewatch", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=inherited | environment,
        check=False,
        timeout=GUARD_SECONDS,
    )
    return CommandResult(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

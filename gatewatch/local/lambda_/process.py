"""A packaged function, run from its zip in its own process as AWS Lambda does.

It has no access to this checkout and only the environment variables of its configuration.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

if TYPE_CHECKING:
    from types import TracebackType

    from gatewatch.local.lambda_.context import LambdaContext

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


class FunctionError(Exception):
    """The function raised; Lambda then retries the whole batch."""


class ProcessSettings(Struct, frozen=True):
    """How to run a function: the interpreter, sys.path in Lambda's order, the environment."""

    python: Path
    path: Sequence[Path]
    environment: Mapping[str, str]


class PackagedFunction:
    """A context manager that is callable as a handler."""

    def __init__(self, handler: str, settings: ProcessSettings, log: Path) -> None:
        command = [settings.python, "-I", "-u", "-X", "utf8", _BOOTSTRAP, handler, *settings.path]
        self._log = log.open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [str(each) for each in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(settings.environment),
            cwd=settings.path[0],
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait()
        self._log.close()

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
        response = self._invoke({"event": event, "context": _context_fields(context)})
        if "error" in response:
            raise FunctionError(response["error"])
        result: dict[str, Any] | None = response["result"]
        return result

    def _invoke(self, invocation: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        line = ""
        if stdin and stdout and self._process.poll() is None:
            stdin.write(json.dumps(invocation) + "\n")
            stdin.flush()
            line = stdout.readline()
        return json.loads(line) if line else {"error": f"the function's process ended; see {self._log.name}"}


def _context_fields(context: LambdaContext) -> dict[str, Any]:
    return {
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "aws_request_id": context.aws_request_id,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "remaining_seconds": context.get_remaining_time_in_millis() / 1000,
    }

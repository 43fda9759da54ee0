"""A deployed function, run from its own zip in a process of its own, as AWS Lambda does.

It sees nothing of this checkout, and no variable that its configuration does not name.
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

    from gatewatch.local.lambda_.context import Invocation

_CHILD = Path(__file__).with_name("bootstrap.py")


class FunctionError(Exception):
    """What a function raised; Lambda then brings the whole batch again."""


class Process(Struct, frozen=True):
    """How to run a function: the interpreter, Lambda's path in its order, the environment."""

    python: Path
    path: Sequence[Path]
    environment: Mapping[str, str]


class PackagedFunction:
    """Use it in a `with`; called, it is a handler."""

    def __init__(self, handler: str, process: Process, log: Path) -> None:
        command = [process.python, "-I", "-u", "-X", "utf8", _CHILD, handler, *process.path]
        self._log = log.open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [str(each) for each in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(process.environment),
            cwd=process.path[0],
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
        self._process.wait(timeout=10)
        self._log.close()

    def __call__(self, event: dict[str, Any], context: Invocation) -> dict[str, Any] | None:
        answer = self._ask({"event": event, "context": _facts(context)})
        if "error" in answer:
            raise FunctionError(answer["error"])
        result: dict[str, Any] | None = answer["result"]
        return result

    def _ask(self, invocation: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        line = ""
        if stdin and stdout and self._process.poll() is None:
            stdin.write(json.dumps(invocation) + "\n")
            stdin.flush()
            line = stdout.readline()
        return json.loads(line) if line else {"error": f"the function's process ended, see {self._log.name}"}


def _facts(context: Invocation) -> dict[str, Any]:
    return {
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "aws_request_id": context.aws_request_id,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "seconds": context.get_remaining_time_in_millis() / 1000,
    }

"""Entry point of a function's process; does what Lambda's Python runtime does with a zip.

It runs in a plain Python with an unpacked zip, so it imports nothing of this package. Arguments: the handler as in the
function's configuration, then the folders that Lambda puts on sys.path. Each line on standard input is an invocation,
each line on standard output its result; output of the function goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any


class Context:
    """Lambda's context object."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)
        self._deadline = time.monotonic() + fields["remaining_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def load(handler: str) -> Any:
    """Import the handler: `a/b.handler` is the function `handler` of the module `a.b`, as in Lambda."""
    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), name)


def invoke(function: Any, invocation: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": function(invocation["event"], Context(invocation["context"]))}
    except Exception as error:  # noqa: BLE001  the runtime's boundary: an error is a result
        return {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}


def main() -> None:
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    handler, *folders = sys.argv[1:]
    sys.path[:0] = folders
    function = load(handler)
    for line in sys.stdin:
        results.write(json.dumps(invoke(function, json.loads(line))) + "\n")
        results.flush()


if __name__ == "__main__":
    main()

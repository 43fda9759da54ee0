"""The inside of a function's process: what AWS Lambda's Python runtime does with a zip.

Runs by itself, in a bare Python and an unpacked zip: nothing of this package may be imported here. Arguments: the
handler as the function's configuration has it, then the folders that Lambda puts on the path. Each line on standard
input is an invocation, each line on standard output its result; what the function prints goes to standard error.
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
    """Lambda's context object; `deadline` in seconds of this process's clock."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.__dict__.update(facts)
        self._deadline = time.monotonic() + facts["seconds"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def load(handler: str) -> Any:
    """`a/b.handler` is the function `handler` of the module `a.b`, as in Lambda's own bootstrap."""
    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), name)


def answer(function: Any, invocation: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": function(invocation["event"], Context(invocation["context"]))}
    except Exception as error:  # noqa: BLE001  the runtime's boundary: an error is an answer
        return {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}


def main() -> None:
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    handler, *folders = sys.argv[1:]
    sys.path[:0] = folders
    function = load(handler)
    for line in sys.stdin:
        results.write(json.dumps(answer(function, json.loads(line))) + "\n")
        results.flush()


if __name__ == "__main__":
    main()

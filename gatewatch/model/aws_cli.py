"""AWS CLI commands that people copy from a message into their shell. The arguments come from events."""

from __future__ import annotations

import re
import shlex

# Printable ASCII without back-ticks, which messages show changed. The AWS CLI reads `file://…`, and phones make links
# of `https://…`, so only addresses of AWS itself pass, such as that of a queue.
_PLAIN = re.compile(r"(?:[ -9;-_a-z{|}~]|:(?!//)|(?<=https):(?=//[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?/))+")
_MAX_LENGTH = 1500

Value = str | tuple[str, ...] | bool | None


def cli_arguments(service: str, operation: str, **parameters: Value) -> tuple[str, ...]:
    """Arguments without `aws`; True is an option without a value.

    Empty when a value is missing or cannot be passed on as it is: with other characters, or like an option itself.
    """
    arguments = [service, operation]
    for name, value in parameters.items():
        values = () if value is True else value if isinstance(value, tuple) else (value or "",)
        if value is False or value == () or not all(map(is_copyable, values)):
            return ()
        arguments += ["--" + name.replace("_", "-"), *map(str, values)]
    return tuple(arguments)


def is_copyable(value: object) -> bool:
    return isinstance(value, str) and not value.startswith("-") and _PLAIN.fullmatch(value) is not None


def cli_command(arguments: tuple[str, ...], region: str) -> str:
    """One line, quoted for a POSIX shell; empty when it would be too long to copy or has an unusual Region."""
    if not arguments or (region and not is_copyable(region)):
        return ""
    command = shlex.join(("aws", *arguments, *(("--region", region) if region else ())))
    return command if len(command) <= _MAX_LENGTH else ""

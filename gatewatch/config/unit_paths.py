"""Paths of organizational units, such as /Workloads/Prod; `/` is the root of the organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_in_unit(unit: str | None, path: str) -> bool:
    """Return whether a unit is the one of a path, or below it. Every known unit is in `/`."""
    return bool(unit) and f"{unit}/".startswith(f"{path.rstrip('/')}/")


def unit_path_problems(path: str) -> Iterator[str]:
    """Yield a sentence for what is not a path."""
    if not path.startswith("/") or (path != "/" and path.endswith("/")):
        yield f'"{path}" is not the path of a unit; write one such as /Workloads/Prod.'

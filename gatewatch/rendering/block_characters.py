"""A row of block characters whose heights are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHTS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[int], width: int) -> str:
    """Draw numbers from 0 on; more than `width` are drawn as the largest of equally many neighbours."""
    size = -(-len(values) // width) or 1
    drawn = [max(values[start : start + size]) for start in range(0, len(values), size)]
    largest = max(drawn, default=0)
    return "".join(_HEIGHTS[(each * (len(_HEIGHTS) - 1) + largest - 1) // largest if largest else 0] for each in drawn)

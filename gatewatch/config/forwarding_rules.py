"""Event patterns that this version ships: those of the members' rules, and that of the hub's bus."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from gatewatch.config.paths import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Mapping

_HUB_RULE = re.compile(r"^gatewatch-.+-events$")
_HUB_PATTERN = {"source": [{"prefix": "aws."}]}


@cache
def rule_patterns() -> Mapping[str, Mapping[str, Any]]:
    """Return the pattern of each rule of a member, by the rule's name."""
    return {f"gatewatch-{path.stem}": json.loads(path.read_text("utf-8")) for path in sorted(PATTERNS.glob("*.json"))}


def is_shipped_pattern(rule: str, pattern: Any) -> bool:
    """Whether a pattern is, as JSON, the one that ships for a rule of this name."""
    if rule in rule_patterns():
        return bool(pattern == rule_patterns()[rule])
    return bool(_HUB_RULE.match(rule)) and bool(pattern == _HUB_PATTERN)

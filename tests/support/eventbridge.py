"""EventBridge patterns, evaluated by LocalStack's rule engine: an implementation that shares nothing with gatewatch."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

from support import judges


def _engine() -> tuple[Any, Any]:
    """LocalStack's engine without LocalStack's API gateway: all it needs of `localstack.aws.api` is one exception."""
    for name in ("localstack.aws.api", "localstack.aws.api.events"):
        module = ModuleType(name)
        module.InvalidEventPatternException = ValueError
        sys.modules.setdefault(name, module)
    from localstack.services.events.event_rule_engine import EventPatternCompiler, EventRuleEngine  # noqa: PLC0415

    return EventPatternCompiler(), EventRuleEngine()


_COMPILER, _ENGINE = _engine()


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether a rule with this pattern forwards the event. Raises `ValueError` for a pattern that AWS refuses."""
    judges.count("localstack-core")
    return bool(_ENGINE.evaluate_pattern_on_event(_COMPILER.compile_event_pattern(json.dumps(pattern)), event))

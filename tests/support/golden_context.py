"""The context of a golden event: `context.json`, where its folder has one."""

import msgspec

from gatewatch.alerts.context.call_context import NO_SOURCE, CallContext
from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from support.paths import GOLDEN


class FixedContext:
    def __init__(self, context):
        self._context = context

    def context_of(self, _call, _changes):
        return self._context


def assessor_of(case, settings):
    file = GOLDEN / case / "context.json"
    known = FixedContext(msgspec.json.decode(file.read_bytes(), type=CallContext)) if file.exists() else NO_SOURCE
    return Assessor(settings, InMemoryRuleHistory(), context=known)

"""The chain, in one visible place: bytes → ApiCall → Change → Assessment → Alert → Message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.assess import assess
from gatewatch.changes import changes_of
from gatewatch.enrich import enrich
from gatewatch.rules import Memory, recalled
from gatewatch.settings import Settings

if TYPE_CHECKING:
    from gatewatch.model import Alert, ApiCall


class Judge(Struct, frozen=True):
    """What turns a call into an alert: the policy, and what is remembered of rules."""

    settings: Settings
    memory: Memory


def alert_of(call: ApiCall, judge: Judge) -> Alert | None:
    """The alert of one call; None for a call of no supported family."""
    changes = changes_of(call)
    if not changes:
        return None
    known = recalled(changes, call.account_id, judge.memory)
    return enrich(call, assess(known, judge.settings.judgement), judge.settings)

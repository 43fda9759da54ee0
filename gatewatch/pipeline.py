"""The chain, in one visible place: bytes → ApiCall → Change → Assessment → Alert → Message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.assess import assess
from gatewatch.changes import changes_of
from gatewatch.enrich import enrich
from gatewatch.render import Templates, slack_messages, slack_payloads
from gatewatch.route import route
from gatewatch.rules import Memory, recalled
from gatewatch.settings import Settings

if TYPE_CHECKING:
    from gatewatch.model import Alert, ApiCall, Message


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


class Hub(Struct, frozen=True):
    """The whole chain's needs: to judge, to route and to word."""

    settings: Settings
    memory: Memory
    templates: Templates

    @property
    def judge(self) -> Judge:
        return Judge(self.settings, self.memory)


def messages_of(call: ApiCall, hub: Hub) -> list[Message]:
    """What each destination is told of one call; nothing for a call of no supported family."""
    alert = alert_of(call, hub.judge)
    if alert is None:
        return []
    payloads = slack_payloads(alert, hub.templates, hub.settings.colors)
    return [message for name in route(alert, hub.settings) for message in slack_messages(alert, name, payloads)]

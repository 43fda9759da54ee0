"""Scheduled handler: compares the forwarding of all members and reports each new difference once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewatch.monitoring.forwarding.messages import forwarding_messages

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import MessageSink
    from gatewatch.monitoring.forwarding.check import ForwardingCheck
    from gatewatch.monitoring.forwarding.store import ForwardingStore
    from gatewatch.monitoring.heartbeat.store import HeartbeatStore


@dataclass(frozen=True)
class ForwardingHandler:
    """The members are the accounts and Regions that ever sent a canary. `now` is in seconds since 1970."""

    settings: Settings
    check: ForwardingCheck
    canaries: HeartbeatStore
    store: ForwardingStore
    outbox: MessageSink
    now: Callable[[], float]
    log: Logger

    def run(self) -> None:
        """Send first, then store: after a crash in between the difference is reported again."""
        members = sorted(self.canaries.last_canaries())
        reported, found = self.store.reported(), frozenset(self.check.differences(members))
        new, resolved = found - reported, reported - found
        if new or resolved:
            self.outbox.put(forwarding_messages(new, resolved, int(self.now()), self.settings))
        self.store.save(found)
        self.log.info("forwarding", extra={"members": len(members), "differences": len(found), "new": len(new)})

"""The heartbeat's work: read what was heard, tell what people do not know, remember what they know now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewatch.monitoring.heartbeat.judge import GRACE_SECONDS, Heard, judge
from gatewatch.monitoring.heartbeat.messages import heartbeat_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from logging import Logger

    from gatewatch.aws.organizations import Member
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import Outbox
    from gatewatch.monitoring.heartbeat.store import LastSeen


@dataclass(frozen=True)
class HeartbeatStage:
    """`organization` answers None when this account may not ask for it; then accounts.yaml is all that is expected."""

    settings: Settings
    last_seen: LastSeen
    outbox: Outbox
    organization: Callable[[], Sequence[Member] | None]
    now: Callable[[], float]
    silent_after: int
    log: Logger

    def run(self) -> None:
        """Told before it is remembered: a crash in between tells it again, under the same key."""
        now = int(self.now())
        told = self.last_seen.told(now)
        heard = Heard(self.last_seen.read(), self._expected(now), now, self.silent_after)
        findings, known = judge(heard, told)
        if not findings.is_empty:
            self.outbox.put(heartbeat_messages(findings, self.settings))
        self.last_seen.remember(known)
        self.log.info(
            "heartbeat",
            extra={"places": len(heard.seen), "silent": len(known.silent), "unheard": len(known.unheard)},
        )

    def _expected(self, now: int) -> frozenset[str]:
        """An account that has just joined is given the time to get its stack."""
        members = self.organization()
        if members is None:
            self.log.info("the organization cannot be asked; accounts.yaml alone says who is expected")
        joined = {member.id for member in members or () if now - member.joined > GRACE_SECONDS}
        return frozenset(self.settings.accounts) | joined

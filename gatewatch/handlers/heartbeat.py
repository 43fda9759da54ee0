"""Scheduled handler of the heartbeat: compares what was received with what is expected and reports changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.monitoring.heartbeat.evaluation import GRACE_SECONDS, HeartbeatState, evaluate
from gatewatch.monitoring.heartbeat.messages import heartbeat_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from logging import Logger

    from gatewatch.aws.organizations import OrganizationAccount
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import MessageSink
    from gatewatch.monitoring.heartbeat.store import HeartbeatStore, ReportedState


@dataclass(frozen=True)
class HeartbeatHandler:
    """`organization` returns None without access to AWS Organizations; only accounts.yaml is expected then."""

    settings: Settings
    last_seen: HeartbeatStore
    outbox: MessageSink
    organization: Callable[[], Sequence[OrganizationAccount] | None]
    now: Callable[[], float]
    silent_after: int
    log: Logger

    def run(self) -> None:
        """Send first, then store: after a crash in between the same messages are sent again under the same keys."""
        now = int(self.now())
        reported = self.last_seen.reported(now)
        expected = self._expected(now, reported)
        state = HeartbeatState(self.last_seen.last_canaries(), expected, now, self.silent_after)
        findings, known = evaluate(state, reported)
        if not findings.is_empty:
            self.outbox.put(heartbeat_messages(findings, self.settings))
        self.last_seen.save_reported(known)
        self.log.info(
            "heartbeat",
            extra={
                "places": len(state.last_canaries),
                "silent": len(known.silent),
                "never_reported": len(known.never_reported),
            },
        )

    def _expected(self, now: int, reported: ReportedState) -> frozenset[str]:
        """An account that joined recently is not expected yet: its stack may not be deployed.

        While AWS Organizations cannot be reached, the accounts of accounts.yaml are judged, and those that were
        reported as missing stay so.
        """
        try:
            members = self.organization()
        except (ClientError, BotoCoreError) as error:
            self.log.warning("AWS Organizations cannot be reached", extra={"reason": error_code(error)})
            return frozenset(self.settings.accounts) | frozenset(reported.never_reported)
        if members is None:
            self.log.info("no access to AWS Organizations; only the accounts of accounts.yaml are expected")
        joined = {member.id for member in members or () if now - member.joined > GRACE_SECONDS}
        return frozenset(self.settings.accounts) | joined

"""Notices to operators about events and messages that cannot be read."""

from __future__ import annotations

from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity

_MAX_REASON, _MAX_EXCERPT = 600, 1500


def unreadable_notice(message_id: str, reason: str, body: str, queue: str, language: str) -> OperatorNotice:
    """About a message of a queue that gave no alert, and the dead-letter queue in which it is now."""
    return OperatorNotice(
        key=f"unreadable-{message_id}",
        kind=NoticeKind.UNREADABLE,
        severity=Severity.HIGH,
        language=language,
        title=Sentence("unreadable_title"),
        paragraphs=(
            (Sentence("unreadable"),),
            (Sentence("unreadable_reason", {"reason": reason[:_MAX_REASON]}),),
            (Sentence("unreadable_queue", {"queue": queue, "message_id": message_id}),),
            (Sentence("unreadable_show", {"command": f"gatewatch dead-letters show {message_id}"}),),
        ),
        excerpt=body[:_MAX_EXCERPT],
    )

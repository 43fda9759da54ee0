"""The message that tests whether a destination accepts messages."""

from __future__ import annotations

import uuid

from gatewatch.model.message import OutboxMessage
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity


def build_test_message(destination: str, language: str) -> OutboxMessage:
    notice = OperatorNotice(
        key=f"test-{uuid.uuid4()}",
        kind=NoticeKind.TEST,
        severity=Severity.INFO,
        language=language,
        title=Sentence("test_title"),
        paragraphs=((Sentence("test", {"destination": destination}),),),
    )
    return OutboxMessage(destination=destination, notification=notice)

"""The test message of `gatewatch doctor --send`."""

from __future__ import annotations

import uuid

from markupsafe import Markup

from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code
from gatewatch.rendering.notices import OperatorNotice

_TITLE = "A test of gatewatch"


def build_test_message(destination: str, *, is_sns_topic: bool) -> Message:
    line = Markup("Alerts routed to ") + code(destination) + Markup(" arrive here. This is a test; nothing happened.")
    notice = OperatorNotice(title=f"✅ {_TITLE}", lines=(line,), subject=_TITLE, severity=Severity.INFO)
    key = f"test-{uuid.uuid4()}#{destination}"
    return Message(key=key, destination=destination, body=notice.body(key, is_sns_topic=is_sns_topic))

"""The message that asks a destination whether it takes messages."""

from __future__ import annotations

import uuid

from markupsafe import Markup

from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code
from gatewatch.rendering.notices import Notice

_TITLE = "A test of gatewatch"


def trial_message(destination: str, *, is_topic: bool) -> Message:
    said = Markup("Whoever reads this is told what is routed to ") + code(destination) + Markup(". Nothing happened.")
    told = Notice(title=f"✅ {_TITLE}", lines=(said,), subject=_TITLE, severity=Severity.INFO)
    key = f"test-{uuid.uuid4()}#{destination}"
    return Message(key=key, destination=destination, body=told.body(key, is_topic=is_topic))

"""The message that asks a destination whether it takes messages."""

from __future__ import annotations

import uuid

from markupsafe import Markup

from gatewatch.model import Message
from gatewatch.notice import notice
from gatewatch.safe_text import code

_TITLE = "✅ A test of gatewatch"


def trial_message(destination: str) -> Message:
    said = Markup("Whoever reads this is told what is routed to ") + code(destination) + Markup(". Nothing happened.")
    body = notice(_TITLE, [said]).decode()
    return Message(key=f"test-{uuid.uuid4()}#{destination}", destination=destination, body=body)

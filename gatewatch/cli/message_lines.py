"""`gatewatch replay --format slack`, `chatbot` and `email`: messages as they are sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from gatewatch.alerts.notifications import notification_of
from gatewatch.cli.printing import BytesPrinter
from gatewatch.config.paths import TEMPLATES
from gatewatch.model.message import OutboxMessage
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.cli.replay import Format
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert
    from gatewatch.model.severity import Severity
    from gatewatch.rendering.sns_body import SnsBody


def message_for(alert: Alert, destination: str = "") -> OutboxMessage:
    """The message that delivery would render."""
    return OutboxMessage(destination=destination, notification=notification_of(alert))


class SlackLines(BytesPrinter):
    """The payload of each Slack message, exactly as posted, one per line."""

    def __init__(self, settings: Settings, min_severity: Severity) -> None:
        self._renderer = SlackRenderer(load_templates(TEMPLATES), settings.colors)
        self._min_rank = min_severity.rank

    def encode(self, alert: Alert) -> bytes:
        if alert.severity.rank < self._min_rank:
            return b""
        return b"".join(msgspec.json.encode(each) + b"\n" for each in self._renderer.messages(message_for(alert)))


class SnsMessages(BytesPrinter):
    """SNS messages; `show` selects the body for one kind of subscriber and formats it."""

    def __init__(self, settings: Settings, min_severity: Severity, show: Callable[[SnsBody], bytes]) -> None:
        self._renderer = SnsRenderer(load_templates(TEMPLATES), settings.colors)
        self._min_rank = min_severity.rank
        self._show = show

    def encode(self, alert: Alert) -> bytes:
        if alert.severity.rank < self._min_rank:
            return b""
        return b"".join(map(self._show, self._renderer.messages(message_for(alert))))


def _chatbot_line(body: SnsBody) -> bytes:
    """The body for Amazon Q Developer in chat applications, exactly as published, one per line."""
    return msgspec.json.encode(body.chat) + b"\n"


def _email(body: SnsBody) -> bytes:
    """The e-mail with its subject; a line of equals signs separates e-mails."""
    return f"Subject: {body.subject}\n\n{body.mail}\n{'=' * 40}\n".encode()


_PRINTERS: Mapping[str, Callable[[Settings, Severity], BytesPrinter]] = {
    "slack": SlackLines,
    "chatbot": partial(SnsMessages, show=_chatbot_line),
    "email": partial(SnsMessages, show=_email),
}


def message_lines(output: Format, settings: Settings, min_severity: Severity) -> BytesPrinter:
    return _PRINTERS[output](settings, min_severity)

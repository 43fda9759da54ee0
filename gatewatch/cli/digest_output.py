"""What `gatewatch digest` prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from gatewatch.alerts.suppression import suppress
from gatewatch.config.paths import TEMPLATES
from gatewatch.digest.activity import activity_of
from gatewatch.digest.email import EmailTemplate, email_message, html_page
from gatewatch.digest.summary import summarize_activity
from gatewatch.rendering.digest.labels import load_digest_labels
from gatewatch.rendering.digest.messages import digest_color
from gatewatch.rendering.digest.sections import DigestText
from gatewatch.rendering.digest.text import digest_text, slack_blocks
from gatewatch.rendering.digest.view import digest_view
from gatewatch.rendering.escaping import mrkdwn
from gatewatch.rendering.slack_blocks import payload
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity import AlertActivity
    from gatewatch.model.alert import Alert
    from gatewatch.model.digest import Digest


class DigestPrinter:
    """A printer that prints one digest at the end, in the language and time zone of the defaults."""

    def __init__(self, settings: Settings, output: str, days: int | None) -> None:
        self._settings = settings
        self._output = output
        self._days = days
        self._activities: list[AlertActivity] = []

    def alert(self, alert: Alert) -> None:
        """Add an alert, with the exceptions that were active at its time."""
        if found := activity_of(alert, suppress(alert, self._settings.exceptions, alert.call.time).alert):
            self._activities.append(found)

    def close(self) -> None:
        language, zone = self._settings.defaults.language, self._settings.defaults.timezone
        labels = load_digest_labels(TEMPLATES, language)
        wording = DigestText(labels, load_labels(TEMPLATES, language), zone)
        found = summarize_activity(self._activities, self._settings, self._days)
        output = self._render(found, wording) if found else labels.digest["nothing"].encode()
        sys.stdout.buffer.write(output.rstrip() + b"\n")
        sys.stdout.buffer.flush()

    def _render(self, found: Digest, wording: DigestText) -> bytes:
        view = digest_view(found, wording)
        if self._output == "text":
            return digest_text(view).encode(errors="replace")
        if self._output == "slack":
            color = digest_color(found, self._settings.colors)
            return msgspec.json.encode(payload(color, mrkdwn(view.title), slack_blocks(view)))
        template = EmailTemplate(self._settings.defaults.language, TEMPLATES)
        return (
            html_page(view, template).encode(errors="replace")
            if self._output == "html"
            else email_message(view, template)
        )

"""`gatewatch digest`: read events, gather, and print the digest as text, Slack message, page or e-mail."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gatewatch.alerts.suppression import excepted
from gatewatch.config.paths import TEMPLATES
from gatewatch.digest.activity import noted
from gatewatch.digest.email import Paper, mail_of, page_of
from gatewatch.digest.labels import load_digest_labels
from gatewatch.digest.messages import digest_color
from gatewatch.digest.summary import digest_of
from gatewatch.digest.text import slack_payload, text_of
from gatewatch.digest.view import Wording, digest_view
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity import Noted
    from gatewatch.digest.summary import Digest
    from gatewatch.model.alert import Alert


class DigestPrinter:
    """A printer for `replay` that speaks once, at the end, in the language and zone of the defaults."""

    def __init__(self, settings: Settings, output: str, days: int | None) -> None:
        self._settings = settings
        self._output = output
        self._days = days
        self._noted: list[Noted] = []

    def alert(self, alert: Alert) -> None:
        """Each by the exceptions of its own time."""
        if found := noted(alert, excepted(alert, self._settings.exceptions, alert.call.time).alert):
            self._noted.append(found)

    def close(self) -> None:
        language, zone = self._settings.defaults.language, self._settings.defaults.timezone
        labels = load_digest_labels(TEMPLATES, (language,))[language]
        wording = Wording(labels, load_labels(TEMPLATES, language), zone)
        found = digest_of(self._noted, self._settings, self._days)
        made = self._made(found, wording) if found else labels.digest["nothing"].encode()
        sys.stdout.buffer.write(made.rstrip() + b"\n")
        sys.stdout.buffer.flush()

    def _made(self, found: Digest, wording: Wording) -> bytes:
        view = digest_view(found, wording)
        if self._output == "text":
            return text_of(view).encode(errors="replace")
        if self._output == "slack":
            return slack_payload(view, digest_color(found, self._settings.colors))
        paper = Paper(wording.alert, self._settings.defaults.language, TEMPLATES)
        return page_of(view, paper).encode(errors="replace") if self._output == "html" else mail_of(view, paper)

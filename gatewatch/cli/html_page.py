"""`gatewatch replay --format html`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatewatch.alerts.routing import route
from gatewatch.cli.message_lines import message_for
from gatewatch.config.paths import TEMPLATES
from gatewatch.errors import ConfigurationError
from gatewatch.local.slack.inbox import ReceivedMessage
from gatewatch.local.slack.page import render_page
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.templates import load_templates

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert
    from gatewatch.model.severity import Severity

ALERTS_PER_PAGE = 200


class HtmlPage:
    """The messages as an HTML page that looks like Slack. A page has the messages of ALERTS_PER_PAGE alerts."""

    def __init__(self, settings: Settings, min_severity: Severity, page: int) -> None:
        self._page = page
        self._alerts = 0
        self._renderer = SlackRenderer(load_templates(TEMPLATES), settings.colors)
        self._settings = settings
        self._min_rank = min_severity.rank
        self._received: list[ReceivedMessage] = []

    def alert(self, alert: Alert) -> None:
        if alert.severity.rank < self._min_rank:
            return
        self._alerts += 1
        if (self._alerts - 1) // ALERTS_PER_PAGE != self._page - 1:
            return
        channels = route(alert, self._settings) or ("no destination",)
        at = alert.call.time or datetime.fromtimestamp(0, UTC)
        for message in self._renderer.messages(message_for(alert)):
            for channel in channels:
                self._received.append(ReceivedMessage(len(self._received) + 1, channel, message, at))

    def close(self) -> None:
        pages = max(1, -(-self._alerts // ALERTS_PER_PAGE))
        if self._page > pages:
            raise ConfigurationError(f"--page {self._page}: the last page is {pages}.")
        title = "gatewatch replay" if pages == 1 else f"gatewatch replay, page {self._page} of {pages}"
        sys.stdout.buffer.write(render_page(self._received, live=False, title=title).encode())
        sys.stdout.buffer.flush()
        if pages > 1:
            sys.stderr.write(
                f"gatewatch: page {self._page} of {pages} with {ALERTS_PER_PAGE} alerts each; select one with --page\n"
            )

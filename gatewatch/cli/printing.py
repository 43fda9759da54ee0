"""Printers of alerts, and the one of each output format. A format imports only what it needs."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gatewatch.cli.replay import Format
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert
    from gatewatch.model.severity import Severity


class Printer(Protocol):
    def alert(self, alert: Alert) -> None: ...

    def close(self) -> None: ...


class BytesPrinter(ABC):
    """A printer whose output for an alert depends on that alert only, so that any process can make it."""

    @abstractmethod
    def encode(self, alert: Alert) -> bytes: ...

    def alert(self, alert: Alert) -> None:
        self.write(self.encode(alert))

    def write(self, encoded: bytes) -> None:
        sys.stdout.buffer.write(encoded)

    def close(self) -> None:
        sys.stdout.buffer.flush()


def printer_for(output: Format, settings: Settings, min_severity: Severity, page: int = 1) -> Printer:
    """The printer of a format; `page` counts from 1 and is for HTML."""
    match output:
        case "json":
            from gatewatch.cli.json_lines import JsonLines

            return JsonLines(min_severity)
        case "text":
            from gatewatch.cli.text_lines import TextLines

            return TextLines(settings, min_severity)
        case "html":
            from gatewatch.cli.html_page import HtmlPage

            return HtmlPage(settings, min_severity, page)
        case _:
            from gatewatch.cli.message_lines import message_lines

            return message_lines(output, settings, min_severity)

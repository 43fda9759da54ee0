"""Bodies of the messages of an alert, rendered once per kind of destination."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gatewatch.rendering.extra_sections import with_extra_sections
from gatewatch.rendering.slack import slack_payloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert
    from gatewatch.rendering.extra_sections import ExtraSection
    from gatewatch.rendering.templates import Templates


class MessageBodies:
    def __init__(
        self, alert: Alert, templates: Templates, settings: Settings, extras: Sequence[ExtraSection] = ()
    ) -> None:
        """`extras` are shown in the first message, or in the next one where they do not fit."""
        self._alert = alert
        self._templates = templates
        self._settings = settings
        self._extras = extras

    def for_destination(self, destination: str) -> list[str]:
        """Raises `RenderError` when the channel would reject one."""
        return self._sns if self._settings.is_sns_topic(destination) else self._slack

    @cached_property
    def _slack(self) -> list[str]:
        first, *others = slack_payloads(self._alert, self._templates, self._settings.colors)
        complete = with_extra_sections(first, self._extras) if self._extras else first
        return [payload.decode() for payload in (complete, *others)]

    @cached_property
    def _sns(self) -> list[str]:
        """The renderer is imported when the first alert is routed to a topic."""
        from gatewatch.rendering.sns import sns_bodies  # noqa: PLC0415

        colors = self._settings.colors
        return [each.encode() for each in sns_bodies(self._alert, self._templates, colors, self._extras)]

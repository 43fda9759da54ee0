"""Alert -> the bodies of its messages at each destination: worded once for each kind, when the first wants it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gatewatch.rendering.extra_sections import with_extras
from gatewatch.rendering.slack import slack_payloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert
    from gatewatch.rendering.extra_sections import Extra
    from gatewatch.rendering.slack import Templates


class Bodies:
    def __init__(self, alert: Alert, templates: Templates, settings: Settings, extras: Sequence[Extra] = ()) -> None:
        """`extras` stand in the first message, or, where they have no room in it, in one after it."""
        self._alert = alert
        self._templates = templates
        self._settings = settings
        self._extras = extras

    def of(self, destination: str) -> list[str]:
        """Raises `RenderError` when the channel would refuse one."""
        return self._topic if self._settings.is_topic(destination) else self._slack

    @cached_property
    def _slack(self) -> list[str]:
        first, *others = slack_payloads(self._alert, self._templates, self._settings.colors)
        whole = with_extras(first, self._extras) if self._extras else first
        return [payload.decode() for payload in (whole, *others)]

    @cached_property
    def _topic(self) -> list[str]:
        """What words it is imported when the first alert goes to a topic."""
        from gatewatch.rendering.sns import topic_bodies  # noqa: PLC0415

        colors = self._settings.colors
        return [each.encode() for each in topic_bodies(self._alert, self._templates, colors, self._extras)]

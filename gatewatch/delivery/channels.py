"""The channels of delivery: for each kind of destination a renderer and a sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from gatewatch.config.destinations import SlackApp, SlackWebhook, SnsTopic
from gatewatch.delivery.slack import Slack
from gatewatch.delivery.sns import Sns
from gatewatch.errors import PermanentDeliveryError, RenderError
from gatewatch.model.message import Receipt
from gatewatch.rendering.presentation import Cut, Presentation
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer

if TYPE_CHECKING:
    from gatewatch.config.destinations import Destination
    from gatewatch.model.message import Content, OutboxMessage, Rollup
    from gatewatch.model.slack_thread import ParentMessage


class Renderer(Protocol):
    """Renders messages of one kind of destination. `render` raises `RenderError`."""

    def cut(self, message: OutboxMessage, /) -> Cut: ...

    def render(self, content: Content, presentation: Presentation, /) -> Any: ...


class Channel(Struct, frozen=True):
    """`send` takes the name of a destination, what the renderer returned, and the settings of the destination.

    It raises `TransientDeliveryError` or `PermanentDeliveryError`.
    """

    renderer: Renderer
    send: Callable[[str, Any, Any], Receipt]


class Channels(Struct, frozen=True):
    """`others` are the channels of destinations that are neither Slack nor SNS, by the type of their settings."""

    slack: Slack
    slack_renderer: SlackRenderer
    sns: Sns
    sns_renderer: SnsRenderer
    others: Mapping[type, Channel] = {}

    def cut(self, message: OutboxMessage, destination: Destination) -> Cut:
        """Divide the notification of a message into parts for a destination. Raises `PermanentDeliveryError`."""
        try:
            return self._channel(destination).renderer.cut(message)
        except RenderError as error:
            raise PermanentDeliveryError(str(error)) from error

    def fits(self, rollup: Rollup) -> bool:
        """Whether Slack accepts a roll-up as one message."""
        return self.slack_renderer.fits(rollup)

    def post(
        self, content: Content, presentation: Presentation, destination: Destination, thread_ts: str = ""
    ) -> Receipt:
        """Render and send. Raises `TransientDeliveryError` or `PermanentDeliveryError`."""
        channel = self._channel(destination)
        try:
            rendered = channel.renderer.render(content, presentation)
        except RenderError as error:
            raise PermanentDeliveryError(str(error)) from error
        if isinstance(destination, SlackApp):
            return self.slack.post(content.destination, rendered, destination, thread_ts, presentation.mark)
        return channel.send(content.destination, rendered, destination)

    def update(self, parent: ParentMessage, destination: SlackApp) -> None:
        """Render a posted message with its state and replace it. Raises as `post` does."""
        if parent.content is not None:
            payload = self.slack_renderer.render(parent.content, Presentation(cut=parent.cut, state=parent.state))
            self.slack.update(parent.channel, parent.ts, payload, destination)

    def _channel(self, destination: Destination) -> Channel:
        if isinstance(destination, SlackApp | SlackWebhook):
            return Channel(self.slack_renderer, self.slack.post)
        if isinstance(destination, SnsTopic):
            return Channel(self.sns_renderer, self.sns.publish)
        return self.others[type(destination)]

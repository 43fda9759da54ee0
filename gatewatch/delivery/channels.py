"""The channels of delivery: a renderer and a client for each kind of destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.destinations import SnsTopic
from gatewatch.delivery.slack import Slack
from gatewatch.delivery.sns import Sns
from gatewatch.errors import PermanentDeliveryError, RenderError
from gatewatch.rendering.presentation import Cut, Presentation
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer

if TYPE_CHECKING:
    from gatewatch.config.destinations import Destination, SlackApp
    from gatewatch.model.message import Content, OutboxMessage, Receipt, Rollup
    from gatewatch.model.slack_thread import ParentMessage


class Channels(Struct, frozen=True):
    slack: Slack
    slack_renderer: SlackRenderer
    sns: Sns
    sns_renderer: SnsRenderer

    def cut(self, message: OutboxMessage, destination: Destination) -> Cut:
        """Divide the notification of a message into parts for a destination. Raises `PermanentDeliveryError`."""
        renderer = self.sns_renderer if isinstance(destination, SnsTopic) else self.slack_renderer
        try:
            return renderer.cut(message)
        except RenderError as error:
            raise PermanentDeliveryError(str(error)) from error

    def fits(self, rollup: Rollup) -> bool:
        """Whether Slack accepts a roll-up as one message."""
        return self.slack_renderer.fits(rollup)

    def post(
        self, content: Content, presentation: Presentation, destination: Destination, thread_ts: str = ""
    ) -> Receipt:
        """Render and send. Raises `TransientDeliveryError` or `PermanentDeliveryError`."""
        try:
            if isinstance(destination, SnsTopic):
                body = self.sns_renderer.render(content, presentation)
                return self.sns.publish(content.destination, body, destination)
            payload = self.slack_renderer.render(content, presentation)
            return self.slack.post(content.destination, payload, destination, thread_ts)
        except RenderError as error:
            raise PermanentDeliveryError(str(error)) from error

    def update(self, parent: ParentMessage, destination: SlackApp) -> None:
        """Render a posted message with its state and replace it. Raises as `post` does."""
        if parent.content is not None:
            payload = self.slack_renderer.render(parent.content, Presentation(cut=parent.cut, state=parent.state))
            self.slack.update(parent.channel, parent.ts, payload, destination)

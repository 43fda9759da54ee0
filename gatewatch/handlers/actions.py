"""Function URL handler: verifies a request of Slack and puts the click on a queue, or opens a dialog.

It answers within three seconds, because Slack shows an error otherwise. It decides nothing about the alert.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewatch.actions.click import click_of, dialog_of, is_ours, payload_of
from gatewatch.actions.dialogs import (
    dialog_view,
    needs_dialog,
    not_recorded_answer,
    not_recorded_view,
    submitted_click,
)
from gatewatch.aws import metrics
from gatewatch.errors import DeliveryError, UndecodableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from logging import Logger

    from gatewatch.actions.click import Click
    from gatewatch.actions.click_queue import ClickQueue, ReplayMarks
    from gatewatch.actions.signing_secrets import SigningSecrets
    from gatewatch.actions.slack_api import SlackApi
    from gatewatch.actions.slack_signature import SignedRequest
    from gatewatch.aws.metrics import Meter
    from gatewatch.config.actions import ActionSettings

    Answer = dict[str, Any]

ACCEPTED, UNVERIFIED, FORBIDDEN, UNREADABLE, NOT_RECORDED = (
    {"statusCode": status} for status in (200, 401, 403, 400, 503)
)


@dataclass(frozen=True)
class ClickHandler:
    """`texts` returns the section `action` of the labels of a language, of the hub's for an empty one."""

    settings: ActionSettings
    secrets: SigningSecrets
    marks: ReplayMarks
    queue: ClickQueue
    slack: SlackApi
    texts: Callable[[str], Mapping[str, str]]
    now: Callable[[], float]
    log: Logger
    meter: Meter

    def handle(self, request: SignedRequest) -> Answer:
        """Every failed verification has the same answer."""
        try:
            is_verified = self.secrets.verifies(request)
        except DeliveryError as error:
            self.log.error("the signing secret cannot be read", extra={"reason": str(error)})  # noqa: TRY400  no secrets
            return NOT_RECORDED
        if not is_verified:
            self.log.warning("not signed by Slack")
            return UNVERIFIED
        try:
            return self._verified(request)
        except UndecodableError as error:
            self.log.warning("not readable", extra={"reason": str(error)})
            return UNREADABLE

    def _verified(self, request: SignedRequest) -> Answer:
        payload = payload_of(request)
        if payload is None:
            return ACCEPTED
        if not is_ours(payload, self.settings):
            self.log.warning("from another workspace or app")
            return FORBIDDEN
        if click := click_of(payload, request.digest, self.now()):
            return self._clicked(click)
        if dialog := dialog_of(payload):
            click = submitted_click(dialog, request.digest, self.now(), self.secrets.current)
            if not self._is_recorded(click):
                return _json(not_recorded_answer(dialog, self.texts(click.language)))
        return ACCEPTED

    def _clicked(self, click: Click) -> Answer:
        """A click that cannot be recorded is answered by a dialog that says so: Slack shows no text of an answer."""
        if needs_dialog(click.button):
            is_open = self._is_opened(click, dialog_view(click, self.texts(click.language), self.secrets.current[0]))
            return ACCEPTED if is_open else NOT_RECORDED
        if self._is_recorded(click):
            return ACCEPTED
        return ACCEPTED if self._is_opened(click, not_recorded_view(self.texts(click.language))) else NOT_RECORDED

    def _is_opened(self, click: Click, view: dict[str, Any]) -> bool:
        try:
            self.slack.call("views.open", {"trigger_id": click.trigger, "view": view})
        except DeliveryError as error:
            self.log.warning("dialog not opened", extra={"reason": str(error)})
            return False
        return True

    def _is_recorded(self, click: Click) -> bool:
        """Whether a click is on the queue; a repeated request counts as recorded and is not put there again."""
        try:
            if self.marks.add(click.key):
                self._put(click)
        except DeliveryError as error:
            self.log.error("click not recorded", extra={"reason": str(error)})  # noqa: TRY400  the cause is in the reason
            self.meter.count(metrics.CLICKS_NOT_RECORDED)
            return False
        return True

    def _put(self, click: Click) -> None:
        try:
            self.queue.put(click)
        except DeliveryError:
            self.marks.remove(click.key)
            raise
        self.meter.count(metrics.CLICKS)


def _json(answer: dict[str, Any]) -> Answer:
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}

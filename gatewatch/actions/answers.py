"""What one person sees only: why a click was refused, and the question to the actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.errors import DeliveryError
from gatewatch.model.alert_actions import ActionButton, ShownActions
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.notices import notice_title, sentence_mrkdwn
from gatewatch.rendering.slack_actions import question_blocks
from gatewatch.rendering.time_text import utc_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from logging import Logger

    from gatewatch.actions.click import Click
    from gatewatch.actions.slack_api import SlackApi
    from gatewatch.model.alert_actions import AlertActions, Person
    from gatewatch.model.notification import AlertNotification
    from gatewatch.rendering.text.labels import Labels


class Answers:
    """`labels` returns the texts of a language."""

    def __init__(self, slack: SlackApi, labels: Callable[[str], Labels], log: Logger) -> None:
        self._slack = slack
        self._labels = labels
        self._log = log

    def refuse(self, click: Click, reason: str, language: str) -> None:
        """Tell the person why nothing was done. A text that cannot be posted changes nothing, so it is only logged."""
        self.tell(click, self._labels(language).action[f"refused_{reason}"])

    def explain(self, click: Click, sentences: Iterable[Sentence], language: str) -> None:
        """The same with sentences of `notice`."""
        labels = self._labels(language)
        self.tell(click, "\n".join(str(sentence_mrkdwn(each, labels)) for each in sentences))

    def tell(self, click: Click, text: str) -> None:
        fields = {"channel": click.channel, "user": click.user, "text": text}
        try:
            self._slack.call("chat.postEphemeral", fields)
        except DeliveryError as error:
            self._log.warning("not answered", extra={"reason": str(error)})

    def ask(self, alert: str, actions: AlertActions, notification: AlertNotification, person: Person) -> None:
        """Ask the actor in a direct message. Raises `DeliveryError`."""
        call, labels = notification.alert.call, self._labels(notification.language)
        when = utc_time(call.time) if call.time else ""
        facts = {"call": call.event_name, "account_id": call.account_id, "time": when}
        question = OperatorNotice(
            key="question",
            kind=NoticeKind.ACTION,
            severity=Severity.INFO,
            title=Sentence("action_question"),
            paragraphs=(
                (Sentence("action_question_call", facts),),
                (Sentence("action_question_text", {"person": person.name or person.id}),),
            ),
            language=notification.language,
        )
        shown = ShownActions(alert, (ActionButton.ANSWER_YES, ActionButton.ANSWER_NO), actions)
        blocks = question_blocks(question, shown, labels)
        fields = {"channel": actions.asked, "text": notice_title(question, labels), "blocks": blocks}
        self._slack.call("chat.postMessage", fields)

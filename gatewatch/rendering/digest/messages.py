"""A digest notification as a Slack payload and as an SNS body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.model.severity import Severity
from gatewatch.rendering.digest.sections import DigestText
from gatewatch.rendering.digest.sns import sns_digest
from gatewatch.rendering.digest.text import digest_text, slack_blocks
from gatewatch.rendering.digest.view import digest_view
from gatewatch.rendering.escaping import mrkdwn
from gatewatch.rendering.slack_blocks import context, payload
from gatewatch.rendering.sns_escaping import mail_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from gatewatch.config.settings import Colors
    from gatewatch.model.digest import Digest
    from gatewatch.model.notification import DigestNotification
    from gatewatch.rendering.digest.sections import DigestView
    from gatewatch.rendering.sns_body import SnsBody
    from gatewatch.rendering.templates import Templates


def digest_payload(
    notification: DigestNotification, leading: Sequence[Markup], templates: Templates, colors: Colors
) -> dict[str, Any]:
    view = _view(notification, templates)
    blocks = [*map(context, leading), *slack_blocks(view)]
    return payload(digest_color(notification.digest, colors), mrkdwn(view.title), blocks)


def digest_sns_body(notification: DigestNotification, leading: Sequence[Markup], templates: Templates) -> SnsBody:
    digest, first, days = notification.digest, notification.first_day, notification.days
    when = first if days == 1 else f"{first}, {days} days"
    events = "1 event" if digest.events == 1 else f"{digest.events} events"
    public = f"{digest.public_count} public or shared outside, " if digest.public_count else ""
    subject = f"gatewatch digest {when}: {digest.open_count} open to the internet, {public}{events}"
    return sns_digest(_view(notification, templates), subject, leading)


def plain_digest(notification: DigestNotification, templates: Templates) -> tuple[str, str]:
    """Return the title and the whole text, as an e-mail has it."""
    view = _view(notification, templates)
    return view.title, digest_text(view, mail_value, with_links=True)


def digest_color(digest: Digest, colors: Colors) -> str:
    """Return the colour of the most severe open exposure."""
    if digest.worst_open is None:
        return colors.unchanged if digest.missing_events else colors.resolved
    return colors.critical if digest.worst_open is Severity.CRITICAL else colors.high


def _view(notification: DigestNotification, templates: Templates) -> DigestView:
    language = notification.language
    text = DigestText(templates.digest_labels(language), templates.labels(language), notification.timezone)
    return digest_view(notification.digest, text)

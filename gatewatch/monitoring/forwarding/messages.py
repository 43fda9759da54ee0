"""Notices about members whose forwarding is not as deployed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code, mrkdwn, sanitize
from gatewatch.rendering.notices import OperatorNotice, notice_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.model.message import Message
    from gatewatch.monitoring.forwarding.check import Difference

_MAX_LINES = 25
_MAX_ALIAS = 80
_MAX_DETAIL = 300
_NEXT_STEP = Markup("Details and remedies: ") + code("gatewatch doctor")


def forwarding_messages(
    found: Iterable[Difference], resolved: Iterable[Difference], at: int, settings: Settings
) -> list[Message]:
    """Return a notice for each account with new differences, and one for those that are resolved.

    `at` is in seconds since 1970: the same difference, found again later, is another notice.
    """
    by_account: dict[str, list[Difference]] = {}
    for each in found:
        by_account.setdefault(each.account_id, []).append(each)
    notices = [_found(account_id, each, settings) for account_id, each in sorted(by_account.items())]
    notices += [_resolved(sorted(resolved), settings)] if resolved else []
    return [message for notice in notices for message in _messages(notice, at, settings)]


def _found(account_id: str, differences: list[Difference], settings: Settings) -> OperatorNotice:
    title = f"Forwarding of {_alias(account_id, settings)} differs from what was deployed"
    text = Markup("Events may not reach the hub, although canaries do:")
    lines = (text, *_lines(sorted(differences)), _NEXT_STEP)
    return OperatorNotice(
        title=f"🛑 {title}",
        lines=lines,
        subject=title,
        severity=Severity.HIGH,
        color=settings.colors.high,
        account_id=account_id,
    )


def _resolved(differences: list[Difference], settings: Settings) -> OperatorNotice:
    title = "Forwarding is as deployed again"
    text = Markup("Alerts for the time in between may be missing; CloudTrail has the events.")
    lines = (text, *_lines(differences))
    color = settings.colors.resolved
    return OperatorNotice(title=f"✅ {title}", lines=lines, subject=title, severity=Severity.INFO, color=color)


def _alias(account_id: str, settings: Settings) -> str:
    return sanitize(f"{settings.account(account_id).alias} {account_id}", _MAX_ALIAS)


def _lines(differences: list[Difference]) -> Iterator[Markup]:
    lines = [
        Markup("• {} {} ").format(code(each.account_id), mrkdwn(each.region))
        + mrkdwn(sanitize(each.detail, _MAX_DETAIL))
        for each in differences[:_MAX_LINES]
    ]
    more = len(differences) - _MAX_LINES
    yield Markup("\n").join([*lines, *([mrkdwn(f"… and {more} more")] if more > 0 else [])])


def _messages(notice: OperatorNotice, at: int, settings: Settings) -> list[Message]:
    text = "\n".join((str(at), notice.title, *notice.lines))
    identity = hashlib.sha256(text.encode()).hexdigest()[:32]
    return notice_messages(notice, f"forwarding-{identity}", settings.default_destinations, settings)

"""Notices about members whose forwarding is not as deployed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import json

from gatewatch.model.message import addressed
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.model.message import OutboxMessage
    from gatewatch.monitoring.forwarding.check import Difference

_MAX_LINES = 25
_MAX_ALIAS = 80
_MAX_DETAIL = 300
_NEXT_STEP = Sentence("forwarding_remedies", {"command": "gatewatch doctor"})


def forwarding_messages(
    found: Iterable[Difference], resolved: Iterable[Difference], at: int, settings: Settings
) -> list[OutboxMessage]:
    """Return a notice for each account with new differences, and one for those that are resolved.

    `at` is in seconds since 1970: the same difference, found again later, is another notice.
    """
    by_account: dict[str, list[Difference]] = {}
    for each in found:
        by_account.setdefault(each.account_id, []).append(each)
    notices = [_found(account_id, sorted(each), at, settings) for account_id, each in sorted(by_account.items())]
    if ended := sorted(resolved):
        notices.append(_resolved(ended, at, settings))
    return [message for notice in notices for message in addressed(notice, settings.default_destinations)]


def _found(account_id: str, differences: Sequence[Difference], at: int, settings: Settings) -> OperatorNotice:
    alias = settings.account(account_id).alias[:_MAX_ALIAS]
    title = Sentence("forwarding_title", {"account": f"{alias} {account_id}"})
    return OperatorNotice(
        key=_key(at, title, differences),
        kind=NoticeKind.DIFFERENT,
        severity=Severity.HIGH,
        language=settings.defaults.language,
        title=title,
        paragraphs=((Sentence("forwarding"),), _lines(differences), (_NEXT_STEP,)),
        account_id=account_id,
    )


def _resolved(differences: Sequence[Difference], at: int, settings: Settings) -> OperatorNotice:
    title = Sentence("forwarding_resolved_title")
    return OperatorNotice(
        key=_key(at, title, differences),
        kind=NoticeKind.RESOLVED,
        severity=Severity.INFO,
        language=settings.defaults.language,
        title=title,
        paragraphs=((Sentence("recovered"),), _lines(differences)),
    )


def _lines(differences: Sequence[Difference]) -> tuple[Sentence, ...]:
    lines = [
        Sentence(
            "forwarding_line",
            {"account_id": each.account_id, "region": each.region, "detail": each.detail[:_MAX_DETAIL]},
        )
        for each in differences[:_MAX_LINES]
    ]
    more = len(differences) - _MAX_LINES
    return (*lines, Sentence("more_lines", {"count": str(more)})) if more > 0 else tuple(lines)


def _key(at: int, title: Sentence, differences: Sequence[Difference]) -> str:
    return f"forwarding-{hashlib.sha256(json.encode((at, title, differences))).hexdigest()[:32]}"

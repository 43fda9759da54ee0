"""A week before an exception runs out, its owner is asked; once, wherever the owner listens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import clean, code, mrkdwn
from gatewatch.rendering.notices import Notice, messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.config.settings import Settings
    from gatewatch.config.suppression_rules import PolicyException
    from gatewatch.digest.labels import DigestLabels
    from gatewatch.model.message import Message

BEFORE = timedelta(days=7)
_KEY = {"pk": {"S": "heartbeat#reminded"}}
_REASON = 600


def due(exceptions: Iterable[PolicyException], now: datetime, reminded: frozenset[str]) -> list[PolicyException]:
    """Those in their last week of which nobody was reminded yet. One that was prolonged comes round again."""
    return [
        each for each in exceptions if each.holds(now) and not each.holds(now + BEFORE) and name(each) not in reminded
    ]


def name(exception: PolicyException) -> str:
    return f"{exception.id}#{exception.expires.isoformat()}"


def listeners(exception: PolicyException, settings: Settings) -> tuple[str, ...]:
    """Where the owner listens: as the exception says, else the accounts of that owner, else who hears everything."""
    owned = [account for account in settings.accounts.values() if account.owner == exception.owner]
    theirs = dict.fromkeys(place for account in owned for place in account.destinations)
    return exception.remind or tuple(theirs) or settings.default_destinations


def reminders(
    exceptions: Sequence[PolicyException], settings: Settings, labels: Mapping[str, DigestLabels]
) -> Iterator[Message]:
    said, english = labels[settings.defaults.language].reminder, labels["en"].reminder
    for exception in exceptions:
        told = _notice(exception, said, english)
        yield from messages(told, f"reminder-{name(exception)}", listeners(exception, settings), settings)


def _notice(exception: PolicyException, said: Mapping[str, str], english: Mapping[str, str]) -> Notice:
    values = {"exception": exception.id, "date": exception.expires.isoformat()}
    lines = [
        mrkdwn(said["what"].format(**values)),
        *(
            Markup("*{}* {}").format(mrkdwn(said[key]), code(clean(value, _REASON)))
            for key, value in (
                ("owner", exception.owner),
                ("reason", exception.reason),
                ("ticket", exception.ticket),
                ("effect", said[exception.effect.replace("-", "_")]),
            )
        ),
        mrkdwn(said["next"]),
    ]
    return Notice(
        title="⏳ " + said["title"].format(**values),
        lines=(Markup("\n").join(lines),),
        subject=english["title"].format(**values),
        severity=Severity.MEDIUM,
    )


class Reminded:
    """What people were reminded of: one row of the hub's table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self) -> frozenset[str]:
        row: Any = self._dynamodb.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True).get("Item")
        return frozenset(msgspec.json.decode(row["reminded"]["S"], type=list[str])) if row else frozenset()

    def write(self, names: Iterable[str]) -> None:
        kept = msgspec.json.encode(sorted(names)).decode()
        self._dynamodb.put_item(TableName=self._table, Item={**_KEY, "reminded": {"S": kept}})

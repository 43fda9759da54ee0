"""What AWS Config invokes a custom rule with -> one typed value (Config developer guide, example events)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.errors import UndecodableError

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws

SECURITY_GROUP = "AWS::EC2::SecurityGroup"
_THERE = frozenset({"OK", "ResourceDiscovered"})


class Item(Struct, frozen=True, kw_only=True):
    """A configuration item, or the summary of one; then `configuration` is None. `captured_at` as Config wrote it."""

    resource_type: str
    resource_id: str
    status: str
    captured_at: str
    configuration: dict[str, Any] | None = None

    @property
    def is_there(self) -> bool:
        return self.status in _THERE


class Changed(Struct, frozen=True):
    item: Item


class Scheduled(Struct, frozen=True):
    at: str


class Invocation(Struct, frozen=True, kw_only=True):
    """`account_id` is the member that owns the rule; its Config made the token, so only its credentials can use it."""

    account_id: str
    region: str
    partition: str
    rule_name: str
    token: str
    message: Changed | Scheduled
    left_scope: bool = False
    parameters: dict[str, str] = {}


def read_invocation(event: dict[str, Any]) -> Invocation:
    """Raises `UndecodableError` for what no Config sends."""
    try:
        invoking = msgspec.json.decode(event["invokingEvent"])
        _, partition, _, region, *_ = event["configRuleArn"].split(":")
        return Invocation(
            account_id=event["accountId"],
            region=region,
            partition=partition,
            rule_name=event["configRuleName"],
            token=event["resultToken"],
            message=_message(invoking),
            left_scope=bool(event.get("eventLeftScope")),
            parameters=msgspec.json.decode(event.get("ruleParameters") or "{}", type=dict[str, str]),
        )
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise UndecodableError("invocation", f"is none of AWS Config ({type(error).__name__}: {error})") from error


def _message(invoking: dict[str, Any]) -> Changed | Scheduled:
    match invoking["messageType"]:
        case "ConfigurationItemChangeNotification":
            return Changed(_item(invoking["configurationItem"]))
        case "OversizedConfigurationItemChangeNotification":
            return Changed(_item(invoking["configurationItemSummary"]))
        case "ScheduledNotification":
            return Scheduled(invoking["notificationCreationTime"])
        case other:
            raise ValueError(f"{other} is a message this rule did not subscribe to")


def _item(fields: dict[str, Any]) -> Item:
    """GetResourceConfigHistory gives `configuration` as JSON text, an event as an object."""
    configuration = fields.get("configuration")
    if isinstance(configuration, str):
        configuration = msgspec.json.decode(configuration)
    return Item(
        resource_type=fields["resourceType"],
        resource_id=fields["resourceId"],
        status=fields["configurationItemStatus"],
        captured_at=str(fields["configurationItemCaptureTime"]),
        configuration=configuration if isinstance(configuration, dict) else None,
    )


def whole(item: Item, member: Aws) -> Item:
    """An oversized item comes as a summary; the rest of it is fetched. Raises `ClientError`, `UndecodableError`."""
    if item.configuration is not None or not item.is_there:
        return item
    answer = member.config.get_resource_config_history(
        resourceType=item.resource_type,  # type: ignore[arg-type]
        resourceId=item.resource_id,
        laterTime=item.captured_at,
        limit=1,
    )
    for fields in answer["configurationItems"]:
        return _item({**fields, "configurationItemCaptureTime": item.captured_at})
    raise UndecodableError(item.resource_id, "has no configuration history that could be read")

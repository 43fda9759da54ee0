"""Reads the event with which AWS Config invokes a custom rule (Config developer guide, example events)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.errors import UndecodableError
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws

SECURITY_GROUP = "AWS::EC2::SecurityGroup"
TEST_TOKEN = "TESTMODE"  # noqa: S105  the token of a test run
_EXISTING = frozenset({"OK", "ResourceDiscovered"})


class ConfigurationItem(Struct, frozen=True, kw_only=True):
    """A configuration item; `configuration` is None in a summary. `captured_at`: in the form that Config sent."""

    resource_type: str
    resource_id: str
    status: str
    captured_at: str
    configuration: dict[str, Any] | None = None

    @property
    def exists(self) -> bool:
        return self.status in _EXISTING


class ItemChanged(Struct, frozen=True):
    """A change of one resource."""

    item: ConfigurationItem


class ScheduledRun(Struct, frozen=True):
    """A periodic evaluation of all resources."""

    at: str


class Invocation(Struct, frozen=True, kw_only=True):
    """One invocation. `account_id`: the member that owns the rule; `token` is valid with its credentials only."""

    account_id: str
    region: str
    partition: str
    rule_name: str
    token: str
    message: ItemChanged | ScheduledRun
    left_scope: bool = False
    parameters: dict[str, str] = {}

    @property
    def is_test(self) -> bool:
        """Whether Config only tests the rule: it then stores no evaluation."""
        return self.token == TEST_TOKEN


def read_invocation(event: dict[str, Any]) -> Invocation:
    """Read an invocation. Raises `UndecodableError` for anything that AWS Config does not send."""
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
            parameters=decode_json(event.get("ruleParameters") or "{}", dict[str, str]),
        )
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise UndecodableError(
            "invocation", f"is not an invocation by AWS Config ({type(error).__name__}: {error})"
        ) from error


def _message(invoking: dict[str, Any]) -> ItemChanged | ScheduledRun:
    match invoking["messageType"]:
        case "ConfigurationItemChangeNotification":
            return ItemChanged(_item(invoking["configurationItem"]))
        case "OversizedConfigurationItemChangeNotification":
            return ItemChanged(_item(invoking["configurationItemSummary"]))
        case "ScheduledNotification":
            return ScheduledRun(invoking["notificationCreationTime"])
        case other:
            raise ValueError(f"{other} is a message this rule did not subscribe to")


def _item(fields: dict[str, Any]) -> ConfigurationItem:
    """GetResourceConfigHistory returns `configuration` as JSON text, an event as an object."""
    configuration = fields.get("configuration")
    if isinstance(configuration, str):
        configuration = msgspec.json.decode(configuration)
    return ConfigurationItem(
        resource_type=fields["resourceType"],
        resource_id=fields["resourceId"],
        status=fields["configurationItemStatus"],
        captured_at=str(fields["configurationItemCaptureTime"]),
        configuration=configuration if isinstance(configuration, dict) else None,
    )


def with_configuration(item: ConfigurationItem, member: Aws) -> ConfigurationItem:
    """Return the item with its configuration, fetched where Config sent only a summary.

    Raises `ClientError`, `UndecodableError`.
    """
    if item.configuration is not None or not item.exists:
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

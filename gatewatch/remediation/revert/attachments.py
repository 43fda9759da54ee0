"""Security groups of a network interface: those that the sweep last read before the call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.remediation.revert.plan import Entries, NotRevertibleError, Obstacle, PlannedChange, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change

INTERFACE = re.compile(r"eni-[0-9a-f]{8,17}", re.ASCII)
_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}", re.ASCII)


def interface_of(aws: Aws, resource: str) -> str:
    """Return the interface whose groups a call set: of an instance the first one (EC2, ModifyInstanceAttribute).

    Raises `NotRevertibleError` when an instance has no such interface, and botocore's errors.
    """
    if not _INSTANCE.fullmatch(resource):
        return resource
    attached = [{"Name": "attachment.instance-id", "Values": [resource]}]
    found = [
        each["NetworkInterfaceId"]
        for each in aws.ec2.describe_network_interfaces(Filters=attached)["NetworkInterfaces"]  # type: ignore[arg-type]
        if each["Attachment"].get("DeviceIndex") == 0
    ]
    if len(found) != 1:
        raise NotRevertibleError(Obstacle.NOT_FOUND, resource)
    return found[0]


def earlier_groups(current: Entries, opened: Sequence[Change], earlier: Entries, resource: str) -> Entries:
    """Return the earlier groups. Raises `NotRevertibleError` when somebody set others since, or they are not known."""
    if {*current} != {each.group.id for each in opened}:
        raise NotRevertibleError(Obstacle.CHANGED, resource)
    if not earlier:
        raise NotRevertibleError(Obstacle.EARLIER_UNKNOWN, resource)
    return earlier


def _read(aws: Aws, target: Target) -> Entries:
    (found,) = aws.ec2.describe_network_interfaces(NetworkInterfaceIds=[target.resource])["NetworkInterfaces"]
    return tuple(sorted(each["GroupId"] for each in found["Groups"]))


def _unknown(_entries: Entries, _opened: Sequence[Change], target: Target) -> Entries:
    """The hub knows the earlier groups; the account does not."""
    raise NotRevertibleError(Obstacle.EARLIER_UNKNOWN, target.resource)


def _write(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.ec2.modify_network_interface_attribute(NetworkInterfaceId=target.resource, Groups=[*change.after])


SETTINGS = {
    SettingKind.INTERFACE_GROUPS: Setting(
        form=INTERFACE, read=_read, close=_unknown, write=_write, calls=("ModifyNetworkInterfaceAttribute",)
    )
}

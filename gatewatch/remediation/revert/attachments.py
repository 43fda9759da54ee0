"""Security groups of interfaces, load balancers and databases: those that the sweep last read before the call.

Amazon RDS applies other groups as soon as possible, also without ApplyImmediately, which would apply pending changes
of the database as well (Amazon RDS API reference, ModifyDBInstance and ModifyDBCluster).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.alerts.attached_groups import Attachable, database_groups, interface_groups, load_balancer_groups
from gatewatch.model.aws_cli import cli_arguments, cli_command
from gatewatch.remediation.revert.plan import Entries, NotRevertibleError, Obstacle, PlannedChange, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change

INTERFACE = re.compile(r"eni-[0-9a-f]{8,17}", re.ASCII)
DATABASE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}", re.ASCII)
_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}", re.ASCII)
_LOAD_BALANCER = re.compile(
    r"arn:aws(?:-[a-z]+)*:elasticloadbalancing:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":loadbalancer/(?:app|net)/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}",
    re.ASCII,
)
_CLASSIC = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)

# Whose groups a setting is.
ATTACHABLE = {
    SettingKind.INTERFACE_GROUPS: Attachable.INTERFACE,
    SettingKind.LOAD_BALANCER_GROUPS: Attachable.LOAD_BALANCER,
    SettingKind.CLASSIC_LOAD_BALANCER_GROUPS: Attachable.CLASSIC_LOAD_BALANCER,
    SettingKind.DATABASE_GROUPS: Attachable.DATABASE,
    SettingKind.DATABASE_CLUSTER_GROUPS: Attachable.DATABASE_CLUSTER,
}


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


def database_name(resource: str) -> str:
    """Return the name of a database as Amazon RDS lists it: callers may write it in capitals."""
    return resource.lower() if resource.isascii() else resource


def earlier_groups(current: Entries, opened: Sequence[Change], earlier: Entries, resource: str) -> Entries:
    """Return the earlier groups. Raises `NotRevertibleError` when somebody set others since, or they are not known."""
    if {*current} != {each.group.id for each in opened}:
        raise NotRevertibleError(Obstacle.CHANGED, resource)
    if not earlier:
        raise NotRevertibleError(Obstacle.EARLIER_UNKNOWN, resource)
    return earlier


_COMMANDS = {
    SettingKind.INTERFACE_GROUPS: ("ec2", "modify-network-interface-attribute", "network_interface_id", "groups"),
    SettingKind.LOAD_BALANCER_GROUPS: ("elbv2", "set-security-groups", "load_balancer_arn", "security_groups"),
    SettingKind.CLASSIC_LOAD_BALANCER_GROUPS: (
        "elb",
        "apply-security-groups-to-load-balancer",
        "load_balancer_name",
        "security_groups",
    ),
    SettingKind.DATABASE_GROUPS: ("rds", "modify-db-instance", "db_instance_identifier", "vpc_security_group_ids"),
    SettingKind.DATABASE_CLUSTER_GROUPS: (
        "rds",
        "modify-db-cluster",
        "db_cluster_identifier",
        "vpc_security_group_ids",
    ),
}
_PLACEHOLDER = "EARLIER_GROUP_IDS"


def groups_command(kind: SettingKind, resource: str, region: str) -> str:
    """Return the AWS CLI command that sets groups, with a placeholder for them; empty for other kinds."""
    if kind not in _COMMANDS:
        return ""
    service, operation, name, groups = _COMMANDS[kind]
    return cli_command(cli_arguments(service, operation, **{name: resource, groups: _PLACEHOLDER}), region)


def _unknown(_entries: Entries, _opened: Sequence[Change], target: Target) -> Entries:
    """The hub knows the earlier groups; the account does not."""
    raise NotRevertibleError(Obstacle.EARLIER_UNKNOWN, target.resource)


def _read_interface(aws: Aws, target: Target) -> Entries:
    (found,) = aws.ec2.describe_network_interfaces(NetworkInterfaceIds=[target.resource])["NetworkInterfaces"]
    return interface_groups(found)


def _write_interface(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.ec2.modify_network_interface_attribute(NetworkInterfaceId=target.resource, Groups=[*change.after])


def _load_balancer(aws: Aws, target: Target) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = aws.elbv2.describe_load_balancers(LoadBalancerArns=[target.resource])["LoadBalancers"]
    return found


def _read_load_balancer(aws: Aws, target: Target) -> Entries:
    return load_balancer_groups(_load_balancer(aws, target))


def _write_load_balancer(aws: Aws, target: Target, change: PlannedChange) -> None:
    """Without the option, the call switches the rules of a Network Load Balancer on for PrivateLink."""
    option = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
    stated = _load_balancer(aws, target).get(option)
    options = {option: stated} if stated else {}
    aws.elbv2.set_security_groups(LoadBalancerArn=target.resource, SecurityGroups=[*change.after], **options)


def _read_classic(aws: Aws, target: Target) -> Entries:
    (found,) = aws.elb.describe_load_balancers(LoadBalancerNames=[target.resource])["LoadBalancerDescriptions"]
    return load_balancer_groups(found)


def _write_classic(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.elb.apply_security_groups_to_load_balancer(LoadBalancerName=target.resource, SecurityGroups=[*change.after])


def _read_database(aws: Aws, target: Target) -> Entries:
    (found,) = aws.rds.describe_db_instances(DBInstanceIdentifier=target.resource)["DBInstances"]
    return database_groups(found)


def _write_database(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.rds.modify_db_instance(DBInstanceIdentifier=target.resource, VpcSecurityGroupIds=[*change.after])


def _read_cluster(aws: Aws, target: Target) -> Entries:
    (found,) = aws.rds.describe_db_clusters(DBClusterIdentifier=target.resource)["DBClusters"]
    return database_groups(found)


def _write_cluster(aws: Aws, target: Target, change: PlannedChange) -> None:
    aws.rds.modify_db_cluster(DBClusterIdentifier=target.resource, VpcSecurityGroupIds=[*change.after])


SETTINGS = {
    SettingKind.INTERFACE_GROUPS: Setting(
        form=INTERFACE,
        read=_read_interface,
        close=_unknown,
        write=_write_interface,
        calls=("ModifyNetworkInterfaceAttribute",),
    ),
    SettingKind.LOAD_BALANCER_GROUPS: Setting(
        form=_LOAD_BALANCER,
        read=_read_load_balancer,
        close=_unknown,
        write=_write_load_balancer,
        calls=("SetSecurityGroups",),
    ),
    SettingKind.CLASSIC_LOAD_BALANCER_GROUPS: Setting(
        form=_CLASSIC,
        read=_read_classic,
        close=_unknown,
        write=_write_classic,
        calls=("ApplySecurityGroupsToLoadBalancer",),
    ),
    SettingKind.DATABASE_GROUPS: Setting(
        form=DATABASE, read=_read_database, close=_unknown, write=_write_database, calls=("ModifyDBInstance",)
    ),
    SettingKind.DATABASE_CLUSTER_GROUPS: Setting(
        form=DATABASE, read=_read_cluster, close=_unknown, write=_write_cluster, calls=("ModifyDBCluster",)
    ),
}

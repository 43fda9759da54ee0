"""Which operations of AWS could open something or switch something off, to judge by botocore's models.

A new release of botocore may bring one: it then stands neither in a table of `gatewatch/events/changes` nor in
`tools/coverage/not_reported.yaml`, and the test of this module fails until somebody decides which.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import msgspec
import yaml
from msgspec import Struct

from gatewatch.config.paths import ROOT
from gatewatch.events.changes.registry import CALL_SPECS, SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_REPORTED = ROOT / "tools" / "coverage" / "not_reported.yaml"
Operation = tuple[str, str]  # the service in CloudTrail's eventSource, the name without the date of Lambda's API

_READS = re.compile(r"^(?:Describe|Get|List|Search|Batch(?:Get|Describe)|Preview|Validate|Check|Test|Simulate|Export)")
# EC2: what carries traffic, shares something, or guards against both.
_EC2_NAMES = re.compile(
    r"^(?:Accept|Allocate|Apply|Assign|Associate|Attach|Authorize|Create|Delete|Disable|Disassociate|Enable|Modify"
    r"|Provision|Replace|Reset)\w*(?:NetworkAcl|Route|Gateway|Peering|ClientVpn|VpnConnection|VpcEndpoint|Address"
    r"|PublicAccess|SubnetAttribute|TransitGateway\w*Attachment|TrafficMirrorSession|VerifiedAccess\w*(?:Policy|Endpoint)"
    r"|PrefixList|SnapshotAttribute|ImageAttribute|Permissions?|SerialConsole|FlowLogs|EncryptionByDefault)"
)
_SECURITY_GROUP = re.compile(r"SecurityGroup")
# Parameters of the other services that open a resource: a policy, grantees, a public endpoint, a guard.
_OPENING = re.compile(
    r"^(?:ResourcePolicy|Policy|PolicyDocument|PolicyText|PolicyInJson|AccessPolic(?:y|ies)|PubliclyAccessible"
    r"|Principals?|GranteePrincipal|AccountIdsToAdd|ValuesToAdd|\w*PublicAccess\w*|ProjectVisibility)$",
    re.IGNORECASE,
)
_GUARDS = re.compile(r"^(?:Delete|Disable|Disassociate|Stop|Cancel|Deactivate|Suspend|Remove|Purge|Pause)")
# Services that watch or protect: whatever takes something away from them.
_WATCHING = (
    "accessanalyzer",
    "config",
    "detective",
    "guardduty",
    "inspector2",
    "kms",
    "logs",
    "macie2",
    "securityhub",
    "shield",
    "waf-regional",
    "wafv2",
)
_WRITES_OF = ("sso-admin",)
_EVENT_SOURCES = {
    "accessanalyzer": "access-analyzer",
    "cloudwatch": "monitoring",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "s3control": "s3",
    "sesv2": "ses",
    "sso-admin": "sso",
    "opensearch": "es",
    "docdb": "rds",
    "neptune": "rds",
    "lambda-web": "lambda",
}
# CloudTrail's names that differ from those of the API.
_EVENT_NAMES = {
    ("s3control", "PutPublicAccessBlock"): "PutAccountPublicAccessBlock",
    ("s3control", "DeletePublicAccessBlock"): "DeleteAccountPublicAccessBlock",
}
_DATE = re.compile(r"20\d{6}(?:v\d+)?$")


def reported() -> frozenset[Operation]:
    """What the tables have, under the names of the API."""
    return frozenset((service, _DATE.sub("", name)) for service, name in CALL_SPECS)


def not_reported() -> dict[Operation, str]:
    """What is known and left out, with the reason."""
    content: list[dict[str, Any]] = yaml.safe_load(NOT_REPORTED.read_text("utf-8"))
    return {(group["service"], name): group["reason"] for group in content for name in " ".join(group["calls"]).split()}


def candidates() -> Iterator[tuple[Operation, str]]:
    """Each operation that could matter, with why it was taken."""
    for service, path in _models().items():
        source = _EVENT_SOURCES.get(service, service)
        if source in SERVICES:
            continue  # every write of it is read
        model = msgspec.json.decode(gzip.decompress(path.read_bytes()), type=_Model)
        for name, operation in model.operations.items():
            if not _READS.match(name) and (why := _why(service, name, operation, model)):
                yield (source, _EVENT_NAMES.get((service, name), name)), why


class _Operation(Struct):
    input: dict[str, Any] | None = None


class _Model(Struct):
    """What is read of a model: botocore's own reader takes ten times as long for all of them."""

    operations: dict[str, _Operation]
    shapes: dict[str, dict[str, Any]]


def _models() -> dict[str, Path]:
    """The newest model of each service."""
    paths = sorted((Path(botocore.__file__).parent / "data").glob("*/*/service-2.json.gz"))
    return {path.parts[-3]: path for path in paths}


def _why(service: str, name: str, operation: _Operation, model: _Model) -> str | None:
    if service == "ec2" and _EC2_NAMES.match(name):
        return "network or sharing, by its name"
    if service in _WATCHING and _GUARDS.match(name):
        return "takes something away from a service that watches"
    if service in _WRITES_OF:
        return "write of a service that grants access"
    shape = model.shapes.get((operation.input or {}).get("shape", ""), {})
    members = set(_members(shape, model)) if service == "ec2" else set(shape.get("members", {}))
    if any(_SECURITY_GROUP.search(each) for each in members):
        return "takes security groups"
    return "opens a resource, by its parameters" if service != "ec2" and any(map(_OPENING.match, members)) else None


def _members(shape: dict[str, Any], model: _Model, depth: int = 0) -> Iterator[str]:
    """The names of all parameters, through objects and lists."""
    if depth > 6:  # noqa: PLR2004  deeper than any parameter of EC2
        return
    inner = {**shape.get("members", {}), **({"": shape["member"]} if "member" in shape else {})}
    for name, reference in inner.items():
        yield name
        yield from _members(model.shapes[reference["shape"]], model, depth + 1)

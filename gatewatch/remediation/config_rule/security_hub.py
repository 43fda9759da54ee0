"""Findings of the ingress rule in AWS Security Hub of the member, in the AWS Security Finding Format (ASFF)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatewatch.errors import GatewatchError
from gatewatch.remediation.config_rule.evaluation import ComplianceType
from gatewatch.remediation.config_rule.invocation import SECURITY_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatewatch.remediation.config_rule.evaluation import Evaluation
    from gatewatch.remediation.config_rule.invocation import Invocation

GENERATOR_ID = "gatewatch-ingress"
_BATCH = 100  # findings of one BatchImportFindings (Security Hub API reference)
_MAX_DESCRIPTION = 1024
_TYPE = "Software and Configuration Checks/AWS Security Best Practices/Network Reachability"
_ADVICE = "Remove the rules that policy.yaml does not allow, add the required ones, or exempt the group for a time."
_STATUSES = {ComplianceType.NON_COMPLIANT: "FAILED", ComplianceType.COMPLIANT: "PASSED"}


class SecurityHubError(GatewatchError):
    """Security Hub did not accept a finding."""


def publish_findings(client: Any, invocation: Invocation, evaluations: Iterable[Evaluation], now: datetime) -> None:
    """Import a finding for each non-compliant group; archive the active findings of all others.

    A finding has the same id each time, so that it is updated. Raises `SecurityHubError`, `ClientError`.
    """
    groups = [each for each in evaluations if each.resource_type == SECURITY_GROUP]
    active = _creation_times(client, invocation, groups)
    changed = [each for each in groups if _is_open(each) or _finding_id(invocation, each) in active]
    findings = [_finding(invocation, each, active, now) for each in changed]
    for start in range(0, len(findings), _BATCH):
        _import(client, findings[start : start + _BATCH])


def _import(client: Any, findings: Sequence[Mapping[str, Any]]) -> None:
    response = client.batch_import_findings(Findings=findings)
    if response["FailedCount"]:
        code = response["FailedFindings"][0]["ErrorCode"]
        raise SecurityHubError(f"Security Hub did not accept {response['FailedCount']} findings: {code}")


def _creation_times(client: Any, invocation: Invocation, groups: Sequence[Evaluation]) -> dict[str, str]:
    """Return when each active finding was created, by its id: an update has to repeat that."""
    wanted = {
        "GeneratorId": GENERATOR_ID,
        "RecordState": "ACTIVE",
        "AwsAccountId": invocation.account_id,
        "Region": invocation.region,
    }
    if len(groups) == 1:
        wanted["Id"] = _finding_id(invocation, groups[0])
    filters = {name: [{"Value": value, "Comparison": "EQUALS"}] for name, value in wanted.items()}
    pages = client.get_paginator("get_findings").paginate(Filters=filters)
    return {each["Id"]: each["CreatedAt"] for page in pages for each in page["Findings"]}


def _finding(
    invocation: Invocation, evaluation: Evaluation, active: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    finding_id, is_open = _finding_id(invocation, evaluation), _is_open(evaluation)
    at, region = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), invocation.region
    account_id, group_id = invocation.account_id, evaluation.resource_id
    return {
        "SchemaVersion": "2018-10-08",
        "Id": finding_id,
        "ProductArn": f"arn:{invocation.partition}:securityhub:{region}:{account_id}:product/{account_id}/default",
        "GeneratorId": GENERATOR_ID,
        "AwsAccountId": account_id,
        "Types": [_TYPE],
        "CreatedAt": active.get(finding_id, at),
        "UpdatedAt": at,
        "Severity": {"Label": "HIGH" if is_open else "INFORMATIONAL"},
        "Title": "Inbound rules of a security group violate the ingress policy of gatewatch",
        "Description": evaluation.annotation[:_MAX_DESCRIPTION],
        "Remediation": {"Recommendation": {"Text": _ADVICE}},
        "Resources": [
            {
                "Type": "AwsEc2SecurityGroup",
                "Id": f"arn:{invocation.partition}:ec2:{region}:{account_id}:security-group/{group_id}",
                "Partition": invocation.partition,
                "Region": region,
                "Details": {"AwsEc2SecurityGroup": {"GroupId": group_id, "OwnerId": account_id}},
            }
        ],
        "Compliance": {"Status": _STATUSES.get(evaluation.state, "NOT_AVAILABLE")},
        "RecordState": "ACTIVE" if is_open else "ARCHIVED",
    }


def _finding_id(invocation: Invocation, evaluation: Evaluation) -> str:
    return f"{GENERATOR_ID}/{invocation.account_id}/{invocation.region}/{evaluation.resource_id}"


def _is_open(evaluation: Evaluation) -> bool:
    return evaluation.state is ComplianceType.NON_COMPLIANT

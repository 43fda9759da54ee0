"""Which CloudFormation templates a stage deploys to members and to the monitoring account, with their parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.cli.deployment.stage_file import Stage

_NAMED_IAM = "CAPABILITY_NAMED_IAM"
# Of a StackSet or of a stack; a stack before those that need it.
MEMBER_STACKS = ("gatewatch-member", "gatewatch-recorder", "gatewatch-rules")
OWN_STACKS = ("gatewatch-config-rule", "gatewatch-ingress", "gatewatch-organization-rules", "gatewatch-aggregator")


class StackTemplate(Struct, frozen=True):
    """A stack's name, its template, and all of the template's parameters."""

    name: str
    template: Path
    parameters: dict[str, str]
    capabilities: tuple[str, ...] = (_NAMED_IAM,)


def member_templates(stage: Stage) -> tuple[StackTemplate, ...]:
    """Return the stacks that every member gets in every Region, by a StackSet or one by one."""
    member, recorder, rules = MEMBER_STACKS
    found = [StackTemplate(member, ROOT / "eventbridge" / "member.yaml", stage.member_parameters())]
    if stage.compliance.recorder:
        found.append(_compliance(recorder, "recorder", _recorder(stage)))
    if stage.compliance.rules:
        found.append(_compliance(rules, "rules", _rules(stage)))
    return tuple(found)


def own_templates(stage: Stage, account: str, region: str) -> Iterator[StackTemplate]:
    """Yield the further stacks of the monitoring account, or of an account outside the organization, in a Region.

    With an organization, its rules are deployed from the monitoring account, a delegated administrator of AWS Config.
    """
    function, ingress, organization, aggregator = OWN_STACKS
    is_hub, compliance = account == stage.hub.account, stage.compliance
    if compliance.ingress and is_hub:
        capabilities = (_NAMED_IAM, "CAPABILITY_AUTO_EXPAND")  # the template has a transform
        yield _compliance(function, "function", _function(stage, region), capabilities)
    if compliance.ingress and is_hub and stage.hub.organization:
        yield _compliance(organization, "organization", _organization(stage, region))
    elif compliance.ingress:
        yield _compliance(ingress, "ingress", _ingress(stage, region))
    if compliance.aggregator and region == stage.hub.region:
        yield _compliance(aggregator, "aggregator", _aggregator(stage, is_hub=is_hub))


def _compliance(
    name: str, template: str, parameters: dict[str, str], capabilities: tuple[str, ...] = (_NAMED_IAM,)
) -> StackTemplate:
    return StackTemplate(name, ROOT / "compliance" / f"{template}.yaml", parameters, capabilities)


def _recorder(stage: Stage) -> dict[str, str]:
    return {"BucketName": stage.compliance.recorder_bucket, "HomeRegion": stage.members.regions[0]}


def _rules(stage: Stage) -> dict[str, str]:
    compliance = stage.compliance
    ports = {f"BlockedPort{number}": str(port) for number, port in enumerate(compliance.blocked_ports, 1)}
    return {
        "Remediation": compliance.remediation,
        "HomeRegion": stage.members.regions[0],
        "AccessKeyAge": str(compliance.access_key_age),
        **ports,
        "AuthorizedTcpPorts": compliance.authorized_tcp_ports,
        "BucketControlPolicy": compliance.bucket_control_policy,
    }


def _function(stage: Stage, region: str) -> dict[str, str]:
    """Return the parameters; accounts of an organization are not named, because there may be too many."""
    accounts = () if stage.hub.organization else (stage.hub.account, *stage.hub.accounts)
    return {
        "Stage": stage.name,
        "HubRegion": stage.hub.region,
        "CodeBucket": stage.compliance.code_bucket.replace("{region}", region),
        "CodeKey": stage.compliance.code_key,
        "Architecture": stage.hub.architecture,
        "RemediationRole": stage.hub_parameters()["remediationRole"],
        "MemberAccounts": ",".join(dict.fromkeys(accounts)),
    }


def _function_arn(stage: Stage, region: str) -> str:
    return f"arn:{stage.partition}:lambda:{region}:{stage.hub.account}:function:{stage.hub_stack}-config-rule"


def _ingress(stage: Stage, region: str) -> dict[str, str]:
    """Return the parameters; the function's own stack allows AWS Config to invoke it."""
    return {
        "FunctionArn": _function_arn(stage, region),
        "AcceptedAuthorities": stage.compliance.accepted_authorities,
        "IsOwnFunction": "false",
    }


def _organization(stage: Stage, region: str) -> dict[str, str]:
    compliance = stage.compliance
    return {
        "FunctionArn": _function_arn(stage, region),
        "AcceptedAuthorities": compliance.accepted_authorities,
        "ExcludedAccounts": ",".join(compliance.excluded_accounts),
        "PackUri": compliance.pack,
        "Remediation": compliance.remediation,
        "HomeRegion": stage.members.regions[0],
    }


def _aggregator(stage: Stage, *, is_hub: bool) -> dict[str, str]:
    """Return the parameters: of the aggregator, or of a member that lets it read."""
    source = "organization" if stage.hub.organization else "accounts"
    return {
        "Source": source if is_hub else "authorization",
        "AccountIds": ",".join(stage.hub.accounts) if is_hub and source == "accounts" else "",
        "AggregatorAccount": "" if is_hub else stage.hub.account,
        "AggregatorRegion": "" if is_hub else stage.hub.region,
    }

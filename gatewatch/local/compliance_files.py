"""The generated part of compliance/: from the catalogue and the documents to CloudFormation and the table of the docs.

`python -m gatewatch.local.compliance_files` writes them anew; a test holds them equal to what is written here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from gatewatch.catalogue import CONTROLS, Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gatewatch.catalogue import Control

COMPLIANCE = CONTROLS.parent
DOCS = COMPLIANCE.parent / "docs" / "compliance.md"
_PLACE = re.compile(r"^<(\w+)>$")
_TABLE = re.compile(r"(?<=<!-- controls -->\n).*?(?=<!-- /controls -->)", re.DOTALL)
_HEAD = "# Generated from controls.yaml and documents/ by python -m gatewatch.local.compliance_files; edit those.\n"

_PARAMETERS: dict[str, dict[str, Any]] = {
    "Remediation": {
        "Type": "String",
        "Default": "manual",
        "AllowedValues": ["manual", "automatic"],
        "Description": "Whether what breaks a rule is put right when somebody says so, or at once",
    },
    "HomeRegion": {
        "Type": "String",
        "Default": "us-east-1",
        "Description": "Rules about the account rather than a Region are made in this Region only",
    },
    "AccessKeyAge": {
        "Type": "Number", "Default": 90, "MinValue": 1, "MaxValue": 3650, "Description": "Days that a key may live",
    },
    **{
        f"BlockedPort{number}": {
            "Type": "Number", "Default": port, "MinValue": 0, "MaxValue": 65535,
            "Description": f"{name}: closed to the internet",
        }
        for number, (port, name) in enumerate(((22, "SSH"), (3389, "RDP"), (3306, "MySQL and Aurora")), start=1)
    },
    "AuthorizedTcpPorts": {
        "Type": "String", "Default": "80,443", "AllowedPattern": "^[0-9,-]+$",
        "Description": "TCP ports that may be open to the internet, such as 443,1020-1025",
    },
    "BucketControlPolicy": {
        "Type": "String", "Default": "",
        "Description": "The bucket policy that no bucket may exceed, 1,024 characters of JSON. Empty: no rule",
    },
}  # fmt: skip
_CONDITIONS: dict[str, Any] = {
    "IsAutomatic": {"Fn::Equals": [{"Ref": "Remediation"}, "automatic"]},
    "IsHome": {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "HomeRegion"}]},
    "IsHomeOfRootMfa": {"Fn::And": [{"Condition": "IsHome"}, {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]}]},
    "HasBucketControlPolicy": {"Fn::Not": [{"Fn::Equals": [{"Ref": "BucketControlPolicy"}, ""]}]},
}


def _sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def logical(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def document(name: str) -> dict[str, Any]:
    """An automation document with its scripts inside."""
    folder = COMPLIANCE / "documents"
    content: dict[str, Any] = yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))
    for step in content["mainSteps"]:
        if "Script" in step["inputs"]:
            step["inputs"]["Script"] = (folder / step["inputs"]["Script"]).read_text("utf-8")
    return content


def documents() -> list[str]:
    return sorted(path.stem for path in (COMPLIANCE / "documents").glob("*.yaml"))


def rules_template() -> dict[str, Any]:
    """For one account and Region, by hand or by a StackSet: rules, documents, their role, what puts right what."""
    resources: dict[str, Any] = {"AutomationRole": _automation_role()}
    for name in documents():
        resources[f"{logical(name)}Document"] = {
            "Type": "AWS::SSM::Document",
            "Properties": {
                "Name": _sub(f"gatewatch-{name}-${{AWS::Region}}"),
                "DocumentType": "Automation",
                "DocumentFormat": "YAML",
                "TargetType": "/AWS::EC2::SecurityGroup",
                "UpdateMethod": "NewVersion",
                "Content": document(name),
            },
        }
    role = {"Fn::GetAtt": ["AutomationRole", "Arn"]}
    resources |= dict(_rules(role, lambda name: {"Ref": f"{logical(name.removeprefix('gatewatch-'))}Document"}))
    return _template(
        "gatewatch, what AWS Config watches in one account and Region, and how it is put right. Needs a recorder.",
        _PARAMETERS,
        resources,
    )


def pack_template() -> dict[str, Any]:
    """The same as a conformance pack, whose documents and role come from compliance/rules.yaml of each account."""
    role = _sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/gatewatch/gatewatch-automation-${AWS::Region}")
    resources = dict(_rules(role, lambda name: _sub(f"{name}-${{AWS::Region}}")))
    return _template("gatewatch, what AWS Config watches, as a conformance pack.", _PARAMETERS, resources)


def _template(description: str, parameters: dict[str, Any], resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Parameters": parameters,
        "Conditions": _CONDITIONS,
        "Resources": resources,
    }


def _rules(role: Any, target: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, control in Catalogue().controls.items():
        condition = _condition(control)
        yield logical(name), {**condition, **_rule(name, control)}
        if control.remediation:
            yield f"{logical(name)}Remediation", {**condition, **_remediation(name, control, role, target)}


def _condition(control: Control) -> dict[str, str]:
    if "<BucketControlPolicy>" in control.parameters.values():
        return {"Condition": "HasBucketControlPolicy"}
    if control.not_in:
        return {"Condition": "IsHomeOfRootMfa"}
    return {"Condition": "IsHome"} if control.once else {}


def _rule(name: str, control: Control) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "ConfigRuleName": f"gatewatch-{name}",
        "Description": f"{control.title} ({control.control or control.severity.value})",
        "Source": {"Owner": "AWS", "SourceIdentifier": control.identifier},
    }
    if control.parameters:
        properties["InputParameters"] = {key: _value(value) for key, value in control.parameters.items()}
    if control.trigger == "periodic":
        properties["MaximumExecutionFrequency"] = "TwentyFour_Hours"
    return {"Type": "AWS::Config::ConfigRule", "Properties": properties}


def _value(text: str) -> Any:
    """Config takes texts only; `<Name>` is a parameter of the template."""
    match = _PLACE.match(text)
    return _sub(f"${{{match[1]}}}") if match else text


def _remediation(name: str, control: Control, role: Any, target: Any) -> dict[str, Any]:
    remediation = control.remediation
    if remediation is None:
        raise ValueError(f"{name} has no remediation")
    parameters: dict[str, Any] = {
        "AutomationAssumeRole": {"StaticValue": {"Values": [role]}},
        remediation.parameter: {"ResourceValue": {"Value": "RESOURCE_ID"}},
    }
    if remediation.is_ours:
        parameters["DryRun"] = {"StaticValue": {"Values": ["false"]}}
    if name == "restricted-ssh":
        parameters["TcpPorts"] = {"StaticValue": {"Values": ["22"]}}
    if name == "restricted-common-ports":
        ports = [_sub(f"${{BlockedPort{number}}}") for number in (1, 2, 3)]
        parameters["TcpPorts"] = {"StaticValue": {"Values": ports}}
    return {
        "Type": "AWS::Config::RemediationConfiguration",
        "DependsOn": logical(name),
        "Properties": {
            "ConfigRuleName": f"gatewatch-{name}",
            "TargetType": "SSM_DOCUMENT",
            "TargetId": target(remediation.document) if remediation.is_ours else remediation.document,
            "Automatic": {"Fn::If": ["IsAutomatic", True, False]},
            "MaximumAutomaticAttempts": 3,
            "RetryAttemptSeconds": 300,
            "Parameters": parameters,
        },
    }


def _automation_role() -> dict[str, Any]:
    groups = [
        _sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group/*"),
        _sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group-rule/*"),
    ]
    changes = ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"]
    statements = [
        _allow("SeeGroups", ["ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules"], "*"),
        _allow("CloseGates", [f"ec2:{each}" for each in changes], groups),
        _allow("KeepTags", ["ec2:CreateTags"], groups[1])
        | {"Condition": {"StringEquals": {"ec2:CreateAction": "AuthorizeSecurityGroupIngress"}}},
        _allow("SeeDatabases", ["rds:DescribeDBInstances"], "*"),
        _allow(
            "HideDatabases",
            ["rds:ModifyDBInstance"],
            _sub("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:db:*"),
        ),
        _allow(
            "BlockPublicBuckets",
            ["s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"],
            _sub("arn:${AWS::Partition}:s3:::*"),
        ),
    ]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": _sub("gatewatch-automation-${AWS::Region}"),
            "Path": "/gatewatch/",
            "Description": "What the remediations of AWS Config act as",
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "ssm.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                    }
                ],
            },
            "Policies": [
                {"PolicyName": "automation", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
            ],
        },
    }


def _allow(sid: str, actions: list[str], resource: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def table() -> str:
    """The Markdown table of docs/compliance.md."""
    lines = ["| Config rule | Security Hub | Severity | Trigger | Put right by |", "|---|---|---|---|---|"]
    for name, each in Catalogue().controls.items():
        by = f"`{each.remediation.document}`" if each.remediation else "a person"
        lines.append(f"| `{name}` | {each.control or 'none'} | {each.severity} | {each.trigger} | {by} |")
    return "\n".join(lines) + "\n"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's own signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def dumped(template: dict[str, Any]) -> str:
    return _HEAD + yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)


def files() -> dict[Path, str]:
    """Every generated file with its text."""
    return {
        COMPLIANCE / "rules.yaml": dumped(rules_template()),
        COMPLIANCE / "pack.yaml": dumped(pack_template()),
        DOCS: _TABLE.sub(lambda _: table(), DOCS.read_text("utf-8")),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")

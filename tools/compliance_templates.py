"""The catalogue and the automation documents -> CloudFormation: rules of AWS Config, and what puts right what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from gatewatch.config.controls import Catalogue
from gatewatch.config.paths import CONTROLS
from tools.automation_role import automation_role, sub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.controls import Control

COMPLIANCE = CONTROLS.parent
_PLACE = re.compile(r"^<(\w+)>$")

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
    resources: dict[str, Any] = {"AutomationRole": automation_role()}
    for name in documents():
        resources[f"{logical(name)}Document"] = {
            "Type": "AWS::SSM::Document",
            "Properties": {
                "Name": sub(f"gatewatch-{name}-${{AWS::Region}}"),
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
    role = sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/gatewatch/gatewatch-automation-${AWS::Region}")
    resources = dict(_rules(role, lambda name: sub(f"{name}-${{AWS::Region}}")))
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
    return sub(f"${{{match[1]}}}") if match else text


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
        ports = [sub(f"${{BlockedPort{number}}}") for number in (1, 2, 3)]
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

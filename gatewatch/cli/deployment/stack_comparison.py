"""Comparison of a planned deployment with the live stack: parameters, and the resources of a change set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError
from msgspec import Struct

from gatewatch.aws.error_codes import error_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_cloudformation import CloudFormationClient

_CHANGE_SET = "gatewatch-deploy-check"
# Resources that hold data: for them even a conditional replacement stops a deployment.
_STATEFUL = (
    "AWS::SQS::",
    "AWS::DynamoDB::",
    "AWS::SNS::",
    "AWS::KMS::",
    "AWS::Events::EventBus",
    "AWS::Events::Archive",
)


class ParameterChange(Struct, frozen=True):
    """A parameter with another value than in the live stack."""

    name: str
    live: str
    planned: str

    @property
    def is_narrowing(self) -> bool:
        """Whether the change takes something away: a value is emptied, replaced, or a list loses entries.

        The key of a zip is replaced by every new version, which takes nothing away.
        """
        if self.name == "CodeKey" and self.planned:
            return False
        return bool(self.live) and not set(self.live.split(",")) <= set(self.planned.split(","))

    def __str__(self) -> str:
        return f"{self.name}: {self.live or '(empty)'} -> {self.planned or '(empty)'}"


class ResourceChange(Struct, frozen=True):
    """A change of one resource. `replacement` is True, Conditional, False or empty, as CloudFormation says it."""

    action: str
    logical_id: str
    resource_type: str
    replacement: str

    @property
    def is_narrowing(self) -> bool:
        """Whether the resource is removed or replaced."""
        if self.action == "Remove" or self.replacement == "True":
            return True
        return self.replacement == "Conditional" and self.resource_type.startswith(_STATEFUL)

    def __str__(self) -> str:
        suffix = {"True": ", replaced", "Conditional": ", may be replaced"}.get(self.replacement, "")
        return f"{self.action} {self.logical_id} ({self.resource_type}{suffix})"


def live_parameters(cloudformation: CloudFormationClient, stack: str) -> dict[str, str] | None:
    """Return the parameters of a stack; None if it does not exist."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError":
            return None
        raise
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in found.get("Parameters", [])}


def parameter_changes(live: Mapping[str, str], planned: Mapping[str, str]) -> tuple[ParameterChange, ...]:
    """Compare parameters. One that the plan does not have is emptied."""
    names = sorted(live.keys() | planned.keys())
    changes = (ParameterChange(name, live.get(name, ""), planned.get(name, "")) for name in names)
    return tuple(each for each in changes if each.live != each.planned)


def resource_changes(
    cloudformation: CloudFormationClient, stack: str, template: Mapping[str, str], parameters: Mapping[str, str]
) -> tuple[ResourceChange, ...]:
    """Create a change set, return its changes and delete it. Nothing is executed.

    `template` is TemplateBody or TemplateURL, as `create_change_set` takes it.
    """
    arguments: Any = {
        "StackName": stack,
        "ChangeSetName": _CHANGE_SET,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        **template,
    }
    cloudformation.create_change_set(**arguments)
    try:
        return tuple(_changes(cloudformation, stack))
    finally:
        cloudformation.delete_change_set(StackName=stack, ChangeSetName=_CHANGE_SET)


def _changes(cloudformation: CloudFormationClient, stack: str) -> Iterator[ResourceChange]:
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            StackName=stack, ChangeSetName=_CHANGE_SET, WaiterConfig={"Delay": 3, "MaxAttempts": 60}
        )
    except WaiterError as error:
        if "contain changes" in str(error.last_response.get("StatusReason")):
            return
        raise
    pages = cloudformation.get_paginator("describe_change_set").paginate(StackName=stack, ChangeSetName=_CHANGE_SET)
    for page in pages:
        for each in page.get("Changes", []):
            change = each["ResourceChange"]
            yield ResourceChange(
                change["Action"],
                change["LogicalResourceId"],
                change["ResourceType"],
                change.get("Replacement", ""),
            )

"""CloudFormation templates with every intrinsic function resolved, for one account, Region and set of parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cfnlint.decode.cfn_yaml import load

if TYPE_CHECKING:
    from pathlib import Path

NO_VALUE = object()
# Of each type of resource: the ARN, and what Ref gives. {0} is the name of the property beside it.
_ARNS = {
    "AWS::SQS::Queue": ("QueueName", "sqs:{region}:{account}:{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{region}:{account}:{name}"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{region}:{account}:table/{name}"),
    "AWS::Events::EventBus": ("Name", "events:{region}:{account}:event-bus/{name}"),
    "AWS::Events::Rule": ("Name", "events:{region}:{account}:rule/{bus}{name}"),
    "AWS::IAM::Role": ("RoleName", "iam::{account}:role{path}{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{region}:{account}:function:{name}"),
    "AWS::KMS::Key": ("", "kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{region}:{account}:log-group:{name}:*"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
}
_REF_IS_ARN = {"AWS::SNS::Topic"}


class Stack:
    """One template in one account and Region. `resources` holds those whose condition is true; loops are left out."""

    def __init__(
        self, path: Path, account: str, region: str, partition: str = "aws", parameters: dict[str, str] | None = None
    ) -> None:
        self._template = load(str(path))
        self._place = {"account": account, "region": region, "partition": partition}
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        self._values: dict[str, Any] = {
            "AWS::AccountId": account,
            "AWS::Region": region,
            "AWS::Partition": partition,
            "AWS::URLSuffix": suffix,
            "AWS::StackName": f"gatewatch-{path.stem}",
            "AWS::NoValue": NO_VALUE,
        }
        for name, definition in self._template.get("Parameters", {}).items():
            value = (parameters or {}).get(name, definition.get("Default"))
            assert value is not None, f"{path.name}: parameter {name} has no value"
            is_list = definition["Type"] == "CommaDelimitedList"
            self._values[name] = value.split(",") if is_list else value
        unknown = set(parameters or {}) - set(self._template.get("Parameters", {}))
        assert not unknown, f"{path.name} has no parameter {unknown}"

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        kept = {
            name: resource
            for name, resource in self._template["Resources"].items()
            if not name.startswith("Fn::ForEach")
            and ("Condition" not in resource or self._condition(resource["Condition"]))
        }
        return {
            name: {"Type": resource["Type"], "Properties": self.resolve(resource.get("Properties", {}))}
            for name, resource in kept.items()
        }

    def arn(self, name: str) -> str:
        """The ARN of a resource by its logical id."""
        resource = self._template["Resources"][name]
        properties = resource.get("Properties", {})
        key, form = _ARNS[resource["Type"]]
        known = self.resolve(properties[key]) if key in properties else f"gatewatch-{name}-1A2B3C4D5E6F"
        bus = properties.get("EventBusName")
        text = form.format(
            **self._place,
            name=known,
            bus=f"{self._bus(bus)}/" if bus else "",
            path=properties.get("Path", "/"),
        )
        return f"arn:{self._place['partition']}:{text}"

    def _bus(self, value: Any) -> str:
        return str(self.resolve(value)).rpartition("/")[2]

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for item in value if (each := self.resolve(item)) is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self._ref(argument)
            if key.startswith("Fn::"):
                return getattr(self, f"_{key[4:].lower()}")(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        resource = self._template["Resources"][name]
        arn = self.arn(name)
        return arn if resource["Type"] in _REF_IS_ARN else re.split(r"[:/]", arn.removesuffix(":*"))[-1]

    def _getatt(self, argument: Any) -> str:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.arn(name) if attribute in {"Arn", "TopicArn"} else self._ref(name)

    def _sub(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument
        own = {key: self.resolve(item) for key, item in values.items()}
        return re.sub(r"\$\{([^!}]+)\}", lambda match: str(self._substitute(match[1], own)), text)

    def _substitute(self, name: str, own: dict[str, Any]) -> Any:
        if name in own:
            return own[name]
        return self._getatt(name) if "." in name else self._ref(name)

    def _if(self, argument: list[Any]) -> Any:
        name, yes, no = argument
        return self.resolve(yes if self._condition(name) else no)

    def _join(self, argument: list[Any]) -> str:
        between, parts = argument
        return str(between).join(self.resolve(parts))

    def _select(self, argument: list[Any]) -> Any:
        index, parts = argument
        return self.resolve(parts)[int(index)]

    def _split(self, argument: list[Any]) -> list[str]:
        between, text = argument
        return list(self.resolve(text).split(between))

    def _findinmap(self, argument: list[Any]) -> Any:
        table, first, second = (self.resolve(each) for each in argument)
        return self._template["Mappings"][table][first][second]

    def _condition(self, value: Any) -> bool:
        if isinstance(value, str):
            return self._condition(self._template["Conditions"][value])
        ((key, argument),) = value.items()
        if key == "Condition":
            return self._condition(argument)
        if key == "Fn::Equals":
            left, right = (self.resolve(each) for each in argument)
            return left == right
        found = [self._condition(each) for each in argument]
        return {"Fn::Not": lambda: not found[0], "Fn::And": lambda: all(found), "Fn::Or": lambda: any(found)}[key]()

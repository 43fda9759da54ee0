"""A Terraform provider with the schemas of a few AWS resources that calls AWS through boto3; run by Terraform.

Names of attributes are those of the provider hashicorp/aws 6.62. A misspelt attribute or a wrong type is refused by
Terraform itself. What AWS is asked is what the real provider asks; its waiting, retries and defaults are left out.
"""

import os

import boto3
from botocore.exceptions import ClientError
from tf.blocks import SetNestedBlock
from tf.iface import Provider, Resource
from tf.runner import run_provider
from tf.schema import Attribute, Block, Schema
from tf.types import Bool, List, Map, Number, String

_TEXTS = List(String())
_PREFERENCES = {
    "failure_tolerance_count": Number(),
    "failure_tolerance_percentage": Number(),
    "max_concurrent_count": Number(),
    "max_concurrent_percentage": Number(),
    "region_concurrency_type": String(),
    "region_order": _TEXTS,
}
_PREFERENCE_NAMES = {
    "failure_tolerance_percentage": "FailureTolerancePercentage",
    "max_concurrent_percentage": "MaxConcurrentPercentage",
    "region_concurrency_type": "RegionConcurrencyType",
}

_KNOWN_TO_MOTO = {"member.org.stacksets.cloudformation.amazonaws.com": "guardduty.amazonaws.com"}


def _attributes(types, required=(), computed=()):
    found = [
        Attribute(name, kind, required=name in required, optional=name not in required) for name, kind in types.items()
    ]
    return [*found, *(Attribute(name, String(), computed=True) for name in ("id", *computed))]


def _block(name, types):
    return SetNestedBlock(name, Block(_attributes(types)[:-1]))


def _given(parameters):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()]


def _preferences(state):
    found = state.get("operation_preferences") or []
    return {_PREFERENCE_NAMES[key]: value for each in found for key, value in each.items() if value is not None}


class _AwsResource(Resource):
    name = ""
    schema = Schema([])

    def __init__(self, provider):
        self.aws = provider

    @classmethod
    def get_name(cls):
        return cls.name

    @classmethod
    def get_schema(cls):
        return cls.schema

    def cloudformation(self, state):
        return self.aws.session.client("cloudformation", region_name=state.get("region"))


class Stack(_AwsResource):
    name = "cloudformation_stack"
    schema = Schema(
        _attributes(
            {
                "name": String(),
                "capabilities": _TEXTS,
                "disable_rollback": Bool(),
                "iam_role_arn": String(),
                "notification_arns": _TEXTS,
                "on_failure": String(),
                "parameters": Map(String()),
                "policy_body": String(),
                "policy_url": String(),
                "region": String(),
                "tags": Map(String()),
                "template_body": String(),
                "template_url": String(),
                "timeout_in_minutes": Number(),
            },
            required=("name",),
        )
    )

    @staticmethod
    def _arguments(state):
        return {
            "StackName": state["name"],
            "TemplateBody": state["template_body"],
            "Parameters": _given(state["parameters"]),
            "Capabilities": state["capabilities"] or [],
        }

    def create(self, _, planned):
        created = self.cloudformation(planned).create_stack(**self._arguments(planned))
        return {**planned, "id": created["StackId"]}

    def read(self, _, current):
        try:
            (found,) = self.cloudformation(current).describe_stacks(StackName=current["name"])["Stacks"]
        except ClientError:
            return None
        live = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
        return {**current, "parameters": {key: live.get(key) for key in current["parameters"]}}

    def update(self, _, current, planned):
        self.cloudformation(planned).update_stack(**self._arguments(planned))
        return {**planned, "id": current["id"]}

    def delete(self, _, current):
        self.cloudformation(current).delete_stack(StackName=current["name"])


class StackSet(_AwsResource):
    name = "cloudformation_stack_set"
    schema = Schema(
        _attributes(
            {
                "name": String(),
                "administration_role_arn": String(),
                "call_as": String(),
                "capabilities": _TEXTS,
                "description": String(),
                "execution_role_name": String(),
                "parameters": Map(String()),
                "permission_model": String(),
                "region": String(),
                "tags": Map(String()),
                "template_body": String(),
                "template_url": String(),
            },
            required=("name",),
        ),
        block_types=[
            _block("auto_deployment", {"enabled": Bool(), "retain_stacks_on_account_removal": Bool()}),
            _block("managed_execution", {"active": Bool()}),
            _block("operation_preferences", _PREFERENCES),
        ],
    )

    @staticmethod
    def _arguments(state):
        return {
            "StackSetName": state["name"],
            "TemplateBody": state["template_body"],
            "Parameters": _given(state["parameters"]),
            "Capabilities": state["capabilities"] or [],
            "CallAs": state["call_as"] or "SELF",
        }

    def create(self, _, planned):
        (automatic,) = planned["auto_deployment"]
        deployment = {"Enabled": automatic["enabled"]}
        deployment["RetainStacksOnAccountRemoval"] = automatic["retain_stacks_on_account_removal"]
        created = self.cloudformation(planned).create_stack_set(
            **self._arguments(planned), PermissionModel=planned["permission_model"], AutoDeployment=deployment
        )
        return {**planned, "id": created["StackSetId"]}

    def read(self, _, current):
        found = self.cloudformation(current).describe_stack_set(StackSetName=current["name"])["StackSet"]
        live = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
        return {**current, "parameters": {key: live.get(key) for key in current["parameters"]}}

    def update(self, _, current, planned):
        self.cloudformation(planned).update_stack_set(
            **self._arguments(planned), OperationPreferences=_preferences(planned)
        )
        return {**planned, "id": current["id"]}

    def delete(self, _, current):
        self.cloudformation(current).delete_stack_set(StackSetName=current["name"], CallAs=current["call_as"])


class StackInstances(_AwsResource):
    name = "cloudformation_stack_instances"
    schema = Schema(
        _attributes(
            {
                "stack_set_name": String(),
                "accounts": _TEXTS,
                "call_as": String(),
                "parameter_overrides": Map(String()),
                "region": String(),
                "regions": _TEXTS,
                "retain_stacks": Bool(),
            },
            required=("stack_set_name",),
        ),
        block_types=[
            _block(
                "deployment_targets",
                {
                    "account_filter_type": String(),
                    "accounts": _TEXTS,
                    "accounts_url": String(),
                    "organizational_unit_ids": _TEXTS,
                },
            ),
            _block("operation_preferences", {**_PREFERENCES, "concurrency_mode": String()}),
        ],
    )

    def create(self, _, planned):
        (targets,) = planned["deployment_targets"]
        self.cloudformation(planned).create_stack_instances(
            StackSetName=planned["stack_set_name"],
            Regions=planned["regions"],
            DeploymentTargets={
                "OrganizationalUnitIds": targets["organizational_unit_ids"],
                "AccountFilterType": targets["account_filter_type"],
                "Accounts": targets["accounts"],
            },
            OperationPreferences=_preferences(planned),
            CallAs=planned["call_as"] or "SELF",
        )
        return {**planned, "id": planned["stack_set_name"]}

    def read(self, _, current):
        return current

    def update(self, context, _, planned):
        return self.create(context, planned)

    def delete(self, _, current):
        """Left out: moto does not delete the instances of organizational units."""


class DelegatedAdministrator(_AwsResource):
    name = "organizations_delegated_administrator"
    schema = Schema(
        _attributes(
            {"account_id": String(), "service_principal": String()},
            required=("account_id", "service_principal"),
            computed=("arn",),
        )
    )

    def create(self, _, planned):
        """moto knows the service principal of another service only; that of StackSets is replaced."""
        self.aws.session.client("organizations").register_delegated_administrator(
            AccountId=planned["account_id"], ServicePrincipal=_KNOWN_TO_MOTO[planned["service_principal"]]
        )
        return {**planned, "id": f"{planned['account_id']}/{planned['service_principal']}", "arn": "arn"}

    def read(self, _, current):
        return current

    def update(self, _, current, planned):
        raise NotImplementedError

    def delete(self, _, current):
        self.aws.session.client("organizations").deregister_delegated_administrator(
            AccountId=current["account_id"], ServicePrincipal=_KNOWN_TO_MOTO[current["service_principal"]]
        )


class RolePolicyAttachment(_AwsResource):
    name = "iam_role_policy_attachment"
    schema = Schema(_attributes({"role": String(), "policy_arn": String()}, required=("role", "policy_arn")))

    def create(self, _, planned):
        client = self.aws.session.client("iam")
        client.attach_role_policy(RoleName=planned["role"], PolicyArn=planned["policy_arn"])
        return {**planned, "id": f"{planned['role']}/{planned['policy_arn']}"}

    def read(self, _, current):
        return current

    def update(self, _, current, planned):
        raise NotImplementedError

    def delete(self, _, current):
        client = self.aws.session.client("iam")
        client.detach_role_policy(RoleName=current["role"], PolicyArn=current["policy_arn"])


class Aws(Provider):
    """The provider; `AWS_ENDPOINT_URL` leads its clients to the local AWS."""

    session: boto3.Session

    def get_model_prefix(self):
        return "aws_"

    def full_name(self):
        return "hashicorp/aws"

    def get_provider_schema(self, _):
        return Schema([Attribute(name, String(), optional=True) for name in ("region", "profile")])

    def validate_config(self, diags, config):
        """Terraform has checked names and types by the schema."""

    def configure_provider(self, _, config):
        region = config.get("region") or os.environ["AWS_DEFAULT_REGION"]
        self.session = boto3.Session(profile_name=config.get("profile"), region_name=region)

    def get_data_sources(self):
        return []

    def get_resources(self):
        return [Stack, StackSet, StackInstances, DelegatedAdministrator, RolePolicyAttachment]


if __name__ == "__main__":
    run_provider(Aws())

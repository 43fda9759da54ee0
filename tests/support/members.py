"""A member account inside moto, with what moto lacks: Event history, and evaluations that are kept."""

import json
from types import SimpleNamespace

import boto3
import botocore.session
from botocore.loaders import create_loader

from gatewatch.aws.clients import Aws
from gatewatch.remediation.ingress.ec2 import ip_permission, standing_rules

ACCOUNT, REGION = "123456789012", "eu-west-1"
TABLE = "gatewatch-test"


# What most of a session costs is reading AWS's service descriptions: once for all.
LOADER = create_loader()


def session(region=REGION):
    inside = botocore.session.Session()
    inside.register_component("data_loader", LOADER)
    return boto3.Session("testing", "testing", "testing", region_name=region, botocore_session=inside)


def answered(body):
    """What a `before-call` handler gives botocore instead of a request."""
    return SimpleNamespace(status_code=200, headers={}), body


class Member(Aws):
    """One account and Region. `history`: CloudTrail records, newest first; `evaluations`: each call's batch."""

    def __init__(self, inside=None):
        inside = inside or session()
        super().__init__(inside)
        self.history, self.batches, self.refused = [], [], {}
        inside.events.register("before-call.cloudtrail.LookupEvents", self._history)
        inside.events.register("before-call.config-service.PutEvaluations", self._evaluations)
        inside.events.register("before-call.ec2", self._refuse)

    def _history(self, **_):
        return answered({"Events": [{"CloudTrailEvent": json.dumps(each)} for each in self.history]})

    def _evaluations(self, params, **_):
        self.batches.append(json.loads(params["body"]))
        return answered({"FailedEvaluations": []})

    def _refuse(self, model, params, **_):
        """`refused` holds, by operation, a function of the request that says the error code, or nothing."""
        code = self.refused.get(model.name, lambda _: None)(params["body"])
        if code:
            return SimpleNamespace(status_code=400, headers={}), {"Error": {"Code": code, "Message": "no"}}
        return None

    @property
    def evaluations(self):
        return [each for batch in self.batches for each in batch["Evaluations"]]

    def group(self, *rules, name=None, tags=()):
        """A new group with these inbound rules; its id."""
        vpc = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        known = len(self.ec2.describe_security_groups()["SecurityGroups"])
        group_id = self.ec2.create_security_group(GroupName=name or f"group-{known}", Description="x", VpcId=vpc)[
            "GroupId"
        ]
        for each in rules:
            self.authorize(group_id, each, tags)
        return group_id

    def authorize(self, group_id, rule, tags=()):
        specification = [{"ResourceType": "security-group-rule", "Tags": [{"Key": k, "Value": v} for k, v in tags]}]
        self.ec2.authorize_security_group_ingress(
            GroupId=group_id, IpPermissions=[ip_permission(rule)], TagSpecifications=specification if tags else []
        )

    def standing(self, group_id):
        return standing_rules(self.ec2, group_id, ACCOUNT)

    def rules(self, group_id):
        """Everything about the inbound rules of a group but their ids."""
        return {
            (each.rule.traffic, each.rule.peer, each.rule.description, each.tags) for each in self.standing(group_id)
        }


def table(aws):
    aws.dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    return aws.dynamodb

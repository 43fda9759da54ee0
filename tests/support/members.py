"""A member account in moto with what moto lacks: Event history and stored evaluations."""

import json
from types import SimpleNamespace

import boto3
import botocore.session
from botocore.loaders import create_loader

from gatewatch.aws.clients import Aws
from gatewatch.remediation.ingress.ec2 import current_rules, ip_permission
from support.tables import create_table

ACCOUNT, REGION = "123456789012", "eu-west-1"
TABLE = "gatewatch-test"


# Loading AWS's service descriptions takes most of the time of a session: load them once.
LOADER = create_loader()


def session(region=REGION):
    inside = botocore.session.Session()
    inside.register_component("data_loader", LOADER)
    return boto3.Session("testing", "testing", "testing", region_name=region, botocore_session=inside)


def response(body):
    """Return what a `before-call` handler returns to replace a request."""
    return SimpleNamespace(status_code=200, headers={}), body


class Member(Aws):
    """One account and Region. `history`: CloudTrail records, newest first; `batches`: what PutEvaluations was sent.

    `observers` are called with the name of each operation after it.
    """

    def __init__(self, inside=None):
        inside = inside or session()
        super().__init__(inside)
        self.history, self.batches, self.refused = [], [], {}
        self.observers = []
        inside.events.register("after-call", self._observe)
        inside.events.register("before-call.cloudtrail.LookupEvents", self._history)
        inside.events.register("before-call.config-service.PutEvaluations", self._evaluations)
        inside.events.register("before-call.ec2", self._refuse)

    def _observe(self, model, **_):
        for each in self.observers:
            each(model.name)

    def _history(self, **_):
        return response({"Events": [{"CloudTrailEvent": json.dumps(each)} for each in self.history]})

    def _evaluations(self, params, **_):
        self.batches.append(json.loads(params["body"]))
        return response({"FailedEvaluations": []})

    def _refuse(self, model, params, **_):
        """`refused` holds, by operation, a function of the request that returns an error code, or None."""
        code = self.refused.get(model.name, lambda _: None)(params["body"])
        if code:
            return SimpleNamespace(status_code=400, headers={}), {"Error": {"Code": code, "Message": "no"}}
        return None

    @property
    def evaluations(self):
        return [each for batch in self.batches for each in batch["Evaluations"]]

    def group(self, *rules, name=None, tags=()):
        """Create a group with these inbound rules and return its id."""
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

    def current_rules(self, group_id):
        return current_rules(self.ec2, group_id, ACCOUNT)

    def rules(self, group_id):
        """Return traffic, peer, description and tags of the inbound rules of a group."""
        return {
            (each.rule.traffic, each.rule.peer, each.rule.description, each.tags)
            for each in self.current_rules(group_id)
        }


def table(aws):
    create_table(aws.dynamodb, TABLE)
    return aws.dynamodb

import boto3
from botocore.exceptions import ClientError

NOT_FOUND = {"InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"}


def handler(events, context):
    """Revoke every inbound and outbound rule of a default group by its id, then read the group again."""
    ec2, group_id = boto3.client("ec2"), events["group_id"]
    (group,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    if group["GroupName"] != "default":
        raise RuntimeError(f"{group_id} is {group['GroupName']}, not the default group of its VPC")
    rules = all_rules(ec2, group_id)
    if not events["dry_run"]:
        for rule in rules:
            revoke(ec2, group_id, rule)
        if all_rules(ec2, group_id):
            raise RuntimeError(f"{group_id} still has rules")
    return {"revoked": [rule["SecurityGroupRuleId"] for rule in rules][:100]}


def all_rules(ec2, group_id):
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )
    return [rule for page in pages for rule in page["SecurityGroupRules"]]


def revoke(ec2, group_id, rule):
    call = ec2.revoke_security_group_egress if rule["IsEgress"] else ec2.revoke_security_group_ingress
    try:
        call(GroupId=group_id, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_FOUND:
            raise

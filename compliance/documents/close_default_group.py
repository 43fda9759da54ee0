import boto3

from gatewatch.remediation.ingress.rule_calls import revoke_rule


def handler(events, context):
    """Revoke every inbound and outbound rule of a default group by its id, then read the group again."""
    ec2, group_id = boto3.client("ec2"), events["group_id"]
    (group,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    if group["GroupName"] != "default":
        raise RuntimeError(f"{group_id} is {group['GroupName']}, not the default group of its VPC")
    rules = all_rules(ec2, group_id)
    if str(events["dry_run"]).lower() == "false":
        for rule in rules:
            is_egress = rule["IsEgress"]
            revoke = ec2.revoke_security_group_egress if is_egress else ec2.revoke_security_group_ingress
            revoke_rule(revoke, group_id, rule["SecurityGroupRuleId"])
        if all_rules(ec2, group_id):
            raise RuntimeError(f"{group_id} still has rules")
    return {"closed": [rule["SecurityGroupRuleId"] for rule in rules][:100]}


def all_rules(ec2, group_id):
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}]
    )
    return [rule for page in pages for rule in page["SecurityGroupRules"]]

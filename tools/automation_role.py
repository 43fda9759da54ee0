"""The IAM role that remediations of AWS Config assume."""

from __future__ import annotations

from typing import Any


def automation_role() -> dict[str, Any]:
    """Return the CloudFormation resource of the role."""
    groups = [
        sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group/*"),
        sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group-rule/*"),
    ]
    changes = [
        "AuthorizeSecurityGroupIngress",
        "ModifySecurityGroupRules",
        "RevokeSecurityGroupIngress",
        "RevokeSecurityGroupEgress",
    ]
    statements = [
        _allow("ReadSecurityGroups", ["ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules"], "*"),
        _allow("ChangeSecurityGroupRules", [f"ec2:{each}" for each in changes], groups),
        _allow("TagNewRules", ["ec2:CreateTags"], groups[1])
        | {"Condition": {"StringEquals": {"ec2:CreateAction": "AuthorizeSecurityGroupIngress"}}},
        _allow("ReadDatabases", ["rds:DescribeDBInstances"], "*"),
        _allow(
            "ModifyDatabases",
            ["rds:ModifyDBInstance"],
            sub("arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:db:*"),
        ),
        _allow(
            "BlockPublicBuckets",
            ["s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"],
            sub("arn:${AWS::Partition}:s3:::*"),
        ),
    ]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": sub("gatewatch-automation-${AWS::Region}"),
            "Path": "/gatewatch/",
            "Description": "Assumed by remediations of AWS Config",
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


def sub(text: str) -> dict[str, str]:
    """Return Fn::Sub of a text."""
    return {"Fn::Sub": text}

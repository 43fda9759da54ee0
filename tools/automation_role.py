"""The role that the remediations of AWS Config act as."""

from __future__ import annotations

from typing import Any


def automation_role() -> dict[str, Any]:
    groups = [
        sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group/*"),
        sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group-rule/*"),
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


def sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}

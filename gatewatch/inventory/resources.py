"""Reads the resources of an account that are public: snapshots, images, databases and buckets.

The functions raise botocore's errors; most return the ids of public resources of one kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatewatch.aws.error_codes import error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from types_boto3_ec2 import EC2Client
    from types_boto3_rds import RDSClient

# Predefined groups of access control lists (Amazon S3 user guide, "ACL overview").
_EVERYONE = ("/global/AllUsers", "/global/AuthenticatedUsers")


def public_snapshots(ec2: EC2Client) -> list[str]:
    """EBS snapshots of this account that anyone may restore."""
    pages = ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], RestorableByUserIds=["all"])
    return [each["SnapshotId"] for page in pages for each in page["Snapshots"]]


def public_images(ec2: EC2Client) -> list[str]:
    """Machine images of this account that anyone may launch."""
    pages = ec2.get_paginator("describe_images").paginate(Owners=["self"], ExecutableUsers=["all"])
    return [each["ImageId"] for page in pages for each in page["Images"]]


def public_databases(rds: RDSClient) -> list[str]:
    """DB instances with a public address."""
    pages = rds.get_paginator("describe_db_instances").paginate()
    found = (each for page in pages for each in page["DBInstances"])
    return [each["DBInstanceArn"] for each in found if each.get("PubliclyAccessible")]


def public_database_snapshots(rds: RDSClient, account_id: str) -> list[str]:
    """DB snapshots of this account that anyone may restore."""
    pages = rds.get_paginator("describe_db_snapshots").paginate(SnapshotType="public", IncludePublic=True)
    return _owned((each["DBSnapshotArn"] for page in pages for each in page["DBSnapshots"]), account_id)


def public_database_cluster_snapshots(rds: RDSClient, account_id: str) -> list[str]:
    """DB cluster snapshots of this account that anyone may restore."""
    pages = rds.get_paginator("describe_db_cluster_snapshots").paginate(SnapshotType="public")
    return _owned((each["DBClusterSnapshotArn"] for page in pages for each in page["DBClusterSnapshots"]), account_id)


def _owned(arns: Iterable[str], account_id: str) -> list[str]:
    """Return the snapshots of an account: the list of public ones has those of all accounts in the Region."""
    return [each for each in arns if each.split(":")[4] == account_id]


def bucket_names(s3: Any) -> list[str]:
    """Return the names of all buckets of an account."""
    return [str(each["Name"]) for page in s3.get_paginator("list_buckets").paginate() for each in page["Buckets"]]


def account_block(s3control: Any, account_id: str) -> Mapping[str, bool]:
    """Return the Block Public Access settings of an account, empty without any."""
    return _block(lambda: s3control.get_public_access_block(AccountId=account_id))


def is_public_bucket(s3: Any, bucket: str, account_block: Mapping[str, bool]) -> bool:
    """Return whether policy or access control list are public and not blocked; False for a bucket that is gone.

    `account_block`: the Block Public Access settings of the account.
    """
    bucket_block = _block(lambda: s3.get_public_access_block(Bucket=bucket))
    on = {name for each in (account_block, bucket_block) for name, is_on in each.items() if is_on}
    has_public_policy = "RestrictPublicBuckets" not in on and _has_public_policy(s3, bucket)
    return has_public_policy or ("IgnorePublicAcls" not in on and _has_public_acl(s3, bucket))


def _block(request: Callable[[], Any]) -> Mapping[str, bool]:
    settings: Mapping[str, bool] = _unless_missing(request).get("PublicAccessBlockConfiguration", {})
    return settings


def _has_public_policy(s3: Any, bucket: str) -> bool:
    status = _unless_missing(lambda: s3.get_bucket_policy_status(Bucket=bucket))
    return bool(status.get("PolicyStatus", {}).get("IsPublic"))


def _has_public_acl(s3: Any, bucket: str) -> bool:
    grants = _unless_missing(lambda: s3.get_bucket_acl(Bucket=bucket)).get("Grants", ())
    return any(str(each.get("Grantee", {}).get("URI", "")).endswith(_EVERYONE) for each in grants)


def _unless_missing(request: Callable[[], Any]) -> Mapping[str, Any]:
    """Return the response, empty for a setting, policy or bucket that does not exist."""
    try:
        response: Mapping[str, Any] = request()
    except ClientError as error:
        if error_code(error).startswith("NoSuch"):
            return {}
        raise
    return response

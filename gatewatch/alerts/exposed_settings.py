"""Which setting of a resource a call of public_access changes: as a whole, or one grant in it.

Calls that are not here open what no other call closes by the same name.
"""

from __future__ import annotations

# By setting: service, then its calls. A call that replaces or deletes the setting as a whole.
_WHOLE = {
    "access-point-policy": "s3 PutAccessPointPolicy DeleteAccessPointPolicy",
    "account-public-access-block": "s3 PutAccountPublicAccessBlock DeleteAccountPublicAccessBlock",
    "bucket-acl": "s3 PutBucketAcl CreateBucket",
    "bucket-policy": "s3 PutBucketPolicy DeleteBucketPolicy",
    "public-access-block": (
        "s3 PutBucketPublicAccessBlock PutPublicAccessBlock DeleteBucketPublicAccessBlock DeletePublicAccessBlock"
    ),
    "function-url": "lambda CreateFunctionUrlConfig UpdateFunctionUrlConfig DeleteFunctionUrlConfig",
    "function-policy": "lambda PutResourcePolicy DeleteResourcePolicy",
    "database-endpoint": (
        "rds CreateDBInstance CreateDBInstanceReadReplica RestoreDBInstanceFromDBSnapshot RestoreDBInstanceFromS3 "
        "RestoreDBInstanceToPointInTime ModifyDBInstance"
    ),
    "warehouse-endpoint": "redshift CreateCluster RestoreFromClusterSnapshot ModifyCluster",
    "warehouse-policy": "redshift PutResourcePolicy",
    "workgroup-endpoint": "redshift-serverless CreateWorkgroup UpdateWorkgroup",
    "workgroup-policy": "redshift-serverless PutResourcePolicy",
    "cluster-endpoint": "eks CreateCluster UpdateClusterConfig",
    "kafka-endpoint": "kafka UpdateConnectivity",
    "kafka-policy": "kafka PutClusterPolicy",
    "serial-console": "ec2 EnableSerialConsoleAccess DisableSerialConsoleAccess",
    "snapshot-block": "ec2 DisableSnapshotBlockPublicAccess EnableSnapshotBlockPublicAccess",
    "image-block": "ec2 DisableImageBlockPublicAccess EnableImageBlockPublicAccess",
    "snapshot-permission": "ec2 ResetSnapshotAttribute",
    "image-permission": "ec2 ResetImageAttribute",
    "emr-block": "elasticmapreduce PutBlockPublicAccessConfiguration",
    "service-setting": "ssm UpdateServiceSetting",
    "queue-policy": "sqs SetQueueAttributes CreateQueue",
    "topic-policy": "sns SetTopicAttributes CreateTopic",
    "key-policy": "kms PutKeyPolicy CreateKey",
    "secret-policy": "secretsmanager PutResourcePolicy DeleteResourcePolicy",
    "repository-policy": "ecr SetRepositoryPolicy DeleteRepositoryPolicy",
    "registry-policy": "ecr PutRegistryPolicy DeleteRegistryPolicy",
    "public-repository-policy": "ecr-public SetRepositoryPolicy DeleteRepositoryPolicy",
    "file-system-policy": "elasticfilesystem PutFileSystemPolicy DeleteFileSystemPolicy",
    "search-policy": "es CreateElasticsearchDomain CreateDomain UpdateElasticsearchDomainConfig UpdateDomainConfig",
    "backup-vault-policy": "backup PutBackupVaultAccessPolicy DeleteBackupVaultAccessPolicy",
    "catalog-policy": "glue PutResourcePolicy DeleteResourcePolicy",
    "table-policy": "dynamodb PutResourcePolicy DeleteResourcePolicy CreateTable",
    "stream-policy": "kinesis PutResourcePolicy DeleteResourcePolicy",
    "log-destination-policy": "logs PutDestinationPolicy",
    "log-policy": "logs PutResourcePolicy",
    "archive-vault-policy": "glacier SetVaultAccessPolicy",
    "certificate-authority-policy": "acm-pca PutPolicy",
    "package-domain-policy": "codeartifact PutDomainPermissionsPolicy",
    "build-policy": "codebuild PutResourcePolicy",
    "build-visibility": "codebuild UpdateProjectVisibility",
    "event-data-store-policy": "cloudtrail PutResourcePolicy",
    "resource-share": "ram DeleteResourceShare",
}
# A call that adds or removes grants, and leaves the others.
_GRANTS = {
    "snapshot-permission": "ec2 ModifySnapshotAttribute",
    "image-permission": "ec2 ModifyImageAttribute",
    "db-snapshot-permission": "rds ModifyDBSnapshotAttribute",
    "db-cluster-snapshot-permission": "rds ModifyDBClusterSnapshotAttribute",
    "warehouse-snapshot-permission": "redshift AuthorizeSnapshotAccess RevokeSnapshotAccess",
    "document-permission": "ssm ModifyDocumentPermission",
    "resource-share": "ram CreateResourceShare AssociateResourceShare DisassociateResourceShare",
    "queue-policy": "sqs AddPermission RemovePermission",
    "topic-policy": "sns AddPermission RemovePermission",
    "function-policy": "lambda AddPermission RemovePermission",
    "layer-policy": "lambda AddLayerVersionPermission RemoveLayerVersionPermission",
    "database-group-rules": "rds AuthorizeDBSecurityGroupIngress RevokeDBSecurityGroupIngress",
    "warehouse-group-rules": "redshift AuthorizeClusterSecurityGroupIngress RevokeClusterSecurityGroupIngress",
}


def _by_call(settings: dict[str, str]) -> dict[tuple[str, str], str]:
    return {
        (calls.partition(" ")[0], name): setting for setting, calls in settings.items() for name in calls.split()[1:]
    }


# By service and event name without a date.
WHOLE_SETTINGS = _by_call(_WHOLE)
GRANT_SETTINGS = _by_call(_GRANTS)
# What prevents public access. Without it nothing is public by that alone.
GUARD_SETTINGS = frozenset(
    {
        "account-public-access-block",
        "emr-block",
        "image-block",
        "public-access-block",
        "service-setting",
        "snapshot-block",
    }
)
# One for the account in all Regions, whichever Region the call went to.
GLOBAL_SETTINGS = frozenset({"account-public-access-block"})
# One for the account and Region; its calls name no resource.
UNNAMED_SETTINGS = GLOBAL_SETTINGS | {
    "catalog-policy",
    "emr-block",
    "image-block",
    "registry-policy",
    "serial-console",
    "snapshot-block",
}

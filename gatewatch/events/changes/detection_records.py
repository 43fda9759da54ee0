"""Logs, keys, filters and alarms: what keeps records, makes them readable, or stops and reports requests."""

from __future__ import annotations

from gatewatch.events.changes.detection import (
    Table,
    access_logs,
    bucket_logging,
    cancel_deletion,
    eks_logs,
    enable_alarms,
    enable_key,
    lock_domain,
    row_of,
    rows_of_service,
    versioning,
)
from gatewatch.model.resource import Impact

_X, _R, _ON, _SET = (
    Impact.DISABLED,
    Impact.REDUCED,
    Impact.RESTORED,
    Impact.SETTING_CHANGED,
)
_KEY, _FILTER, _DELETED = Impact.KEY_UNUSABLE, Impact.PROTECTION_REMOVED, Impact.RECORDS_DELETED
_WEB_ACL = "webaclarn webaclid name id resourcearn"
_GROUP = "loggroupname loggroupidentifier resourceidentifier"
_SHIELD = "protectionid resourcearn protectiongroupid name"
_CLASSIC_WAF = (
    ("DeleteWebACL DisassociateWebACL", row_of(_FILTER, "web_acl", _WEB_ACL)),
    ("DeleteRule DeleteRuleGroup DeleteLoggingConfiguration", row_of(_R, "web_acl", "ruleid rulegroupid resourcearn")),
)

CALL_SPECS: Table = {
    **rows_of_service(
        "ec2",
        ("DeleteFlowLogs", row_of(_X, "flow_log", "flowlogid flowlogids")),
        ("DisableEbsEncryptionByDefault", row_of(_R, "account")),
        ("EnableEbsEncryptionByDefault", row_of(_ON, "account")),
    ),
    **rows_of_service(
        "logs",
        ("DeleteLogGroup PutRetentionPolicy", row_of(_DELETED, "log_group", "loggroupname")),
        ("DeleteLogStream", row_of(_DELETED, "log_stream", "logstreamname loggroupname")),
        ("DeleteRetentionPolicy", row_of(_SET, "log_group", "loggroupname")),
        ("DeleteSubscriptionFilter DeleteMetricFilter", row_of(_R, "log_group", _GROUP)),
        ("DeleteDataProtectionPolicy DisassociateKmsKey", row_of(_R, "log_group", _GROUP)),
        ("DeleteDestination", row_of(_R, "log_destination", "destinationname")),
    ),
    **rows_of_service(
        "kms",
        ("DisableKey", row_of(_KEY, "kms_key", "keyid", undo=enable_key)),
        ("ScheduleKeyDeletion", row_of(_KEY, "kms_key", "keyid", undo=cancel_deletion)),
        ("DeleteImportedKeyMaterial DisconnectCustomKeyStore", row_of(_KEY, "kms_key", "keyid customkeystoreid")),
        ("DisableKeyRotation", row_of(_R, "kms_key", "keyid")),
        ("EnableKey CancelKeyDeletion EnableKeyRotation", row_of(_ON, "kms_key", "keyid")),
        ("ImportKeyMaterial", row_of(_SET, "kms_key", "keyid")),
    ),
    **rows_of_service(
        "wafv2",
        ("DeleteWebACL DisassociateWebACL", row_of(_FILTER, "web_acl", _WEB_ACL)),
        ("DeleteLoggingConfiguration DeleteRuleGroup", row_of(_R, "web_acl", "resourcearn name id")),
        ("AssociateWebACL", row_of(_ON, "web_acl", _WEB_ACL)),
    ),
    **rows_of_service("waf", *_CLASSIC_WAF),
    **rows_of_service("waf-regional", *_CLASSIC_WAF),
    **rows_of_service(
        "shield",
        (
            "DeleteProtection DeleteProtectionGroup DeleteSubscription",
            row_of(_FILTER, "shield", _SHIELD, is_optional=True),
        ),
        ("DisableApplicationLayerAutomaticResponse", row_of(_FILTER, "shield", _SHIELD)),
        ("CreateProtection CreateSubscription", row_of(_ON, "shield", _SHIELD, is_optional=True)),
    ),
    **rows_of_service("network-firewall", ("DeleteFirewall", row_of(_FILTER, "firewall", "firewallarn firewallname"))),
    **rows_of_service(
        "route53resolver",
        (
            "DeleteResolverQueryLogConfig DisassociateResolverQueryLogConfig",
            row_of(_X, "query_log", "resolverquerylogconfigid"),
        ),
        ("DisassociateFirewallRuleGroup", row_of(_FILTER, "firewall", "firewallrulegroupassociationid")),
    ),
    **rows_of_service(
        "route53domains",
        ("DisableDomainTransferLock", row_of(_FILTER, "domain", "domainname", undo=lock_domain)),
        ("EnableDomainTransferLock", row_of(_ON, "domain", "domainname")),
    ),
    **rows_of_service("route53", ("DeleteQueryLoggingConfig", row_of(_X, "query_log", "id"))),
    **rows_of_service(
        "monitoring",
        (
            "DeleteAlarms DisableAlarmActions",
            row_of(Impact.ALARMS_OFF, "alarm", "alarmnames", undo=enable_alarms),
        ),
        ("EnableAlarmActions", row_of(_ON, "alarm", "alarmnames")),
    ),
    **rows_of_service(
        "cloudtrail",
        ("DeleteEventDataStore StopEventDataStoreIngestion", row_of(_X, "event_data_store", "eventdatastore")),
    ),
    **rows_of_service("rds", ("StopActivityStream", row_of(_X, "database", "resourcearn"))),
    **rows_of_service("eks", ("UpdateClusterConfig", row_of(eks_logs, "eks_cluster", "name", worst=_R))),
    **rows_of_service(
        "elasticloadbalancing",
        ("ModifyLoadBalancerAttributes", row_of(access_logs, "load_balancer", "loadbalancerarn loadbalancername")),
    ),
    **rows_of_service(
        "bedrock",
        ("DeleteModelInvocationLoggingConfiguration", row_of(_X, "bedrock")),
        ("PutModelInvocationLoggingConfiguration", row_of(_SET, "bedrock")),
        ("DeleteGuardrail UpdateGuardrail", row_of(_R, "guardrail", "guardrailidentifier")),
        ("DeleteEnforcedGuardrailConfiguration", row_of(_R, "guardrail", "configid")),
        ("PutEnforcedGuardrailConfiguration", row_of(_SET, "guardrail", "configid", is_optional=True)),
    ),
    **rows_of_service(
        "backup",
        (
            "DeleteBackupVault DeleteBackupVaultLockConfiguration DeleteRecoveryPoint",
            row_of(_DELETED, "backup_vault", "backupvaultname"),
        ),
    ),
    **rows_of_service(
        "s3",
        ("PutBucketLogging", row_of(bucket_logging, "bucket", "bucketname")),
        ("PutBucketVersioning", row_of(versioning, "bucket", "bucketname")),
        (
            "PutBucketReplication DeleteBucketReplication",
            row_of(Impact.STORAGE_CHANGED, "bucket", "bucketname"),
        ),
        ("PutBucketLifecycle DeleteBucketEncryption", row_of(Impact.STORAGE_CHANGED, "bucket", "bucketname")),
        ("PutBucketCors DeleteBucketCors", row_of(_SET, "bucket", "bucketname")),
        ("DeleteBucketLifecycle PutBucketEncryption", row_of(_SET, "bucket", "bucketname")),
    ),
}

"""What a call exposes of a resource, and which call closes it again."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_fuzzing
from hypothesis import strategies as st

from gatewatch.alerts.exposed_settings import GRANT_SETTINGS, UNNAMED_SETTINGS, WHOLE_SETTINGS
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.resource_exposures import resource_exposure_of
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.delivery.exposure_history import ExposureHistory
from gatewatch.digest.activity import ExposureStep, activity_of
from gatewatch.events.changes import public_access
from gatewatch.model.severity import Severity
from support.mutations import JSON, places, replaced
from tools.example_calls import EXAMPLES, Example, call_of, settings

QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/q"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:t"
SHARE = "arn:aws:ram:eu-west-1:111122223333:resource-share/1b2c"
STRANGER, OTHER = "777788889999", "666677778888"
# What opens something that no call closes under the same name.
NOT_FOLLOWED = {
    "a data event, and the name of an object says nothing without its bucket": "s3 PutObjectAcl",
    "deleted by a call that is not read": "s3 PutAccessPointPolicyForObjectLambda",
    "never changed later, only deleted": (
        "rds CreateDBCluster|rds RestoreDBClusterFromSnapshot|rds RestoreDBClusterToPointInTime|"
        "dms CreateReplicationInstance|mq CreateBroker|apigateway CreateRestApi"
    ),
    "several policies of one identity": (
        "ses PutIdentityPolicy|ses CreateEmailIdentityPolicy|ses UpdateEmailIdentityPolicy"
    ),
    "the name is unique in one domain only": "codeartifact PutRepositoryPermissionsPolicy",
    "the policy is that of the replica, in another Region": "kms ReplicateKey",
    "a transfer, which ends when the other account accepts it": "route53domains TransferDomainToAnotherAwsAccount",
    "deleted by the id of the permission": "ec2 CreateNetworkInterfacePermission",
    "names groups, which the family security_group follows": (
        "elasticache AuthorizeCacheSecurityGroupIngress|elasticache RevokeCacheSecurityGroupIngress"
    ),
}


def exposure(name, severity, number=0, **more):
    example = [each for each in EXAMPLES if each.name == name and each.expected["severity"] == severity][number]
    return resource_exposure_of(alert_of(example, **more))


def alert_of(example, **more):
    return assess_call(call_of(example.record(**more)), Assessor(settings(), InMemoryRuleHistory()))


def made(call, request, response=None, **more):
    service, name = call.split()
    return resource_exposure_of(alert_of(Example("", service, name, request, response, None, "", {}), **more))


def state(*changes):
    """How many exposures the first change opened, and how many of them are closed."""
    history = ExposureHistory()
    for number, change in enumerate(changes):
        later = msgspec.structs.replace(change, at=change.at + number)
        history = history.with_change(str(number), later)
    found = history.state_of("0")
    return found.exposed, found.closed


@pytest.mark.parametrize(
    ("opening", "closing", "key"),
    [
        (("PutBucketPolicy", "critical"), ("DeleteBucketPolicy", "info"), "bucket-policy/b"),
        (("PutBucketPolicy", "critical"), ("PutBucketPolicy", "info"), "bucket-policy/b"),
        (("PutBucketPolicy", "critical"), ("PutBucketPolicy", "low"), "bucket-policy/b"),
        (("PutBucketAcl", "critical"), ("PutBucketAcl", "info"), "bucket-acl/b"),
        (("DeleteBucketPublicAccessBlock", "high"), ("PutBucketPublicAccessBlock", "info"), "public-access-block/b"),
        (("CreateFunctionUrlConfig", "high"), ("DeleteFunctionUrlConfig", "info"), "function-url/f"),
        (("ModifyDBInstance", "high"), ("ModifyDBInstance", "info"), "database-endpoint/d"),
        (("SetRepositoryPolicy", "critical"), ("DeleteRepositoryPolicy", "info"), "repository-policy/r"),
        (("ModifySnapshotAttribute", "critical"), ("ResetSnapshotAttribute", "info"), "snapshot-permission/snap-1"),
        (("DisableSnapshotBlockPublicAccess", "high"), ("EnableSnapshotBlockPublicAccess", "info"), "snapshot-block/"),
    ],
)
def test_an_opening_is_closed_by_the_call_that_replaces_the_setting(opening, closing, key):
    opened, closed = exposure(*opening), exposure(*closing)
    assert opened.opened
    assert closed.closes_others
    assert not closed.opened
    assert opened.group_key == closed.group_key == f"111122223333/eu-west-1/{key}"
    assert state(opened, closed) == (len(opened.opened), len(opened.opened))


def snapshot(change):
    return "ec2 ModifySnapshotAttribute", {"snapshotId": "snap-1", "createVolumePermission": change}


def items(*grantees):
    return {"items": [{"group" if each == "all" else "userId": each} for each in grantees]}


def permission(service, verb, label, *accounts):
    named = {"queueUrl": QUEUE} if service == "sqs" else {"topicArn": TOPIC}
    given = {"aWSAccountIds" if service == "sqs" else "aWSAccountId": list(accounts)} if accounts else {}
    return f"{service} {verb}Permission", {**named, "label": label, **given}


def function(verb, name, statement, **more):
    given = {"principal": "*", "action": "lambda:InvokeFunction"} if verb == "Add" else {}
    request = {"functionName": name, "statementId": statement, **given, **more}
    return f"lambda {verb}Permission20150331v2", request


def image(change):
    return "ec2 ModifyImageAttribute", {"imageId": "ami-1", "launchPermission": change}


def database(verb, grantee):
    return "rds ModifyDBSnapshotAttribute", {"dBSnapshotIdentifier": "s", f"valuesTo{verb}": [grantee]}


PAIRS = {
    "snapshot": (snapshot({"add": items("all")}), snapshot({"remove": items("all")})),
    "snapshot of an account": (snapshot({"add": items(STRANGER)}), snapshot({"remove": items(OTHER, STRANGER)})),
    "image": (image({"add": items(STRANGER)}), image({"remove": items(STRANGER)})),
    "image reset": (image({"add": items(STRANGER)}), ("ec2 ResetImageAttribute", {"imageId": "ami-1"})),
    "database snapshot": (database("Add", "all"), database("Remove", "all")),
    "document": (
        ("ssm ModifyDocumentPermission", {"name": "d", "accountIdsToAdd": ["all"]}),
        ("ssm ModifyDocumentPermission", {"name": "d", "accountIdsToRemove": ["All"]}),
    ),
    "warehouse snapshot": (
        ("redshift AuthorizeSnapshotAccess", {"snapshotIdentifier": "s", "accountWithRestoreAccess": STRANGER}),
        ("redshift RevokeSnapshotAccess", {"snapshotIdentifier": "s", "accountWithRestoreAccess": STRANGER}),
    ),
    "share, removed principal": (
        ("ram AssociateResourceShare", {"resourceShareArn": SHARE, "principals": [STRANGER]}),
        (
            "ram DisassociateResourceShare",
            {"resourceShareArn": SHARE, "principals": [f"arn:aws:iam::{STRANGER}:root"]},
        ),
    ),
    "share, created by its name": (
        (
            "ram CreateResourceShare",
            {"name": "n", "principals": [STRANGER]},
            {"resourceShare": {"resourceShareArn": SHARE}},
        ),
        ("ram DeleteResourceShare", {"resourceShareArn": SHARE}),
    ),
    "queue": (permission("sqs", "Add", "l", "*"), permission("sqs", "Remove", "l")),
    "queue, whole policy": (
        permission("sqs", "Add", "l", "*"),
        ("sqs SetQueueAttributes", {"queueUrl": QUEUE, "attributes": {"Policy": ""}}),
    ),
    "topic": (permission("sns", "Add", "l", STRANGER), permission("sns", "Remove", "l")),
    "function": (
        function("Add", "f", "s"),
        function("Remove", "arn:aws:lambda:eu-west-1:111122223333:function:f", "s"),
    ),
    "function, new interface": (function("Add", "f", "s"), ("lambda DeleteResourcePolicy", {"resourceArn": "f"})),
    "layer": (
        (
            "lambda AddLayerVersionPermission20181031",
            {"layerName": "l", "versionNumber": 1, "statementId": "s", "principal": "*"},
        ),
        (
            "lambda RemoveLayerVersionPermission20181031",
            {"layerName": "l", "versionNumber": "1", "statementId": "s"},
        ),
    ),
    "rule of a database group": (
        ("rds AuthorizeDBSecurityGroupIngress", {"dBSecurityGroupName": "g", "cIDRIP": "0.0.0.0/0"}),
        ("rds RevokeDBSecurityGroupIngress", {"dBSecurityGroupName": "g", "cIDRIP": "0.0.0.0/0"}),
    ),
    "secret by its ARN": (
        (
            "secretsmanager PutResourcePolicy",
            {"secretId": "a/b", "resourcePolicy": '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"}]}'},
        ),
        (
            "secretsmanager DeleteResourcePolicy",
            {"secretId": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a/b-x1Y2z3"},
        ),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_grant_is_closed_by_the_call_that_takes_it_back(name):
    opening, closing = (made(*each) for each in PAIRS[name])
    assert opening.group_key == closing.group_key
    assert state(opening, closing) == (1, 1)


@pytest.mark.parametrize(
    ("opening", "later"),
    [
        (snapshot({"add": items("all")}), snapshot({"remove": items(STRANGER)})),
        (permission("sqs", "Add", "l", "*"), permission("sqs", "Remove", "m")),
        (function("Add", "f", "s"), function("Remove", "f", "s", qualifier="prod")),
        (
            ("ram AssociateResourceShare", {"resourceShareArn": SHARE, "principals": [f"arn:aws:iam::{OTHER}:role/a"]}),
            (
                "ram DisassociateResourceShare",
                {"resourceShareArn": SHARE, "principals": [f"arn:aws:iam::{OTHER}:role/b"]},
            ),
        ),
    ],
    ids=["another grantee", "another label", "another alias", "another role of the account"],
)
def test_taking_back_another_grant_closes_nothing(opening, later):
    assert state(made(*opening), made(*later)) == (1, 0)


def bucket_policy(*accounts):
    statement = {"Effect": "Allow", "Principal": {"AWS": list(accounts)}, "Action": "s3:*", "Resource": "*"}
    return "s3 PutBucketPolicy", {"bucketName": "b", "bucketPolicy": {"Statement": [statement]}}


def test_a_policy_that_replaces_another_closes_what_it_does_not_repeat():
    assert state(made(*bucket_policy("*", STRANGER)), made(*bucket_policy(STRANGER))) == (2, 1)
    assert state(made(*bucket_policy(STRANGER)), made(*bucket_policy(STRANGER, OTHER))) == (1, 0)


def test_a_call_that_adds_and_removes_does_both():
    both = made(*snapshot({"add": items(STRANGER), "remove": items("all")}))
    assert [each.shape for each in both.opened] == [f"snapshot-permission {STRANGER}"]
    assert [each.shape for each in both.closed] == ["snapshot-permission *"]
    assert state(made(*snapshot({"add": items("all")})), both) == (1, 1)


def test_a_block_for_the_whole_account_is_the_same_in_every_region():
    opened = exposure("DeleteAccountPublicAccessBlock", "high", awsRegion="us-west-2")
    assert opened.group_key == "111122223333//account-public-access-block/"


@pytest.mark.parametrize(
    ("call", "more"),
    [
        (("PutBucketPolicy", "critical"), {"errorCode": "AccessDenied"}),
        (("PutBucketPolicy", "critical"), {"requestParameters": {"bucketName": "b"}}),
        (("PutBucketPolicy", "critical"), {"eventTime": None}),
        (("CreateRoute", "medium"), {}),
        (("ModifySnapshotAttribute", "low"), {}),
        (("RemovePermission20150331v2", "info"), {"requestParameters": {"functionName": "f"}}),
        (
            ("RemovePermission20150331v2", "info"),
            {"requestParameters": {"functionName": "f", "statementId": "s" * 999}},
        ),
        (("DeleteBucketPolicy", "info"), {"requestParameters": {"bucketName": "b" * 999}}),
    ],
    ids=[
        "denied",
        "not understood",
        "no time",
        "another family",
        "known accounts",
        "no statement",
        "long statement",
        "long name",
    ],
)
def test_any_other_call_exposes_and_closes_nothing(call, more):
    assert exposure(*call, **more) is None


PUBLIC = [each for each in EXAMPLES if each.family == "public_access" and each.request and not each.error]


@settings_of_fuzzing(max_examples=300)
@given(st.sampled_from(PUBLIC), JSON, st.data())
def test_no_form_of_a_call_stops_its_message_or_its_activity(example, response, data):
    path = data.draw(st.sampled_from(places(example.request)))
    request = replaced(example.request, path, data.draw(JSON))
    alert = alert_of(example, requestParameters=request, responseElements=response)
    if alert is None:
        return
    change, activity = resource_exposure_of(alert), activity_of(alert, alert)
    severe = any(each.assessment.severity.rank >= Severity.HIGH.rank for each in alert.changes)
    assert severe or not (change and change.opened)
    assert msgspec.json.decode(msgspec.json.encode(activity.steps), type=tuple[ExposureStep, ...]) == activity.steps


def test_every_call_of_the_family_is_followed_or_listed_with_its_reason():
    known = {(service, re.sub(r"20\d{6}(v\d+)?$", "", name)) for service, name in public_access.CALL_SPECS}
    listed = {tuple(call.split()) for calls in NOT_FOLLOWED.values() for call in calls.split("|")}
    assert {*WHOLE_SETTINGS, *GRANT_SETTINGS} | listed == known
    assert not listed & {*WHOLE_SETTINGS, *GRANT_SETTINGS}


def test_settings_without_a_resource_are_settings():
    assert {*WHOLE_SETTINGS.values(), *GRANT_SETTINGS.values()} >= UNNAMED_SETTINGS

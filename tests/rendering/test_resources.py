"""Headlines, fields and commands of the families with resources, in every language."""

import json

import msgspec
import pytest

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.families import DetectionSeverity, NetworkSeverity, OrganizationSeverity, PublicAccessSeverity
from gatewatch.config.settings import LANGUAGES
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT
from tools.example_calls import EXAMPLES, call_of, settings

LABELS = {language: load_labels(ROOT / "templates", language) for language in LANGUAGES}
SECTIONS = {
    "network": NetworkSeverity,
    "public_access": PublicAccessSeverity,
    "organization": OrganizationSeverity,
    "detection": DetectionSeverity,
}
SHOWN = [each for each in EXAMPLES if each.expected["severity"] not in {"none", "row"}]


def alert_of(example, **more):
    return assess_call(call_of(example.record(**more)), Assessor(settings(), InMemoryRuleHistory()))


def example(call, severity, number=0):
    return [each for each in EXAMPLES if each.name == call and each.expected["severity"] == severity][number]


@pytest.mark.parametrize("family", SECTIONS)
def test_every_severity_of_a_family_has_a_reason_and_a_headline(family):
    keys = {f"{family}_{field.name}" for field in msgspec.structs.fields(SECTIONS[family])} - {f"{family}_enabled"}
    for labels in LABELS.values():
        assert keys <= labels.reason.keys()
        assert keys <= labels.resource_change.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_example_has_a_headline_that_names_its_resource(language):
    for each in SHOWN:
        headline = alert_headline(alert_of(each), LABELS[language])
        assert headline
        assert "{" not in headline
        assert "unknown" not in headline.lower() or "account" in headline


@pytest.mark.parametrize(
    ("call", "severity", "headline"),
    [
        ("PutBucketPolicy", "critical", "S3 bucket b can now be accessed by anyone"),
        ("ModifySnapshotAttribute", "high", "EBS snapshot snap-1 can now be accessed by unknown account 777788889999"),
        ("CreateRoute", "medium", "Route table rtb-1: route to the internet through igw-1"),
        ("CreateNetworkAclEntry", "high", "Network ACL acl-1: entry allows SSH from 0.0.0.0/0"),
        ("LeaveOrganization", "high", "Account removed from the organization"),
        ("AssumeRoot", "high", "Session as the root user of 444455556666 started"),
        (
            "StopConfigurationRecorder",
            "high",
            "Config recorder default switched off or limited (StopConfigurationRecorder)",
        ),
        ("ScheduleKeyDeletion", "high", "KMS key k disabled or scheduled for deletion (ScheduleKeyDeletion)"),
        ("SetSecurityGroups", "low", "Security groups set on load balancer a"),
        ("CreateAccountAssignment", "medium", "Permission set p assigned in account 111122223333 to user u"),
    ],
)
def test_a_headline_says_what_happened(call, severity, headline):
    assert alert_headline(alert_of(example(call, severity)), LABELS["en"]) == headline


def test_a_denied_call_is_an_attempt():
    alert = alert_of(example("PutBucketPolicy", "critical"), errorCode="AccessDenied")
    assert alert_headline(alert, LABELS["en"]) == "Denied attempt to call PutBucketPolicy on S3 bucket b"


def test_the_words_of_hostile_names_stay_values():
    name = "<!here> {0} {peer} %s"
    record = json.dumps(
        {"bucketName": name, "bucketPolicy": example("PutBucketPolicy", "critical").request["bucketPolicy"]}
    )
    alert = alert_of(example("PutBucketPolicy", "critical"), requestParameters=json.loads(record))
    assert alert_headline(alert, LABELS["en"]) == f"S3 bucket {name} can now be accessed by anyone"

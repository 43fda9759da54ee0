"""Resources that are public or shared with unknown accounts: what a digest shows of them, and until when."""

import email
import email.policy
import random
from datetime import date

import msgspec
import pytest

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.alerts.suppression import suppress
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.digest.activity import ExposureStep, activity_of
from gatewatch.digest.email import EmailTemplate, email_message, html_page
from gatewatch.digest.summary import summarize_activity
from gatewatch.model.change import Family
from gatewatch.model.digest import MAX_EXPOSURES, shortened
from gatewatch.model.notification import DigestNotification
from gatewatch.model.severity import Severity
from gatewatch.rendering.digest.labels import load_digest_labels
from gatewatch.rendering.digest.messages import digest_sns_body
from gatewatch.rendering.digest.sections import DigestText
from gatewatch.rendering.digest.text import digest_text, slack_blocks
from gatewatch.rendering.digest.view import digest_view
from gatewatch.rendering.escaping import mrkdwn
from gatewatch.rendering.slack_blocks import payload
from gatewatch.rendering.slack_validation import mentions, slack_problems
from gatewatch.rendering.text.labels import load_labels
from support.html import nesting_problems
from support.paths import ROOT
from support.rendering import LOADED
from tools.example_calls import Example, call_of, settings

TEMPLATES = ROOT / "templates"
STRANGER, KNOWN = "777788889999", "444455556666"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/q"
OPEN_POLICY = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
BUCKET = ("s3 PutBucketPolicy", {"bucketName": "b", "bucketPolicy": msgspec.json.decode(OPEN_POLICY)})
SNAPSHOT = (
    "ec2 ModifySnapshotAttribute",
    {"snapshotId": "snap-1", "createVolumePermission": {"add": {"items": [{"group": "all"}]}}},
)
IMAGE = (
    "ec2 ModifyImageAttribute",
    {"imageId": "ami-1", "launchPermission": {"add": {"items": [{"userId": STRANGER}]}}},
)
DATABASE = ("rds ModifyDBInstance", {"dBInstanceIdentifier": "d", "publiclyAccessible": True})
SHARE = ("ram CreateResourceShare", {"name": "n", "principals": [STRANGER]})
UNSHARED = (
    "ec2 ModifySnapshotAttribute",
    {"snapshotId": "snap-1", "createVolumePermission": {"remove": {"items": [{"group": "all"}]}}},
)
OPENINGS = (BUCKET, SNAPSHOT, IMAGE, DATABASE, SHARE)


def alerts_of(*calls, **more):
    """The alerts of calls, one a minute."""
    found = []
    for number, (call, request) in enumerate(calls):
        service, name = call.split()
        example = Example("", service, name, request, None, None, "", {})
        record = example.record(eventID=f"event-{number}", eventTime=f"2026-01-24T03:{number:02}:00Z", **more)
        found.append(assess_call(call_of(record), Assessor(settings(), InMemoryRuleHistory())))
    return [each for each in found if each]


def digest(alerts, exceptions=()):
    known = msgspec.structs.replace(load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"), exceptions=exceptions)
    return summarize_activity(
        [activity_of(each, suppress(each, exceptions, each.call.time).alert) for each in alerts], known
    )


def view_of(alerts, language="en"):
    labels = load_digest_labels(TEMPLATES, language), load_labels(TEMPLATES, language)
    return digest_view(digest(alerts), DigestText(*labels, "UTC"))


def lines(alerts):
    """The lines of the section, without mark, actor and owner."""
    (section,) = [each for each in view_of(alerts).sections if each.title.startswith("Public now")]
    return [str(each).partition(" ")[2].partition(" · ")[0] for each in section.exposures]


def test_each_kind_of_resource_has_a_line_that_says_who_has_access():
    assert lines(alerts_of(*OPENINGS)) == [
        "S3 bucket b, payments-prod eu-west-1: open to anyone for 4 min",
        "EBS snapshot snap-1, payments-prod eu-west-1: open to anyone for 3 min",
        "AMI ami-1, payments-prod eu-west-1: open to 777788889999 for 2 min",
        "RDS database d, payments-prod eu-west-1: reachable from the internet for 1 min",
        "resource share n, payments-prod eu-west-1: open to 777788889999 for 0 min",
    ]


def test_a_condition_a_rule_of_a_database_group_and_a_setting_of_the_account_are_named():
    policy = OPEN_POLICY.replace('"Action"', '"Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}},"Action"')
    calls = (
        ("sqs SetQueueAttributes", {"queueUrl": QUEUE, "attributes": {"Policy": policy}}),
        ("rds AuthorizeDBSecurityGroupIngress", {"dBSecurityGroupName": "g", "cIDRIP": "0.0.0.0/0"}),
        ("ec2 EnableSerialConsoleAccess", {"EnableSerialConsoleAccessRequest": ""}),
    )
    console = "EC2 serial console of the account 111122223333"
    assert lines(alerts_of(*calls)) == [
        "database security group g, payments-prod eu-west-1: open to 0.0.0.0/0 for 1 min",
        "SQS queue q, payments-prod eu-west-1: open to anyone who meets a condition for 2 min",
        f"{console}, payments-prod eu-west-1: reachable from the internet for 0 min",
    ]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        (SNAPSHOT, UNSHARED),
        (SNAPSHOT, ("ec2 ResetSnapshotAttribute", {"snapshotId": "snap-1"})),
        (BUCKET, ("s3 DeleteBucketPolicy", {"bucketName": "b"})),
        (DATABASE, ("rds ModifyDBInstance", {"dBInstanceIdentifier": "d", "publiclyAccessible": False})),
        (
            ("sqs AddPermission", {"queueUrl": QUEUE, "label": "l", "aWSAccountIds": ["*"]}),
            ("sqs RemovePermission", {"queueUrl": QUEUE, "label": "l"}),
        ),
    ],
)
def test_a_resource_is_public_until_the_access_is_taken_back(opening, closing):
    found = digest(alerts_of(opening, closing))
    assert (found.public, len(found.closed)) == ((), 1)
    assert len(digest(alerts_of(closing, opening)).public) == 1


def test_a_replaced_policy_shows_who_has_access_now():
    stranger = msgspec.json.decode(OPEN_POLICY.replace('"*"', f'{{"AWS":"{STRANGER}"}}', 1))
    both = alerts_of(BUCKET, ("s3 PutBucketPolicy", {"bucketName": "b", "bucketPolicy": stranger}))
    assert lines(both) == ["S3 bucket b, payments-prod eu-west-1: open to 777788889999 for 0 min"]
    assert len(digest(both).closed) == 1


def test_several_grants_of_a_setting_are_one_line_of_the_worst_and_the_oldest():
    grants = {"add": {"items": [{"userId": STRANGER}, {"group": "all"}, {"userId": KNOWN}]}}
    both = alerts_of(
        ("ec2 ModifySnapshotAttribute", {"snapshotId": "snap-1", "createVolumePermission": grants}), SNAPSHOT
    )
    assert lines(both) == ["EBS snapshot snap-1, payments-prod eu-west-1: open to anyone for 1 min"]


def test_a_statement_for_several_accounts_counts_as_the_most_severe_of_them():
    both = {"queueUrl": QUEUE, "label": "l", "aWSAccountIds": [STRANGER, "*"]}
    assert lines(alerts_of(("sqs AddPermission", both))) == [
        "SQS queue q, payments-prod eu-west-1: open to anyone for 0 min"
    ]


@pytest.mark.parametrize(
    "call",
    [
        ("s3 DeleteBucketPublicAccessBlock", {"bucketName": "b"}),
        ("s3 PutObjectAcl", {"bucketName": "b", "key": "k", "x-amz-acl": "public-read"}),
        ("ram CreateResourceShare", {"name": "n", "principals": [KNOWN]}),
    ],
    ids=["a guard", "not followed", "a known account"],
)
def test_other_calls_are_counted_only(call):
    found = digest(alerts_of(call))
    assert (found.public, found.events) == ((), 1)
    assert not [each for each in view_of(alerts_of(call)).sections if each.title.startswith("Public now")]


def test_a_denied_call_opens_nothing():
    assert digest(alerts_of(BUCKET, errorCode="AccessDenied")).public == ()


def test_an_exception_hides_a_resource():
    muting = PolicyException(
        id="open-data", match=ExceptionMatch(family=Family.PUBLIC_ACCESS, region="eu-west-1"),
        effect=ExceptionEffect.MUTE, owner="a", reason="b", ticket="c",
        expires=date(2030, 1, 1),
    )  # fmt: skip
    assert digest(alerts_of(BUCKET), (muting,)).public == ()


def test_neither_order_nor_duplicates_change_a_digest():
    alerts = alerts_of(*OPENINGS, UNSHARED, SNAPSHOT, BUCKET)
    shuffled = [*alerts, *alerts]
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)  # noqa: S311  an order, no secret
        assert digest(shuffled) == digest(alerts)


def test_steps_are_stored_and_read_unchanged():
    activity = [activity_of(each, each) for each in alerts_of(*OPENINGS, UNSHARED)]
    steps = [step for each in activity for step in each.steps]
    assert [msgspec.json.decode(msgspec.json.encode(each), type=ExposureStep) for each in steps] == steps
    assert len({(each.key, each.number) for each in steps}) == len(steps) >= len(OPENINGS)


def test_a_message_has_as_many_lines_as_it_can_show_and_counts_the_others():
    calls = [("ram CreateResourceShare", {"name": f"n{each}", "principals": [STRANGER]}) for each in range(40)]
    found = shortened(digest(alerts_of(*calls)))
    assert (len(found.public), found.public_count, found.worst_open) == (MAX_EXPOSURES, 40, Severity.HIGH)
    assert shortened(found) == found
    view = view_of(alerts_of(*calls))
    assert "and 25 more" in digest_text(view)
    assert slack_problems(payload("#0c3f7d", mrkdwn(view.title), slack_blocks(view))) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_channel_shows_the_section_in_every_language(language):
    alerts = alerts_of(*OPENINGS)
    view = view_of(alerts, language)
    title = load_digest_labels(TEMPLATES, language).digest["public"]
    sent = payload("#0c3f7d", mrkdwn(view.title), slack_blocks(view))
    assert (slack_problems(sent), mentions(sent)) == ((), ())
    page = html_page(view, EmailTemplate(language, TEMPLATES))
    assert nesting_problems(page) == []
    mail = email.message_from_bytes(
        email_message(view, EmailTemplate(language, TEMPLATES)), policy=email.policy.default
    )
    notification = DigestNotification(
        key="digest-1", digest=digest(alerts), first_day="2026-01-24", days=1, language=language, timezone="UTC"
    )
    body = digest_sns_body(notification, (), LOADED)
    assert body.subject == "gatewatch digest 2026-01-24: 0 open to the internet, 5 public or shared outside, 5 events"
    for text in (str(sent), page, mail.get_body(("plain",)).get_content(), body.mail):
        assert title in text
        assert "snap-1" in text
        assert STRANGER in text


def test_text_of_an_event_is_no_markup():
    name = "<!here>*x*</li>{name}"
    view = view_of(alerts_of(("ram CreateResourceShare", {"name": name, "principals": [STRANGER]})))
    sent = payload("#0c3f7d", mrkdwn(view.title), slack_blocks(view))
    assert (slack_problems(sent), mentions(sent)) == ((), ())
    assert nesting_problems(html_page(view, EmailTemplate("en", TEMPLATES))) == []

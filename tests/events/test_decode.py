"""Every wrapper is recognized from its content; account, time and region come from record or envelope."""

import json

import pytest

from gatewatch.errors import UndecodableError
from gatewatch.events.decoding import UnrecognizedDocument
from gatewatch.model.alert import Alert


def _sns(message):
    return {"Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(message)}


def _sqs(body):
    return {
        "Records": [{"messageId": "m-1", "body": body, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:x"}]
    }


WRAPPERS = {
    "an EventBridge event": lambda _b, event: event,
    "a CloudTrail record": lambda _b, event: event["detail"],
    "a log file": lambda _b, event: {"Records": [event["detail"]]},
    "an array of records": lambda _b, event: [event["detail"]],
    "an array of events": lambda _b, event: [event],
    "an array of log files": lambda _b, event: [{"Records": [event["detail"]]}],
    "an SNS Lambda event": lambda _b, event: {
        "Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": _sns(event)}]
    },
    "an SNS notification": lambda _b, event: _sns(event),
    "an SNS notification of a record": lambda _b, event: _sns(event["detail"]),
    "an SQS Lambda event": lambda _b, event: _sqs(json.dumps(event)),
    "an SQS Lambda event with an SNS notification": lambda _b, event: _sqs(json.dumps(_sns(event))),
    "ReceiveMessage output": lambda _b, event: {
        "Messages": [
            {
                "MessageId": "m-1",
                "ReceiptHandle": "x",
                "MD5OfBody": "0",
                "Body": json.dumps(event),
                "MessageAttributes": {"ERROR_CODE": {"StringValue": "NO_PERMISSIONS", "DataType": "String"}},
            }
        ]
    },
    "LookupEvents output": lambda _b, event: {
        "Events": [{"CloudTrailEvent": json.dumps(event["detail"]), "EventId": "x"}]
    },
    "one LookupEvents entry": lambda _b, event: {
        "EventId": "x",
        "EventName": event["detail"]["eventName"],
        "ReadOnly": "false",
        "CloudTrailEvent": json.dumps(event["detail"]),
    },
    "an envelope without detail-type": lambda _b, event: {"source": "aws.ec2", "detail": event["detail"]},
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_wrapper_gives_the_same_row(wrapper, build, row):
    made = build.event(build.authorize(build.item(v4=["0.0.0.0/0"])))
    assert row(WRAPPERS[wrapper](build, made)) == row(made)


def test_wrappers_mix_in_one_array_and_keep_their_order(build, rows):
    events = [build.event(build.authorize(build.item(v4=[f"10.0.{index}.0/24"]))) for index in range(len(WRAPPERS))]
    mixed = [wrap(build, event) for wrap, event in zip(WRAPPERS.values(), events, strict=True)]
    assert [row["peer"] for row in rows(mixed)] == [f"10.0.{index}.0/24" for index in range(len(WRAPPERS))]


@pytest.mark.parametrize("bad", [None, 7, "text", True, [5]])
@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: {"Records": each}, lambda each: {"Events": each}])
def test_a_bad_member_is_reported_and_the_others_are_decoded(bad, wrap, build, results):
    good = build.authorize(build.item(v4=["0.0.0.0/0"]))
    first, second, third = results(json.dumps(wrap([good, bad, good])))
    assert isinstance(first, Alert)
    assert isinstance(second, UndecodableError)
    assert "[1]" in second.where
    assert isinstance(third, Alert)


@pytest.mark.parametrize("document", ["null", "7", '"text"', "true", "1.5"])
def test_a_document_other_than_an_object_or_array_is_undecodable(document, results):
    (only,) = results(document)
    assert isinstance(only, UndecodableError)


@pytest.mark.parametrize(
    "document",
    [
        {"Records": 7},
        {"Records": None},
        {"Records": [{"Sns": {}}]},
        {"Records": [{"messageId": "m", "body": "no json"}]},
        {"Records": [{"messageId": "m", "body": None}]},
        {"Messages": [{"MessageId": "m", "Body": "no json"}]},
        {"Messages": [{"MessageId": "m", "Body": None}]},
        {"Messages": None},
        {"Type": "Notification", "Message": "Hello from a person"},
        {"Events": [{"CloudTrailEvent": "{broken"}]},
        {"detail-type": "AWS API Call via CloudTrail", "detail": None},
    ],
)
def test_a_wrapper_with_unreadable_content_is_undecodable(document, results):
    (only,) = results(json.dumps(document))
    assert isinstance(only, UndecodableError)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"foo": 1},
        {"detail-type": "AWS API Call via CloudTrail", "detail": {}},
        {"eventName": "AuthorizeSecurityGroupIngress"},
    ],
)
def test_an_object_of_unknown_form_is_an_unrecognized_document(document, results):
    (only,) = results(json.dumps(document))
    assert isinstance(only, UnrecognizedDocument)


@pytest.mark.parametrize("document", [{"Records": []}, [], {"Events": []}])
def test_an_empty_wrapper_gives_nothing_and_no_error(document, results):
    assert results(json.dumps(document)) == []


def test_an_event_of_another_source_gives_nothing(build, results):
    other = build.event({"instance-id": "i-01"}, **{"detail-type": "EC2 Instance State-change Notification"})
    assert results(json.dumps(other)) == []


def test_an_s3_notification_gives_no_event(results):
    made = {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {}}]}
    assert results(json.dumps(made)) == []


def test_too_many_nested_wrappers_are_undecodable(results):
    (only,) = results("[" * 100 + "]" * 100)
    assert isinstance(only, UndecodableError)


@pytest.mark.parametrize("depth", [400, 900, 5000, 100_000])
def test_deep_nesting_is_decoded_or_undecodable_and_never_raises(depth, build, results):
    made = json.dumps(build.record("AuthorizeSecurityGroupIngress", "@", eventID=None))
    (only,) = results(made.replace('"@"', '{"a":' * depth + "1" + "}" * depth))
    assert isinstance(only, Alert | UndecodableError)


@pytest.mark.parametrize(
    "odd",
    [
        "1e999",
        "-1e999",
        "9" * 5000,
        "[" * 5000 + "]" * 5000,
        '{"a":' * 5000 + '"}]" ' + "}" * 5000,
        '[1e999, "\\ud800", "1e999\\"", ' + "[" * 5000 + "]" * 5001,
    ],
)
@pytest.mark.parametrize("form", ['{{"Records": [{0}, {1}, {0}]}}', "[{0}, {1}, {0}]", "{0}\n{1}\n{0}"])
def test_what_a_caller_writes_into_a_policy_hides_neither_the_call_nor_its_neighbours(build, results, odd, form):
    good = json.dumps(build.record("DeleteSecurityGroup", {"groupId": "sg-1"}))
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    request = {"bucketName": "b", "bucketPolicy": {"Statement": [everyone], "Id": "@"}}
    made = json.dumps(build.record("PutBucketPolicy", request, eventSource="s3.amazonaws.com")).replace('"@"', odd)
    found = results(form.format(good, made))
    assert [each.severity for each in found] == ["info", "critical", "info"]


@pytest.mark.parametrize("text", ["[" * 5000, "{" * 5000 + "}", "]" * 5000, '"' + "[" * 5000])
def test_unbalanced_nesting_is_undecodable(text, results):
    assert all(isinstance(each, UndecodableError) for each in results(text))


@pytest.mark.parametrize(
    ("fields", "envelope", "account_id"),
    [
        ({}, {"account": "999988887777"}, "111122223333"),
        ({"recipientAccountId": ...}, {"account": "999988887777"}, "999988887777"),
        ({"recipientAccountId": ...}, {"account": ""}, "111122223333"),
        ({"recipientAccountId": ..., "userIdentity": {"accountId": "444455556666"}}, {"account": None}, "444455556666"),
        ({"recipientAccountId": 11112222}, {}, "000011112222"),
        ({"recipientAccountId": None}, {"account": 999988887777}, "999988887777"),
    ],
)
def test_the_account_is_the_one_that_owns_the_resource(fields, envelope, account_id, build, row, shows):
    made = build.event(build.authorize(build.item(v4=["10.0.0.0/8"]), **fields), **envelope)
    shows(row(made), account_id=account_id)


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2026-01-24T03:45:49Z", "2026-01-24T03:45:49Z"),
        ("2026-01-24T03:45:49.123Z", "2026-01-24T03:45:49Z"),
        ("2026-01-24 03:45:49", "2026-01-24T03:45:49Z"),
        ("2026-01-24T12:45:49+09:00", "2026-01-24T03:45:49Z"),
        ("20260124T034549Z", "2026-01-24T03:45:49Z"),
        ("yesterday", "2020-02-02T02:02:02Z"),
        (None, "2020-02-02T02:02:02Z"),
        (1769226349, "2020-02-02T02:02:02Z"),
    ],
)
def test_the_time_is_utc_and_falls_back_to_the_envelope(written, time, build, row, shows):
    made = build.event(build.authorize(build.item(v4=["10.0.0.0/8"]), eventTime=written), time="2020-02-02T02:02:02Z")
    shows(row(made), time=time)


def test_a_record_without_region_takes_that_of_the_envelope(build, row, shows):
    made = build.event(build.authorize(build.item(v4=["10.0.0.0/8"]), awsRegion=...), region="eu-central-1")
    shows(row(made), region="eu-central-1")


def test_two_copies_of_a_record_without_id_get_the_same_id(build, rows):
    made = build.authorize(build.item(v4=["10.0.0.0/8"]), eventID=...)
    first, second = rows(made, build.event(made))
    assert first["event_id"] == second["event_id"] != ""


@pytest.mark.parametrize("escape", ["a\\ud800b", "\\udfff", "\\ud83d\\ude00 \\ud800"])
def test_a_lone_surrogate_is_accepted(escape, build, results):
    made = json.dumps(build.authorize(build.item(v4=[{"cidrIp": "10.0.0.0/8", "description": "@"}])))
    (only,) = results(made.replace('"@"', f'"{escape}"'))
    only.changes[0].change.rule.description.encode()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "01", "1e", "+1"])
def test_a_number_outside_json_is_undecodable(number, build, results):
    made = json.dumps(build.authorize(build.item(v4=["10.0.0.0/8"]), extra="@"))
    (only,) = results(made.replace('"@"', number))
    assert isinstance(only, UndecodableError)


def test_the_last_of_two_equal_keys_counts(build, results):
    made = json.dumps(build.record("DeleteSecurityGroup", {"groupId": "sg-0last"}))
    (only,) = results(made.replace('"groupId"', '"groupId": "sg-0first", "groupId"'))
    assert only.changes[0].change.group.id == "sg-0last"

"""`gatewatch replay` as its own process: exit status, order, rows, error messages."""

import json
import subprocess
import sys

import pytest

from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from gatewatch.rendering.chatbot_validation import chatbot_problems
from support.command import gatewatch, gatewatch_process
from support.paths import RECORDED, ROOT

KEYS = [
    "event_id",
    "event_name",
    "time",
    "account_id",
    "account_alias",
    "region",
    "family",
    "action",
    "outcome",
    "direction",
    "group_id",
    "group_name",
    "vpc_id",
    "rule_id",
    "protocol",
    "from_port",
    "to_port",
    "icmp_type",
    "icmp_code",
    "peer_kind",
    "peer",
    "description",
    "previous",
    "severity",
    "reasons",
    "actor",
    "actor_type",
    "source_ip",
    "via",
    "cloudtrail_url",
    "understood",
]
ADDITIONAL_KEYS = {"delegate_account", "resource_id", "source_identity"}
OPEN = "0.0.0.0/0"


@pytest.fixture(scope="session")
def replay():
    def run(*arguments, **options):
        return gatewatch("replay", "--format", "json", *arguments, **options)

    return run


@pytest.fixture(scope="session")
def ssh(build):
    return build.authorize(build.item(v4=[OPEN]))


def test_every_row_has_all_documented_keys_in_order(build, rows, ssh):
    made = (ssh, build.record("DeleteSecurityGroup", {"groupName": "web"}), build.record("ModifySecurityGroupRules"))
    for row in rows(*made):
        assert [key for key in row if key in KEYS] == KEYS
        assert set(row) - set(KEYS) <= ADDITIONAL_KEYS


def test_the_row_of_one_event(build, replay):
    response = build.rule_set(build.response_rule(cidrIpv4=OPEN, description="temporary"))
    made = build.event(build.authorize(build.item(v4=[OPEN]), response=response))
    ran = replay(stdin=build.text(made))
    (row,) = ran.rows
    assert (ran.status, ran.err) == (0, "")
    assert len(row.pop("reasons")) > 0
    assert row == {
        "event_id": "1beb5d85-3e0f-4000-b7d7-111111111111",
        "event_name": "AuthorizeSecurityGroupIngress",
        "time": "2026-01-24T03:45:49Z",
        "account_id": "111122223333",
        "account_alias": "payments-prod",
        "region": "eu-west-1",
        "family": "security_group",
        "action": "authorize",
        "outcome": "applied",
        "direction": "ingress",
        "group_id": "sg-0aaaaaaaaaaaaaaa1",
        "group_name": None,
        "vpc_id": None,
        "rule_id": "sgr-0123456789abcdef0",
        "protocol": "tcp",
        "from_port": 22,
        "to_port": 22,
        "icmp_type": None,
        "icmp_code": None,
        "peer_kind": "ipv4",
        "peer": OPEN,
        "description": "temporary",
        "previous": None,
        "severity": "critical",
        "actor": "alice",
        "actor_type": "IAMUser",
        "source_ip": "198.51.100.7",
        "via": "cli",
        "cloudtrail_url": "https://eu-west-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-west-1"
        "#/events/1beb5d85-3e0f-4000-b7d7-111111111111",
        "understood": True,
        "resource_id": None,
        "source_identity": None,
        "delegate_account": None,
    }


def test_the_row_of_a_compliance_change_has_null_for_fields_that_do_not_apply(replay):
    ran = replay(ROOT / "tests" / "golden" / "compliance-pack-annotation" / "event.json")
    (row,) = ran.rows
    assert (ran.status, ran.err) == (0, "")
    expected = {
        "event_id": "c0f1f000-0000-4000-8000-000000000803",
        "event_name": "ConfigRulesComplianceChange",
        "time": "2026-11-20T18:04:51Z",
        "account_id": "111122223333",
        "account_alias": "payments-prod",
        "region": "ap-northeast-2",
        "family": "compliance",
        "action": "other",
        "outcome": "applied",
        "severity": "critical",
        "reasons": [
            "COMPLIANT → NON_COMPLIANT",
            "Security Hub S3.2 (critical) requires: No bucket can be read by everyone",
            "AWS Config says: The S3 bucket policy allows public read access.",
        ],
        "actor": "unknown",
        "actor_type": "unknown",
        "via": "unknown",
        "cloudtrail_url": "https://ap-northeast-2.console.aws.amazon.com/config/home?region=ap-northeast-2"
        "#/rules/details?configRuleName=s3-bucket-public-read-prohibited-conformance-pack-4hq7vzk2m",
        "understood": True,
        "resource_id": "payments-exports",
        "source_identity": None,
        "delegate_account": None,
    }
    assert row == dict.fromkeys([*KEYS, *ADDITIONAL_KEYS]) | expected


@pytest.mark.parametrize(
    "other",
    [
        {"detail-type": "Config Rules Evaluation Status"},
        {"detail-type": "Config Configuration Item Change"},
        {"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": "DescribeConfigRules"}},
    ],
)
def test_only_a_compliance_change_gives_a_row(build, replay, other):
    event = json.loads((ROOT / "tests" / "golden" / "compliance-noncompliant-first" / "event.json").read_text("utf-8"))
    assert replay(stdin=build.text(event | other)).rows == []


def test_files_are_read_in_sorted_order_and_rows_keep_the_order_of_the_input(build, replay, tmp_path):
    def event(octet):
        return build.authorize(build.item(v4=[f"10.{octet}.0.0/16"]))

    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.json").write_text(json.dumps([event(3), event(4)]))
    (tmp_path / "a.jsonl.gz").write_bytes(build.gzipped(build.text(event(1), event(2))))
    (tmp_path / "c.ndjson").write_text(build.text(event(5)))
    (tmp_path / "z.txt").write_text("not read")
    ran = replay(tmp_path, "-", tmp_path / "c.ndjson", stdin=build.text(event(6)))
    assert [row["peer"] for row in ran.rows] == [f"10.{octet}.0.0/16" for octet in (1, 2, 3, 4, 5, 6, 5)]
    assert ran.status == 0


def test_an_undecodable_document_is_reported_on_stderr_and_the_others_are_printed(build, replay, ssh, tmp_path):
    (tmp_path / "a.jsonl").write_text(build.text(ssh) + "{broken\n" + build.text(ssh))
    (tmp_path / "b.json").write_text(json.dumps({"Records": [ssh, 5]}))
    (tmp_path / "c.json.gz").write_bytes(build.gzipped(build.text(ssh))[:-9])
    (tmp_path / "d.json").write_text("")
    ran = replay(tmp_path)
    assert ran.status == 3
    assert len(ran.rows) >= 3
    for message in ("a.jsonl:2: is not valid JSON", "b.json:1.Records[1]: is a number", "c.json.gz: is a truncated"):
        assert message in ran.err
    assert "d.json: is empty" in ran.err
    assert len(ran.err.splitlines()) == 4


def test_empty_standard_input_is_undecodable(replay):
    ran = replay(stdin="")
    assert (ran.status, ran.out) == (3, "")
    assert "standard input: is empty" in ran.err


def test_an_unrecognized_document_is_a_warning(build, replay, ssh):
    ran = replay("-", stdin=build.text({"foo": 1}, ssh))
    assert (ran.status, len(ran.rows)) == (0, 1)
    assert "standard input:1: unrecognized document, skipped" in ran.err


def test_an_empty_folder_is_no_error(replay, tmp_path):
    ran = replay(tmp_path)
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_standard_input_given_twice_is_read_once(build, replay, ssh):
    ran = replay("-", "-", stdin=build.text(ssh))
    assert (ran.status, len(ran.rows)) == (0, 1)


def test_a_closed_standard_input_is_an_error_message():
    command = f"exec {sys.executable} -m gatewatch replay <&-"
    ran = subprocess.run(["/bin/sh", "-c", command], capture_output=True, cwd=ROOT, check=False)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"standard input: is closed" in ran.stderr


def test_duplicate_events_give_duplicate_rows(build, replay, ssh):
    assert len(replay(stdin=build.text(ssh, ssh)).rows) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.json"], "missing.json: does not exist"),
        (["--accounts", "missing.yaml"], "missing.yaml: does not exist"),
        (["--policy", "missing.yaml"], "missing.yaml: does not exist"),
        (["--accounts", "."], "cannot be read"),
        (["--language", "fr"], "fr"),
        (["--no-such-option"], "no-such-option"),
    ],
)
def test_wrong_usage_exits_with_2_and_a_message_before_any_output(arguments, message, build, replay, ssh):
    ran = replay("-", *arguments, stdin=build.text(ssh))
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


BROKEN = {
    "a list": "- a\n",
    "text": "just text",
    "a tab": 'accounts:\n\t"111122223333": {alias: a}\n',
    "a key twice": 'accounts:\n  "111122223333": {alias: a}\n  "111122223333": {alias: b}\n',
    "an unquoted id": "accounts:\n  111122223333: {alias: a}\n",
    "an octal id": "accounts:\n  000011112222: {alias: a}\n",
    "a short id": 'accounts:\n  "1234": {alias: a}\n',
    "an unknown key": "acounts: {}\n",
    "no alias": 'accounts:\n  "111122223333": {owner: a}\n',
    "a list for a mapping": "accounts: [a]\n",
    "no language": "defaults: {language: fr}\n",
    "no time zone": "defaults: {timezone: Asia/Nowhere}\n",
    "a number as key": "defaults: {1: 2}\n",
    "a list as key": "? [a]\n: b\n",
    "a mapping as key": "? {a: b}\n: b\n",
    "a tag": "a: !!python/object/apply:os.getcwd []\n",
    "two documents": "---\na: 1\n---\nb: 2\n",
    "an impossible date": "defaults: {timezone: 2026-13-45}\n",
    "itself": 'accounts: &a\n  "111122223333": *a\n',
    "deep nesting": "a: " + "[" * 5000,
    "other bytes": b"defaults: {language: \xff\xfe}\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_invalid_configuration_is_an_error_with_the_file_name(name, tmp_path):
    path = tmp_path / "accounts.yaml"
    content = BROKEN[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError, match=r"accounts\.yaml"):
        load_settings(path, ROOT / "policy.yaml")


def test_an_invalid_configuration_exits_with_2(build, replay, ssh, tmp_path):
    (tmp_path / "accounts.yaml").write_text("acounts: {}\n")
    ran = replay("--accounts", tmp_path / "accounts.yaml", stdin=build.text(ssh))
    assert (ran.status, ran.out) == (2, "")
    assert "acounts" in ran.err


def test_yaml_anchors_and_merge_keys_work(build, replay, ssh, tmp_path):
    path = tmp_path / "accounts.yaml"
    path.write_text(
        'accounts:\n  "444455556666": &base {alias: base, environment: prod}\n'
        '  "111122223333":\n    <<: *base\n    alias: merged\n'
    )
    (row,) = replay("--accounts", path, stdin=build.text(ssh)).rows
    assert row["account_alias"] == "merged"


@pytest.mark.parametrize(
    ("arguments", "alias"),
    [
        ([], "unknown account"),
        (["--language", "en"], "unknown account"),
        (["--language", "ko"], "계정정보없음"),
        (["--language", "ja"], "不明なアカウント"),
    ],
)
def test_an_unlisted_account_has_the_fallback_name_of_the_language(arguments, alias, build, replay, tmp_path):
    path = tmp_path / "accounts.yaml"
    path.write_text("")
    made = build.authorize(build.item(v4=[OPEN]), recipientAccountId="000011112222")
    (row,) = replay("--accounts", path, *arguments, stdin=build.text(made)).rows
    assert (row["account_id"], row["account_alias"]) == ("000011112222", alias)
    assert "reachable" in " ".join(row["reasons"]) or row["reasons"][0].isascii()


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("eusc-de-east-1", "console.amazonaws-eusc.eu"),
        ("us-iso-east-1", None),
        ("us-isob-east-1", None),
        ("eu-isoe-west-1", None),
        ("us-isof-south-1", None),
    ],
)
def test_the_link_uses_the_console_of_the_partition(region, host, build, row):
    link = row(build.authorize(build.item(v4=[OPEN]), awsRegion=region, eventID="e-1"))["cloudtrail_url"]
    assert link == (f"https://{region}.{host}/cloudtrailv2/home?region={region}#/events/e-1" if host else "")


def test_a_hostile_id_or_region_is_escaped_in_the_link(build, row):
    link = row(build.authorize(awsRegion="evil.example/#", eventID="a/../b?c#d e"))["cloudtrail_url"]
    assert link == (
        "https://evil.example%2F%23.console.aws.amazon.com/cloudtrailv2/home?region=evil.example%2F%23"
        "#/events/a%2F..%2Fb%3Fc%23d%20e"
    )


NEW = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": OPEN}
OLD = {
    "direction": "ingress",
    "protocol": "tcp",
    "from_port": 443,
    "to_port": 443,
    "peer_kind": "ipv4",
    "peer": "10.0.0.0/8",
}


@pytest.fixture(scope="session")
def opened(build):
    response = build.rule_set(build.response_rule(start=443, end=443, cidrIpv4="10.0.0.0/8", description="lan"))
    return build.authorize(build.item("tcp", 443, 443, v4=["10.0.0.0/8"]), response=response)


def test_the_previous_rule_is_taken_from_earlier_documents(build, rows, shows, opened):
    _, first, second = rows(
        opened, build.modify((build.RULE, NEW)), build.modify((build.RULE, NEW | {"CidrIpv4": "10.1.0.0/16"}))
    )
    shows(first, action="modify", direction="ingress", previous=OLD | {"description": "lan"})
    shows(second, action="modify", direction="ingress")
    assert second["previous"]["peer"] == OPEN
    assert second["previous"]["from_port"] == 22


def test_the_previous_rule_is_not_taken_from_another_account(build, rows, shows, opened):
    other = build.modify((build.RULE, NEW), recipientAccountId=build.OTHER_ACCOUNT)
    shows(rows(opened, other)[1], previous=None, direction=None)


def test_a_denied_modify_does_not_change_the_rule_history(build, rows, opened):
    tried = build.modify((build.RULE, NEW), **build.denied())
    narrowed = build.modify((build.RULE, NEW | {"CidrIpv4": "10.1.0.0/16"}))
    _, denied, last = rows(opened, tried, narrowed)
    assert denied["previous"]["peer"] == last["previous"]["peer"] == "10.0.0.0/8"


def test_a_partial_modify_keeps_the_other_fields_of_the_rule(build, rows, opened):
    wider = build.modify((build.RULE, {"CidrIpv4": "11.0.0.0/8"}))
    last = rows(opened, wider, build.modify((build.RULE, NEW)))[2]
    assert last["previous"] == OLD | {"peer": "11.0.0.0/8", "description": "lan"}


def test_a_rule_that_was_revoked_or_changed_in_an_unrecognized_way_has_no_previous(build, rows, opened):
    revoked = build.record("RevokeSecurityGroupIngress", {"groupId": build.GROUP, "securityGroupRuleIds": [build.RULE]})
    unrecognized = build.modify((build.RULE, {"Unknown": "key"}))
    for between in (revoked, unrecognized):
        assert rows(opened, between, build.modify((build.RULE, NEW)))[2]["previous"] is None


def test_a_modify_that_changes_only_the_description_is_a_describe_action(build, rows, shows, opened):
    same = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/8", "Description": "the lan"}
    shows(rows(opened, build.modify((build.RULE, same)))[1], action="describe", severity="info", description="the lan")


@pytest.mark.parametrize("output", ["json", "text", "slack", "chatbot", "email"])
def test_a_closed_pipe_is_no_error(output, ssh, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text((json.dumps(ssh) + "\n") * 4000)
    command = [sys.executable, "-m", "gatewatch", "replay", str(path), "--format", output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        process.stdout.read(100)
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


def test_chatbot_and_email_print_the_messages_exactly_as_sent(build):
    made = build.text(build.authorize(build.item(v4=[OPEN])), build.revoke(build.item(v4=[OPEN])))
    chat = gatewatch("replay", "--format", "chatbot", "--language", "ko", stdin=made)
    assert [chatbot_problems(json.loads(line)) for line in chat.out.splitlines()] == [(), ()]
    email = gatewatch("replay", "--format", "email", "--min-severity", "high", "--language", "ko", stdin=made)
    assert (email.status, email.err) == (0, "")
    subject, _, body = email.out.partition("\n\n")
    assert subject.startswith("Subject: CRITICAL: SSH open to the internet - ")
    assert body.startswith("🔴 심각 · ")
    assert email.out.endswith(f"\n\n{'=' * 40}\n")
    assert email.out.count("Subject: ") == 1


def test_characters_that_the_terminal_cannot_encode_are_escaped(build):
    made = build.text(build.authorize(build.item(v4=[{"cidrIp": OPEN, "description": "한국어"}])))
    for language in ("en", "ko"):
        ran = gatewatch_process("replay", "--language", language, stdin=made.encode(), PYTHONIOENCODING="ascii")
        assert (ran.status, ran.err) == (0, "")
        assert "\\ud55c" in ran.out


@pytest.mark.parametrize("output", ["json", "text", "slack", "chatbot", "email", "html"])
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "nonsense"])
def test_any_event_time_is_printed(output, time, build):
    made = build.authorize(build.item(v4=[OPEN]), eventTime=time)
    ran = gatewatch("replay", "--format", output, stdin=build.text(made))
    assert (ran.status, ran.err) == (0, "")
    assert ran.out


def test_text_of_any_language_and_control_characters_are_preserved(build, replay):
    text = "한국어 日本語 🙂 \u0000 \u001b[31m \u2028 \u2029 \u0085 <b>&"
    made = build.authorize(build.item(v4=[{"cidrIp": OPEN, "description": text}]))
    (row,) = replay(stdin=build.text(made)).rows
    assert row["description"] == text


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded events are not available")
def test_every_recorded_security_group_event_is_understood(replay):
    ran = replay(RECORDED)
    assert (ran.status, ran.err) == (0, "")
    known = [row for row in ran.rows if row["family"] in {"security_group", "attachment", "prefix_list"}]
    assert len(known) >= 30
    assert all(row["understood"] for row in known)
    assert "unknown" not in {row["actor"] for row in known}

"""The digest: open exposures, counts and suppressed changes, from events in any order, in three languages."""

import email
import email.policy
import json
import os
import random
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from unicodedata import east_asian_width

import msgspec
import pytest

from gatewatch.alerts.suppression import suppress
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.digest.activity import activity_of
from gatewatch.digest.email import EmailTemplate, bar_segments, email_message, html_page
from gatewatch.digest.summary import summarize_activity
from gatewatch.errors import ConfigurationError
from gatewatch.model.digest import shortened
from gatewatch.model.severity import Severity
from gatewatch.rendering.digest.labels import DigestLabels, load_digest_labels
from gatewatch.rendering.digest.sections import Bar, DigestSection, DigestText, DigestView
from gatewatch.rendering.digest.text import bar, digest_text, slack_blocks
from gatewatch.rendering.digest.view import digest_view
from gatewatch.rendering.escaping import mrkdwn
from gatewatch.rendering.slack_blocks import payload
from gatewatch.rendering.slack_validation import mentions, slack_problems
from gatewatch.rendering.text.labels import load_labels
from support.command import gatewatch
from support.html import nesting_problems
from support.paths import ROOT

TEMPLATES, GOLDEN = ROOT / "templates", ROOT / "tests" / "golden_digest"
STORY = sorted((ROOT / "gatewatch" / "local" / "demo" / "scenario_files").glob("*.json"))
_VALUE = re.compile(r"\{(\w+)\}")
LABELS = {language: load_digest_labels(TEMPLATES, language) for language in LANGUAGES}
START = datetime(2026, 1, 24, 3, 0, tzinfo=UTC)


def payload_of(view):
    return payload("#0c3f7d", mrkdwn(view.title), slack_blocks(view))


def digest(alerts, exceptions=(), days=None):
    """Return the digest of alerts as `gatewatch digest` does."""
    known = msgspec.structs.replace(load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"), exceptions=exceptions)
    return summarize_activity(
        [activity_of(each, suppress(each, exceptions, each.call.time).alert) for each in alerts], known, days
    )


@pytest.fixture
def alerts_of(results, build):
    """Return the alerts of records, one a minute in the given order."""

    def run(*records, step=timedelta(minutes=1)):
        dated = [
            record | {"eventID": f"event-{number}", "eventTime": f"{START + step * number:%Y-%m-%dT%H:%M:%SZ}"}
            for number, record in enumerate(records)
        ]
        return results(build.text(*dated))

    return run


@pytest.fixture
def world(build):
    return build.authorize(build.item(v4=["0.0.0.0/0"]))


@pytest.fixture
def answered(build):
    rule = build.response_rule(cidrIpv4="0.0.0.0/0")
    return build.authorize(build.item(v4=["0.0.0.0/0"]), response=build.rule_set(rule))


@pytest.fixture
def nothing(build):
    return build.authorize(build.item(v4=["10.0.0.0/8"]))


def test_an_open_exposure_is_shown_with_its_age_and_actor(alerts_of, world, nothing):
    found = digest(alerts_of(world, nothing, nothing))
    (exposure,) = found.open
    assert (exposure.resource, exposure.actor, exposure.account.owner) == (
        "sg-0aaaaaaaaaaaaaaa1",
        "alice",
        "@payments-oncall",
    )
    assert found.period.now - exposure.since == timedelta(minutes=2)


def closing(build):
    item = build.item(v4=["0.0.0.0/0"])
    narrow = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/8"}
    return {
        "revoked": build.revoke(item),
        "deleted": build.record("DeleteSecurityGroup", {"groupId": build.GROUP}, {"_return": True}),
        "revoked by id": build.record(
            "RevokeSecurityGroupIngress",
            {"groupId": build.GROUP, "securityGroupRuleIds": {"items": [{"securityGroupRuleId": build.RULE}]}},
            {"_return": True},
        ),
        "narrowed": build.modify((build.RULE, narrow)),
    }


@pytest.mark.parametrize("way", ["revoked", "deleted", "revoked by id", "narrowed"])
def test_an_exposure_is_closed_by_every_kind_of_call(alerts_of, build, answered, way):
    found = digest(alerts_of(answered, closing(build)[way]))
    assert (found.open, found.closed) == ((), (timedelta(minutes=1),))


def test_open_exposures_are_sorted_by_severity_then_age(alerts_of, build, world):
    def opened(port, group):
        rule = build.item(start=port, end=port, v4=["0.0.0.0/0"])
        return build.record("AuthorizeSecurityGroupIngress", build.request(rule, groupId=group))

    records = opened(8080, "sg-0bbbbbbbbbbbbbbb2"), world, opened(3389, "sg-0ccccccccccccccc3")
    found = digest(alerts_of(*records)).open
    assert [each.change.assessment.severity for each in found] == [Severity.CRITICAL, Severity.CRITICAL, Severity.HIGH]
    assert [each.since for each in found] == [START + timedelta(minutes=1), START + timedelta(minutes=2), START]


def test_the_ipv4_and_ipv6_twins_of_a_rule_are_one_exposure(alerts_of, build):
    both = build.authorize(build.item(v4=["0.0.0.0/0"], v6=["::/0"]))
    (exposure,) = digest(alerts_of(both)).open
    assert exposure.resource == "sg-0aaaaaaaaaaaaaaa1"
    (left,) = digest(alerts_of(both, build.revoke(build.item(v4=["0.0.0.0/0"])))).open
    assert left.change.change.rule.peer.text == "::/0"


def test_an_exposure_links_to_its_group_and_to_the_event_that_opened_it(alerts_of, world):
    (line,) = view_of(alerts_of(world), "en").sections[0].exposures
    assert [name for name, _ in line.links] == ["Security group", "CloudTrail event"]
    assert [url.rpartition("#")[2] for _, url in line.links] == [
        "SecurityGroup:groupId=sg-0aaaaaaaaaaaaaaa1",
        "/events/event-0",
    ]


def test_a_region_without_a_console_has_no_links(alerts_of, world):
    (line,) = view_of(alerts_of(world | {"awsRegion": "us-iso-east-1"}), "en").sections[0].exposures
    assert line.links == ()


@pytest.mark.parametrize(
    ("language", "one", "two"),
    [
        ("en", "Based on 1 event.", "Based on 2 events."),
        ("ko", "이벤트 1건을 기준으로", "이벤트 2건을 기준으로"),
        ("ja", "1 件のイベントに基づいて", "2 件のイベントに基づいて"),
    ],
)
def test_the_number_of_events_has_its_singular(alerts_of, world, language, one, two):
    assert view_of(alerts_of(world), language).note.startswith(one)
    assert view_of(alerts_of(world, world), language).note.startswith(two)


def test_closing_another_rule_closes_nothing(alerts_of, build, world):
    item = build.item(v4=["0.0.0.0/0"])
    others = (
        build.revoke(build.item(start=23, end=23, v4=["0.0.0.0/0"])),
        build.revoke(item, **build.denied()),
        build.revoke(item, awsRegion="us-east-1"),
        build.revoke(item, recipientAccountId=build.OTHER_ACCOUNT),
        build.revoke(item, direction="Egress"),
    )
    found = digest(alerts_of(world, *others))
    assert (len(found.open), found.closed) == (1, ())


def test_reopening_an_open_exposure_keeps_its_age(alerts_of, world):
    (exposure,) = digest(alerts_of(world, world)).open
    assert exposure.since == START


def test_a_prefix_list_entry_is_an_exposure_until_it_is_removed(alerts_of, build):
    entry = {"tag": 1, "Cidr": "0.0.0.0/0"}

    def modify(what):
        return build.wrapped("ModifyManagedPrefixList", {"PrefixListId": build.PREFIX_LIST, what: entry})

    opened, other = modify("AddEntry"), modify("RemoveEntry")
    other = json.loads(json.dumps(other).replace("0.0.0.0/0", "198.51.100.0/24"))
    (exposure,) = digest(alerts_of(opened, other)).open
    assert exposure.resource == build.PREFIX_LIST
    found = digest(alerts_of(opened, modify("RemoveEntry")))
    assert (found.open, found.closed) == ((), (timedelta(minutes=1),))


def test_an_exposure_opened_by_group_name_is_closed_by_rule_id(alerts_of, build, answered):
    by_name = answered | {"requestParameters": answered["requestParameters"] | {"groupId": None, "groupName": "web"}}
    found = digest(alerts_of(by_name, closing(build)["revoked by id"]))
    assert (found.open, len(found.closed)) == ((), 1)


@pytest.mark.parametrize("first", ["opened", "closed"])
def test_within_one_second_only_the_rule_id_decides_what_was_closed(alerts_of, build, answered, world, first):
    by_id, by_shape = closing(build)["revoked by id"], closing(build)["revoked"]
    for opening, end, is_open in ((answered, by_id, False), (world, by_shape, True)):
        records = (opening, end) if first == "opened" else (end, opening)
        assert bool(digest(alerts_of(*records, step=timedelta(0))).open) is is_open


def test_an_exposure_that_is_opened_again_after_closing_has_a_new_age(alerts_of, build, world):
    found = digest(alerts_of(world, build.revoke(build.item(v4=["0.0.0.0/0"])), world))
    (exposure,) = found.open
    assert (exposure.since, found.closed) == (START + timedelta(minutes=2), (timedelta(minutes=1),))


def test_a_rule_modified_to_another_port_is_the_same_exposure(alerts_of, build, answered):
    rdp = {"IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389, "CidrIpv4": "0.0.0.0/0"}
    moved = build.modify((build.RULE, rdp), userIdentity=build.ALICE | {"userName": "bob"})
    found = digest(alerts_of(answered, moved))
    (exposure,) = found.open
    assert (exposure.since, exposure.actor, exposure.change.assessment.services) == (START, "alice", ("RDP",))
    assert (
        digest(alerts_of(answered, moved, build.revoke(build.item(start=3389, end=3389, v4=["0.0.0.0/0"])))).open == ()
    )


def test_denied_calls_and_public_web_ports_are_no_open_exposure(alerts_of, build):
    web = build.authorize(build.item(start=443, end=443, v4=["0.0.0.0/0"]))
    denied = build.authorize(build.item(v4=["0.0.0.0/0"]), **build.denied())
    assert digest(alerts_of(web, denied)).open == ()


def test_neither_order_nor_duplicates_change_a_digest(alerts_of, build, world, nothing):
    alerts = alerts_of(world, nothing, build.revoke(build.item(v4=["0.0.0.0/0"])), world)
    shuffled = [*alerts, *alerts]
    random.Random(1).shuffle(shuffled)  # noqa: S311 - an order, no secret
    assert digest(shuffled) == digest(alerts)


def test_only_the_last_days_are_counted_and_earlier_exposures_stay_open(alerts_of, world, nothing):
    alerts = alerts_of(world, nothing, nothing, step=timedelta(days=5))
    found = digest(alerts, days=6)
    assert sum(found.severities.values()) == 2
    assert found.period.now - found.open[0].since == timedelta(days=10)


def test_a_suppressed_change_is_counted_and_is_no_open_exposure(alerts_of, world, nothing):
    muting = PolicyException(
        id="bastion", match=ExceptionMatch(port=22), effect=ExceptionEffect.MUTE, owner="a", reason="b", ticket="c",
        expires=date(2027, 1, 1),
    )  # fmt: skip
    found = digest(alerts_of(world, nothing), (muting,))
    assert (found.suppressed, found.open) == ({"bastion": 2}, ())


def test_an_exception_hides_an_exposure_only_while_it_is_active(alerts_of, world, nothing):
    expired = PolicyException(
        id="bastion", match=ExceptionMatch(port=22), effect=ExceptionEffect.MUTE, owner="a", reason="b", ticket="c",
        expires=START.date(),
    )  # fmt: skip
    found = digest(alerts_of(world, nothing, step=timedelta(days=2)), (expired,))
    assert (found.suppressed, len(found.open)) == ({"bastion": 1}, 1)


def test_without_an_event_there_is_no_digest():
    assert digest(()) is None


@pytest.mark.parametrize(("value", "drawn"), [(0, ""), (1, "▏"), (400, "██████████"), (800, "█" * 20), (2, "▏")])
def test_a_bar_is_proportional_and_never_empty_for_a_value(value, drawn):
    assert bar(value, 800, 20).rstrip() == drawn


@pytest.fixture(scope="module")
def scenario(results):
    records = [json.loads(path.read_text("utf-8"))["record"] for path in STORY]
    return results("".join(json.dumps(record) + "\n" for record in records))


def view_of(alerts, language):
    settings = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    wording = DigestText(LABELS[language], load_labels(TEMPLATES, language), settings.defaults.timezone)
    return digest_view(digest(alerts), wording)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_digest_of_the_scenario_equals_the_golden_files(scenario, language):
    view = view_of(scenario, language)
    sent = json.dumps(payload_of(view), ensure_ascii=False, indent=1) + "\n"
    for name, made in ((f"{language}.txt", digest_text(view)), (f"slack.{language}.json", sent)):
        if os.environ.get("GATEWATCH_GOLDEN") == "write":
            (GOLDEN / name).write_text(made, "utf-8")
        assert made == (GOLDEN / name).read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_slack_digest_is_valid_and_mentions_nobody(scenario, language):
    sent = payload_of(view_of(scenario, language))
    assert (slack_problems(sent), mentions(sent)) == ((), ())


def test_a_large_digest_is_one_message(alerts_of, build):
    actor = build.ALICE | {"userName": "&" * 60}
    rule = build.item(v4=["0.0.0.0/0"])
    groups = [
        build.record(
            "AuthorizeSecurityGroupIngress", build.request(rule, groupId=f"sg-{number:017x}"), userIdentity=actor
        )
        for number in range(60)
    ]
    view = view_of(alerts_of(*groups), "en")
    sent = payload_of(view)
    assert slack_problems(sent) == ()
    assert len(json.dumps(sent["attachments"][0]["blocks"])) < 13_000
    assert "and 45 more" in digest_text(view)


def template(language):
    return EmailTemplate(language, TEMPLATES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bars_in_slack_fit_a_phone_screen(scenario, language):
    """About forty columns of a fixed-width font; East Asian wide characters have two."""
    blocks = payload_of(view_of(scenario, language))["attachments"][0]["blocks"]
    drawn = [line for block in blocks if "█" in str(block) for line in block["text"]["text"].splitlines()]
    bars = [unescape(line.strip("`")) for line in drawn if any(each in line for each in "█▏▎▍▌▋▊▉")]
    assert bars
    assert max(sum(2 if east_asian_width(each) in "WF" else 1 for each in line) for line in bars) <= 40


def test_a_long_section_continues_in_the_next_block(alerts_of, build):
    actor = build.ALICE | {"userName": "&" * 60}
    rule = build.item(v4=["0.0.0.0/0"])
    groups = [build.authorize(rule, userIdentity=actor, awsRegion=f"ap-northeast-{number}") for number in range(15)]
    sent = payload_of(view_of(alerts_of(*groups), "en"))
    texts = [block["text"]["text"] for block in sent["attachments"][0]["blocks"] if block["type"] == "section"]
    assert sum("open for" in line for text in texts for line in text.splitlines()) == 15
    assert sum("open for" in text for text in texts) > 1
    assert slack_problems(sent) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_no_script_no_image_and_no_external_resource(scenario, language):
    view = view_of(scenario, language)
    page = html_page(view, template(language))
    assert nesting_problems(page) == []
    assert "<main" in page
    assert " src=" not in page
    assert "<img" not in page
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert "&lt;!here&gt;" in page
    assert view.title in page
    assert load_labels(TEMPLATES, language).severity["critical"] in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_email_has_a_text_part_and_an_html_part(scenario, language):
    view = view_of(scenario, language)
    mail = email.message_from_bytes(
        email_message(view, template(language), "hub@example.com", ["a@example.com", "b@example.com"]),
        policy=email.policy.default,
    )
    assert (mail["Subject"], mail["From"], mail["To"]) == (
        view.title,
        "hub@example.com",
        "a@example.com, b@example.com",
    )
    assert mail.get_body(("plain",)).get_content().split() == digest_text(view, with_links=True).split()
    html = mail.get_body(("html",)).get_content()
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert view.title in html


def test_a_subject_cannot_add_a_header():
    view = DigestView("Digest\r\nBcc: everybody@example.com", (), "")
    mail = email.message_from_bytes(email_message(view, template("en")), policy=email.policy.default)
    assert (mail["Bcc"], mail["Subject"]) == (None, "Digest Bcc: everybody@example.com")


def test_a_bar_has_a_segment_for_each_severity_in_proportion_to_the_longest_bar():
    long, short = (
        Bar("a", 8000, ((Severity.CRITICAL, 1), (Severity.LOW, 7999))),
        Bar("b", 2000, ((Severity.LOW, 2000),)),
    )
    section = DigestSection("", bars=(long, short))
    assert [each.width for each in bar_segments(long, section)] == [1, 99]
    assert [each.width for each in bar_segments(short, section)] == [25]
    assert len({each.color for each in bar_segments(long, section)}) == 2


def test_a_bar_without_severities_has_one_segment():
    (segment,) = bar_segments(Bar("alice", 3), DigestSection("", bars=(Bar("alice", 3), Bar("bob", 6))))
    assert segment.width == 50


@pytest.mark.parametrize("output", ["text", "slack", "html", "email"])
def test_the_command_prints_every_format(build, world, output):
    ran = gatewatch("digest", "--format", output, "--days", "7", stdin=build.text(world))
    assert (ran.status, ran.err) == (0, "")
    mail = email.message_from_string(ran.out, policy=email.policy.default)
    assert "sg-0aaaaaaaaaaaaaaa1" in (mail.get_body(("html",)).get_content() if output == "email" else ran.out)


@pytest.mark.parametrize("days", ["0", "-1", "9999999999999999999", "week"])
def test_invalid_days_are_a_usage_error(build, world, days):
    ran = gatewatch("digest", "--days", days, stdin=build.text(world))
    assert ran.status == 2
    assert "--days" in ran.err


def test_the_command_reports_an_empty_input(build):
    ran = gatewatch("digest", "--language", "en", stdin=build.text({"no": "event"}))
    assert ran.out == "No changes in this period.\n"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("section", DigestLabels.__struct_fields__)
def test_every_language_has_the_same_keys_and_placeholders(language, section):
    words = {name: getattr(LABELS[name], section) for name in ("en", language)}
    assert {key: set(_VALUE.findall(text)) for key, text in words[language].items()} == {
        key: set(_VALUE.findall(text)) for key, text in words["en"].items()
    }


@pytest.mark.parametrize("broken", ["digest: [", "other: {}", None])
def test_an_invalid_label_file_is_reported_with_its_name(tmp_path, broken):
    (tmp_path / "digest").mkdir()
    if broken is not None:
        (tmp_path / "digest" / "en.yaml").write_text(broken, "utf-8")
    with pytest.raises(ConfigurationError, match=r"en\.yaml"):
        load_digest_labels(tmp_path, "en")


ANYONE = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]})


@pytest.fixture
def role(build):
    """A call on the role deploy: CreateRole or DeleteRole."""

    def make(name, trust="", role="deploy", **fields):
        request = {"roleName": role} | ({"assumeRolePolicyDocument": trust} if trust else {})
        return build.record(name, request, eventSource="iam.amazonaws.com", awsRegion="us-east-1", **fields)

    return make


def test_a_role_created_and_deleted_within_an_hour_is_one_line_and_one_change(alerts_of, role):
    found = digest(alerts_of(role("CreateRole", ANYONE), role("DeleteRole")))
    (short,) = found.short_lived_roles
    assert (short.name, short.actor, short.lifetime) == ("deploy", "alice", timedelta(minutes=1))
    assert short.severity is Severity.CRITICAL, "the deletion does not hide what the creation opened"
    assert (found.severities, found.actors) == ({Severity.CRITICAL: 1}, {"alice": 1})
    assert found.events == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_shows_a_short_lived_role(alerts_of, role, language):
    view = view_of(alerts_of(role("CreateRole"), role("DeleteRole")), language)
    title = LABELS[language].digest["short_lived_roles"]
    (section,) = [each for each in view.sections if each.title == title]
    (line,) = section.exposures
    assert {"deploy", "alice"} <= set(line.untrusted.values())
    assert "`deploy`" in json.dumps(payload_of(view), ensure_ascii=False)


def test_what_is_not_created_and_deleted_by_one_actor_within_an_hour_is_counted_twice(alerts_of, role):
    create, delete = role("CreateRole"), role("DeleteRole")
    other = {"userIdentity": create["userIdentity"] | {"userName": "bob", "arn": "arn:aws:iam::111122223333:user/bob"}}
    for records, step in (
        ((create, delete), timedelta(hours=1, seconds=1)),
        ((create, delete | other), timedelta(minutes=1)),
        ((create, role("DeleteRole", role="other")), timedelta(minutes=1)),
        ((delete, create), timedelta(minutes=1)),
        ((create, delete | {"recipientAccountId": "444455556666"}), timedelta(minutes=1)),
        ((create, delete | {"errorCode": "AccessDenied"}), timedelta(minutes=1)),
    ):
        found = digest(alerts_of(*records, step=step))
        assert (found.short_lived_roles, sum(found.severities.values())) == ((), 2)


def test_a_digest_shows_a_few_short_lived_roles_and_counts_the_others(alerts_of, role):
    calls = [role(name, role=f"r-{number}") for number in range(14) for name in ("CreateRole", "DeleteRole")]
    found = digest(alerts_of(*calls))
    for each in (found, shortened(found)):
        view = digest_view(each, DigestText(LABELS["en"], load_labels(TEMPLATES, "en"), "UTC"))
        (section,) = [part for part in view.sections if part.title.startswith("Roles created")]
        assert (len(section.exposures), section.lines) == (10, ("and 4 more",))

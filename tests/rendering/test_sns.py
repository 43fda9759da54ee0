"""A mail and a chat's notification: within every limit, nothing dropped, hostile text harmless, the worst first."""

import copy
import json
import re
import shutil

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewatch.config.destinations import SnsTopic
from gatewatch.config.settings import LANGUAGES
from gatewatch.delivery.sns import Sns
from gatewatch.errors import RenderError
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.chatbot_validation import problems
from gatewatch.rendering.extra_sections import Extra
from gatewatch.rendering.slack import compile_templates, load_templates
from gatewatch.rendering.sns import topic_bodies
from gatewatch.rendering.sns_body import NOTES, read_topic_body, with_note
from support.hostile import (
    ATTACKS,
    CODE,
    COLORS,
    EVENTS,
    HOSTILE,
    MARKS,
    SETTINGS,
    SHAPE,
    TEMPLATES,
    TESTS,
    TEXTS,
    alert_of_record,
    is_hidden,
    many_rules,
    one_record,
    with_texts,
)

LEVELS = ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")
PREVIEW = 90  # about as much of a mail as a phone shows in its list


def bodies_of(alert, extras=()):
    return topic_bodies(alert, TEMPLATES, COLORS, extras)


def rule_lines(body):
    """The first lines of rules; the first line of the mail has a mark as well."""
    return [line for line in body.mail.splitlines()[1:] if line.startswith(MARKS)]


def published(body):
    """As SNS gets it, in bytes."""

    class Topic:
        def publish(self, **fields):
            self.fields = fields
            return {"MessageId": "m"}

    topic = Topic()
    Sns(topic, "arn:aws:sns:eu-west-1:999988887777:alerts").post(
        Message(key="k", destination="alerts", body=body.encode(), instead_of="x" * 64, thread="t" * 64), SnsTopic()
    )
    return topic.fields


def assert_within_limits(body):
    assert problems(body.chat) == ()
    assert re.fullmatch(r"[!-~][ -~]{0,98}", body.subject)
    assert body.subject.startswith(LEVELS)
    fields = published(body)
    assert len(fields["Message"].encode()) + len(fields["Subject"]) <= 262_144
    assert problems(json.loads(json.loads(fields["Message"])["https"])) == ()


def texts_of_chat(chat):
    content = chat["content"]
    return [content["title"], content["description"], *content.get("nextSteps", ()), *content["keywords"]]


def without_markup(text, links):
    """What stands neither in a code span nor in a link of ours."""
    for url in links:
        text = re.sub(rf"<{re.escape(url)}\|[^<>|]+>", "", text)
    return CODE.sub("", text)


def assert_harmless(alert, body):
    links = [url for url in msgspec.structs.astuple(alert.links) if url]
    for text in (body.mail, *texts_of_chat(body.chat), body.chat["metadata"]["summary"]):
        assert not [char for char in text if is_hidden(char)]
    for text in texts_of_chat(body.chat):
        outside = without_markup(text, links)
        assert not set("`<>~") & set(outside)
        assert "://" not in outside
        assert not re.search(r"(?<!\w)@\w|:[a-z]+:|\w\.[a-z]{2}", outside)
    assert not set("*_") & set(re.sub(r"(?<=\w)_+(?=\w)", "", body.chat["content"]["title"]))
    assert HOSTILE not in without_markup(body.chat["content"]["description"], links)
    mail = body.mail
    for url in links:
        mail = mail.replace(f"\n{url}\n", "\n")
    assert "://" not in mail


def assert_whole(alert, bodies):
    """One line per change in mail and in chat; a lone change without a rule is told by its headline."""
    mailed = [line for body in bodies for line in rule_lines(body)]
    chatted = [
        line for body in bodies for line in body.chat["content"]["description"].split("\n") if line.startswith(MARKS)
    ]
    assert len(mailed) == len(chatted)
    assert len(mailed) == len(alert.changes) or (len(alert.changes) == 1 and not mailed)
    raw = [body for body in bodies if '"eventName"' in body.mail or "{" in body.mail]
    assert all(each.change.understood for each in alert.changes) or raw


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(set(EVENTS) - {"sixty-rules"})), TEXTS, st.randoms(use_true_random=False))
def test_whatever_text_stands_in_an_event_mail_and_chat_are_harmless_and_whole(case, text, chance):
    share, spared = chance.random(), chance.choice([SHAPE, SHAPE, set()])
    document = with_texts(
        one_record(EVENTS[case]), lambda key, old: text if key not in spared and chance.random() <= share else old
    )
    alert = alert_of_record(document, chance.choice(LANGUAGES))
    if alert is None:
        assert case.startswith("hub-")  # a rule or trail by another name is no part of the road
        return
    bodies = bodies_of(alert)
    assert_whole(alert, bodies)
    for body in bodies:
        assert_within_limits(body)
        assert_harmless(alert, body)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", [name for name in EVENTS if name != "sixty-rules"])
@pytest.mark.parametrize("attack", [HOSTILE.join(ATTACKS), (HOSTILE + "`<&") * 200])
def test_every_kind_of_event_full_of_hostile_text_is_harmless_and_whole(case, language, attack):
    document = with_texts(one_record(EVENTS[case]), lambda key, old: old if key in SHAPE else attack)
    alert = alert_of_record(document, language)
    if alert is None:
        assert case.startswith("hub-")
        return
    bodies = bodies_of(alert)
    assert_whole(alert, bodies)
    for body in bodies:
        assert_within_limits(body)
        assert_harmless(alert, body)


@pytest.mark.parametrize(
    ("description", "language", "count"),
    [
        ("d" * 255, "en", 1000),
        ("&" * 255, "ko", 200),
        ("홈" * 255, "ja", 200),
        ('"\\' * 127, "en", 200),
        ("🔴" * 255, "ko", 200),
    ],
)
def test_a_thousand_rules_with_long_descriptions_are_all_told_once_to_mail_and_chat(description, language, count):
    bodies = bodies_of(alert_of_record(many_rules(count, description), language))
    wanted = [f"sgr-{number:017d}" for number in range(1, count + 1)]
    assert sorted(re.findall(r"sgr-\d{17}", "".join(body.mail for body in bodies))) == wanted
    chat = "".join(body.chat["content"]["description"] for body in bodies)
    assert sorted(re.findall(r"sgr-\d{17}", chat)) == wanted
    for number, body in enumerate(bodies, start=1):
        assert_within_limits(body)
        assert body.subject.endswith(f"({number}/{len(bodies)})")


def test_parts_are_numbered_everywhere_and_only_the_first_says_why():
    first, second = bodies_of(alert_of_record(EVENTS["sixty-rules"]))
    assert first.subject.endswith(" - payments-prod 111122223333 (1/2)")
    assert second.subject.endswith(" - payments-prod 111122223333 (2/2)")
    assert second.mail.splitlines()[0].endswith(" · Part 2 of 2")
    assert second.chat["content"]["title"].endswith(" · Part 2 of 2")
    assert first.chat["id"] != second.chat["id"]
    assert first.chat["metadata"]["threadId"] == second.chat["metadata"]["threadId"]
    assert ["\nWhy:\n" in body.mail for body in (first, second)] == [True, False]
    assert ["*Who*" in body.chat["content"]["description"] for body in (first, second)] == [True, False]


def test_what_becomes_known_later_still_has_room_in_a_full_notification():
    first, *_ = bodies_of(alert_of_record(EVENTS["sixty-rules"]))
    description = first.chat["content"]["description"]
    assert len(description) > 8000 - NOTES - 400
    noted = first
    for note in ("⚠️ " + "b" * 600, "✅ " + "w" * 300, "⚠️ " + "i" * 200):
        noted = with_note(noted, note)
    assert noted.chat["content"]["description"].endswith(description)
    assert problems(noted.chat) == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", [name for name in EVENTS if name not in {"hostile-texts", "iam-hostile-names"}])
def test_the_preview_of_a_phone_says_how_bad_where_and_what(case, language):
    alert = alert_of_record(one_record(EVENTS[case]), language)
    labels = TEMPLATES.labels[language]
    for body in bodies_of(alert):
        preview = " ".join(body.mail.split())[:PREVIEW]
        head = f"{labels.severity[alert.severity]} · {alert.account.alias}"
        assert preview[2:].startswith(head)
        assert len(preview) - preview.index(head) - len(head) > 30  # of what happened


@pytest.mark.parametrize("case", EVENTS)
def test_a_subject_is_english_in_every_language_and_names_the_account(case):
    subjects = {bodies_of(alert_of_record(one_record(EVENTS[case]), language))[0].subject for language in LANGUAGES}
    alias = SETTINGS["en"].accounts["111122223333"].alias
    unnamed = {each for each in subjects if alias not in each}
    assert len(subjects) == 1 or unnamed == subjects  # the name of an unknown account is in its reader's language
    assert all("111122223333" in each for each in subjects - unnamed)


@pytest.mark.parametrize(
    ("case", "subject"),
    [
        ("world", "CRITICAL: SSH opened to the whole internet - payments-prod 111122223333"),
        ("denied", "HIGH: Denied attempt to open SSH to the whole internet - payments-prod 111122223333"),
        (
            "iam-trust-everyone",
            "CRITICAL: bob@example.com let everyone assume role deploy - payments-prod 111122223333",
        ),
    ],
)
def test_a_subject_says_the_worst_first(case, subject):
    assert bodies_of(alert_of_record(EVENTS[case], "ko"))[0].subject == subject


def test_a_long_headline_is_cut_in_a_subject_and_the_account_stays():
    document = with_texts(EVENTS["iam-inline-administrator"], lambda key, old: "y" * 80 if key == "policyName" else old)
    (body,) = bodies_of(alert_of_record(document))
    assert re.fullmatch(r"HIGH: alice gave user alice .*y\.\.\. - payments-prod 111122223333", body.subject)
    assert len(body.subject) == 99


def test_an_alias_in_other_letters_leaves_the_account_id_in_the_subject():
    alert = alert_of_record(EVENTS["world"], "ko")
    korean = msgspec.structs.replace(alert, account=msgspec.structs.replace(alert.account, alias="결제-운영"))
    (body,) = bodies_of(korean)
    assert body.subject == "CRITICAL: SSH opened to the whole internet - 111122223333"
    assert body.mail.startswith("🔴 심각 · 결제-운영 · ")


def test_every_rule_says_its_own_reasons_unless_its_neighbour_has_the_same():
    (body,) = bodies_of(alert_of_record(EVENTS["icmp"]))
    head, _, rest = body.mail.partition("🔵 Inbound icmp type 8")
    assert "- only ICMP that the internet needs is included\n" in head
    assert rest.count("  Why: ") == 1
    assert "  Why: 10.0.0.0/8 is a narrow network; ICMP is included\n" in rest
    first, _ = bodies_of(alert_of_record(EVENTS["sixty-rules"]))
    assert first.mail.count("Why: ") == 1  # fifty-nine harmless rules that differ in an address


def test_a_rule_that_was_changed_says_what_it_was_before():
    from gatewatch.alerts.pipeline import Judge  # noqa: PLC0415
    from gatewatch.alerts.replay import replay  # noqa: PLC0415
    from gatewatch.alerts.rule_history import RecentRules  # noqa: PLC0415
    from gatewatch.events.files import documents_of_file  # noqa: PLC0415

    path = TESTS / "golden" / "modify-known-previous" / "event.json"
    *_, alert = replay(documents_of_file(path), Judge(SETTINGS["en"], RecentRules()))
    (body,) = bodies_of(alert)
    assert "  Before: 198.51.100.7/32\n  After: 0.0.0.0/0 (4,294,967,296 times wider)\n" in body.mail
    assert "`198.51.100.7/32` → `0.0.0.0/0` (4,294,967,296 times wider)" in body.chat["content"]["description"]


def test_a_mail_has_no_markup_and_its_links_have_lines_of_their_own():
    (body,) = bodies_of(alert_of_record(EVENTS["world"]))
    assert not set("*`") & set(body.mail)
    assert "|" not in body.mail
    urls = [line for line in body.mail.splitlines() if "://" in line]
    assert len(urls) == 2
    assert all(re.fullmatch(r"https://\S+", line) for line in urls)


def test_where_a_partition_has_no_console_there_are_no_links_and_no_empty_steps():
    (body,) = bodies_of(alert_of_record(EVENTS["region-iso"]))
    assert "://" not in body.mail
    assert body.chat["content"]["nextSteps"] == ["If nobody planned this: close it first, then ask who needs it."]
    (quiet,) = bodies_of(alert_of_record(without_links(EVENTS["create"])))
    assert "nextSteps" not in quiet.chat["content"]


def without_links(document):
    region = {"region": "us-iso-east-1", "awsRegion": "us-iso-east-1"}
    return with_texts(document, region.get)


def test_a_link_that_is_too_long_for_a_step_stands_in_the_description():
    document = copy.deepcopy(EVENTS["world"])
    document["detail"]["eventID"] = "x" * 400
    (body,) = bodies_of(alert_of_record(document))
    content = body.chat["content"]
    assert f"{'x' * 400}|CloudTrail event>" in content["description"]
    assert not any("x" * 400 in step for step in content["nextSteps"])


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("world", "close it first"),
        ("denied", "Nothing changed."),
        ("iam-administrator-attached", "undo it in IAM first"),
        ("sign-in-root-without-mfa", "Ask whether it was them."),
        ("compliance-broken-first", "Put the resource right"),
        ("hub-rule-disabled", "put it back first"),
        ("not-understood", "Read the raw event"),
        ("narrow", ""),
        ("revoke", ""),
        ("compliance-met-again", ""),
        ("failed", ""),
    ],
)
def test_what_to_do_is_said_where_something_is_to_be_done(case, said):
    (body,) = bodies_of(alert_of_record(EVENTS[case]))
    steps = [step for step in body.chat["content"]["nextSteps"] if not step.startswith("<")]
    assert ("\nWhat to do:\n" in body.mail) is bool(said)
    assert said in body.mail
    assert [said in step for step in steps] == ([True] if said else [])


def test_many_failed_sign_ins_are_a_matter_of_guessing():
    alert = alert_of_record(EVENTS["sign-in-failed"])
    (assessed,) = alert.changes
    burst = msgspec.structs.replace(assessed.assessment, severity=Severity.HIGH)
    worse = msgspec.structs.replace(alert, changes=(msgspec.structs.replace(assessed, assessment=burst),))
    assert "Somebody may be guessing a password." in bodies_of(worse)[0].mail


def test_the_raw_event_of_a_call_that_was_not_understood_holds_no_secret():
    (body,) = bodies_of(alert_of_record(EVENTS["not-understood"]))
    for text in (body.mail, body.chat["content"]["description"]):
        assert "meshIds" in text
        assert "5f0c7b5a-made-up-token" not in text
        assert "ASIAEXAMPLE000000011" not in text


def test_what_stands_beside_the_rules_goes_into_a_part_of_its_own_when_there_is_no_room():
    extras = [Extra("Before", "tcp 22 203.0.113.0/24\n" * 100, 2400), Extra("To undo", "gatewatch undo chg-1")]
    (small,) = bodies_of(alert_of_record(EVENTS["world"]), extras)
    assert "Before:\ntcp 22 203.0.113.0/24\n" in small.mail
    assert "*To undo* `gatewatch undo chg-1`" in small.chat["content"]["description"]
    *_, last = bodies_of(alert_of_record(EVENTS["sixty-rules"]), extras * 4)
    assert "To undo:\ngatewatch undo chg-1\n" in last.mail
    assert problems(last.chat) == ()


def test_the_same_event_id_is_one_thread_for_chat_whatever_stands_in_it():
    document = copy.deepcopy(EVENTS["world"])
    document["detail"]["eventID"] = "a\u202eb*_`:x:"
    (body,) = bodies_of(alert_of_record(document))
    assert body.chat["metadata"]["threadId"] == "a\ufffdb*_`:x:"


@pytest.mark.parametrize(("source", "problem"), [("no json", "made no JSON"), ("{}", "made what a chat drops")])
def test_a_template_that_makes_what_a_chat_drops_is_a_fault_of_ours_and_said(source, problem, tmp_path):
    shutil.copytree(TESTS.parent / "templates", tmp_path, dirs_exist_ok=True)
    (tmp_path / "chatbot" / "notification.json.j2").write_text(source, "utf-8")
    with pytest.raises(RenderError, match=problem):
        topic_bodies(alert_of_record(EVENTS["world"]), load_templates(tmp_path, ["en"]), COLORS)


def test_a_hub_that_reads_no_english_still_has_english_subjects():
    templates = load_templates(TESTS.parent / "templates", ["ko"])
    (body,) = topic_bodies(alert_of_record(EVENTS["world"], "ko"), templates, COLORS)
    assert body.subject.startswith("CRITICAL: SSH opened")
    assert "심각" in body.mail


def test_a_body_survives_its_way_through_the_outbox():
    (body,) = bodies_of(alert_of_record(EVENTS["hostile-texts"], "ja"))
    assert read_topic_body(body.encode()) == body
    assert read_topic_body('{"attachments":[]}') is None
    assert read_topic_body('{"kind":"topic","mail":') is None


def test_what_lies_compiled_in_the_zip_words_the_same(tmp_path):
    shutil.copytree(TESTS.parent / "templates", tmp_path, dirs_exist_ok=True)
    compile_templates(tmp_path)
    compiled = load_templates(tmp_path, LANGUAGES)
    for case in ("hostile-texts", "sixty-rules", "not-understood"):
        alert = alert_of_record(EVENTS[case], "ja")
        assert topic_bodies(alert, compiled, COLORS) == topic_bodies(alert, TEMPLATES, COLORS)

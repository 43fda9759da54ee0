"""SNS bodies: emails and chat notifications stay within every limit, drop no rule and escape hostile text."""

import copy
import json
import re
import shutil

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from gatewatch.config.destinations import SnsTopic
from gatewatch.config.settings import LANGUAGES
from gatewatch.delivery.sns import Sns
from gatewatch.errors import RenderError
from gatewatch.model.message_state import AlertState, EarlierExposure, MessageState
from gatewatch.model.notification import Section, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.chatbot_validation import chatbot_problems
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.sns_body import RESERVED_LENGTH
from gatewatch.rendering.sns_templates import compile_templates
from gatewatch.rendering.templates import load_templates
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
from support.rendering import SNS, message_for, sns_bodies

LEVELS = ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")
PREVIEW = 90  # characters of an email that a phone shows in its list


def bodies_of(alert, sections=()):
    return sns_bodies(alert, sections=sections)


def rule_lines(body):
    """The first lines of rules; the first line of the email has a severity mark too."""
    return [line for line in body.mail.splitlines()[1:] if line.startswith(MARKS)]


def published(body):
    """The fields of the SNS publish call."""

    class Topic:
        def publish(self, **fields):
            self.fields = fields
            return {"MessageId": "m"}

    topic = Topic()
    Sns(topic, "arn:aws:sns:eu-west-1:999988887777:alerts").publish("alerts", body, SnsTopic())
    return topic.fields


def assert_within_limits(body):
    assert chatbot_problems(body.chat) == ()
    assert re.fullmatch(r"[!-~][ -~]{0,98}", body.subject)
    assert body.subject.startswith(LEVELS)
    fields = published(body)
    assert len(fields["Message"].encode()) + len(fields["Subject"]) <= 262_144
    assert chatbot_problems(json.loads(json.loads(fields["Message"])["https"])) == ()


def texts_of_chat(chat):
    content = chat["content"]
    return [content["title"], content["description"], *content.get("nextSteps", ()), *content["keywords"]]


def without_markup(text, links):
    """The text without code spans and without links of gatewatch."""
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
        outside = re.sub(r"\b(accounts|policy)\.yaml", "", outside)
        assert not re.search(r"(?<!\w)@\w|:[a-z]+:|\w\.[a-z]{2}", outside)
    assert not set("*_") & set(re.sub(r"(?<=\w)_+(?=\w)", "", body.chat["content"]["title"]))
    assert HOSTILE not in without_markup(body.chat["content"]["description"], links)
    mail = body.mail
    for url in links:
        mail = mail.replace(f"\n{url}\n", "\n")
    assert "://" not in mail


def assert_complete(alert, bodies):
    """One line per change in the email and in the chat; a single change without a rule has only the headline."""
    in_email = [line for body in bodies for line in rule_lines(body)]
    in_chat = [
        line for body in bodies for line in body.chat["content"]["description"].split("\n") if line.startswith(MARKS)
    ]
    assert len(in_email) == len(in_chat)
    assert len(in_email) == len(alert.changes) or (len(alert.changes) == 1 and not in_email)
    raw = [body for body in bodies if '"eventName"' in body.mail or "{" in body.mail]
    assert all(each.change.understood for each in alert.changes) or raw


@given(st.sampled_from(sorted(set(EVENTS) - {"sixty-rules"})), TEXTS, st.randoms(use_true_random=False))
def test_random_text_in_an_event_is_escaped_and_no_rule_is_lost(case, text, chance):
    share, unchanged = chance.random(), chance.choice([SHAPE, SHAPE, set()])
    document = with_texts(
        one_record(EVENTS[case]), lambda key, old: text if key not in unchanged and chance.random() <= share else old
    )
    alert = alert_of_record(document, chance.choice(LANGUAGES))
    if alert is None:
        assert case.startswith("hub-")  # a rule or trail of another name is not part of the alerting pipeline
        return
    bodies = bodies_of(alert)
    assert_complete(alert, bodies)
    for body in bodies:
        assert_within_limits(body)
        assert_harmless(alert, body)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", [name for name in EVENTS if name != "sixty-rules"])
@pytest.mark.parametrize("attack", [HOSTILE.join(ATTACKS), (HOSTILE + "`<&") * 200])
def test_hostile_text_in_every_kind_of_event_is_escaped_and_no_rule_is_lost(case, language, attack):
    document = with_texts(one_record(EVENTS[case]), lambda key, old: old if key in SHAPE else attack)
    alert = alert_of_record(document, language)
    if alert is None:
        assert case.startswith("hub-")
        return
    bodies = bodies_of(alert)
    assert_complete(alert, bodies)
    for body in bodies:
        assert_within_limits(body)
        assert_harmless(alert, body)


@pytest.mark.parametrize(
    ("description", "language"),
    [("d" * 255, "en"), ("&" * 255, "ko"), ("홈" * 255, "ja"), ('"\\' * 127, "en"), ("🔴" * 255, "ko")],
)
def test_a_call_with_a_thousand_rules_has_five_parts_and_counts_the_rules_that_are_left_out(description, language):
    bodies = bodies_of(alert_of_record(many_rules(1000, description), language))
    in_email, in_chat = (
        re.findall(r"sgr-\d{17}", "".join(texts))
        for texts in zip(*((body.mail, body.chat["content"]["description"]) for body in bodies), strict=True)
    )
    assert in_email == in_chat
    assert len(set(in_chat)) == len(in_chat) > 20
    assert len(bodies) <= 5
    assert str(1000 - len(in_chat)) in bodies[-1].mail.partition(in_chat[-1])[2]
    for number, body in enumerate(bodies, start=1):
        assert_within_limits(body)
        assert len(bodies) == 1 or body.subject.endswith(f"({number}/{len(bodies)})")


def test_parts_are_numbered_and_only_the_first_has_reasons():
    first, second = bodies_of(alert_of_record(EVENTS["sixty-rules"]))
    assert first.subject.endswith(" - payments-prod 111122223333 (1/2)")
    assert second.subject.endswith(" - payments-prod 111122223333 (2/2)")
    assert second.mail.splitlines()[0].endswith(" · Part 2 of 2")
    assert second.chat["content"]["title"].endswith(" · Part 2 of 2")
    assert first.chat["id"] != second.chat["id"]
    assert first.chat["metadata"]["threadId"] == second.chat["metadata"]["threadId"]
    assert ["\nWhy:\n" in body.mail for body in (first, second)] == [True, False]
    assert ["*Who*" in body.chat["content"]["description"] for body in (first, second)] == [True, False]


def test_lines_about_state_and_fallback_fit_into_a_full_notification():
    alert = alert_of_record(EVENTS["sixty-rules"])
    description = bodies_of(alert)[0].chat["content"]["description"]
    assert len(description) > 8000 - RESERVED_LENGTH - 400
    banner = Sentence("configuration_invalid", {"reason": "b" * 600})
    message = msgspec.structs.replace(message_for(alert, banners=[banner]), fallback_for="i" * 64)
    ended = AlertState(ended=EarlierExposure(840.0, "w" * 256))
    presentation = Presentation(cut=SNS.cut(message), state=MessageState(alerts={"k": ended}), thread="t" * 64)
    body = SNS.render(message, presentation)
    assert body.chat["content"]["description"].endswith(description)
    assert body.chat["metadata"]["threadId"] == "t" * 64
    assert_within_limits(body)
    leading = body.mail.split("\n\n")[1:4]
    assert [line[:2] for line in leading] == ["⚠️", "⚠️", "✅ "]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", [name for name in EVENTS if name not in {"hostile-texts", "iam-hostile-names"}])
def test_the_preview_on_a_phone_shows_severity_account_and_change(case, language):
    alert = alert_of_record(one_record(EVENTS[case]), language)
    labels = TEMPLATES.labels(language)
    for body in bodies_of(alert):
        preview = " ".join(body.mail.split())[:PREVIEW]
        head = f"{labels.severity[alert.severity]} · {alert.account.alias}"
        assert preview[2:].startswith(head)
        assert len(preview) - preview.index(head) - len(head) > 30  # characters of the headline


@pytest.mark.parametrize("case", EVENTS)
def test_a_subject_is_english_for_every_language_and_names_the_account(case):
    subjects = {bodies_of(alert_of_record(one_record(EVENTS[case]), language))[0].subject for language in LANGUAGES}
    alias = SETTINGS["en"].accounts["111122223333"].alias
    unnamed = {each for each in subjects if alias not in each}
    assert (
        len(subjects) == 1 or unnamed == subjects
    )  # the text for an unknown account is in the language of the account
    assert all("111122223333" in each for each in subjects - unnamed)


@pytest.mark.parametrize(
    ("case", "subject"),
    [
        ("world", "CRITICAL: SSH open to the internet - payments-prod 111122223333"),
        ("denied", "HIGH: Denied attempt to open SSH to the internet - payments-prod 111122223333"),
        (
            "iam-trust-everyone",
            "CRITICAL: Role deploy can now be assumed by anyone - payments-prod 111122223333",
        ),
    ],
)
def test_a_subject_has_severity_headline_and_account(case, subject):
    assert bodies_of(alert_of_record(EVENTS[case], "ko"))[0].subject == subject


def test_a_long_headline_is_cut_in_a_subject_and_the_account_stays():
    document = with_texts(EVENTS["iam-inline-administrator"], lambda key, old: "y" * 80 if key == "policyName" else old)
    (body,) = bodies_of(alert_of_record(document))
    assert re.fullmatch(
        r"HIGH: Administrator rights granted to user alice by alice .*\.\.\. - payments-prod 111122223333", body.subject
    )
    assert len(body.subject) == 99


def test_an_alias_that_is_not_ascii_leaves_the_account_id_in_the_subject():
    alert = alert_of_record(EVENTS["world"], "ko")
    korean = msgspec.structs.replace(alert, account=msgspec.structs.replace(alert.account, alias="결제-운영"))
    (body,) = bodies_of(korean)
    assert body.subject == "CRITICAL: SSH open to the internet - 111122223333"
    assert body.mail.startswith("🔴 심각 · 결제-운영 · ")


def test_every_rule_shows_its_reasons_unless_the_rule_before_it_has_the_same():
    (body,) = bodies_of(alert_of_record(EVENTS["icmp"]))
    _, _, remainder = body.mail.partition("🔵 Inbound icmp type 8")
    head, _, remainder = remainder.partition("🔵 Inbound ")
    assert "- only ICMP types that the internet needs are included\n" in head
    assert remainder.count("  Why: ") == 1
    assert "  Why: 10.0.0.0/8 is a narrow network; ICMP is included\n" in remainder
    first, _ = bodies_of(alert_of_record(EVENTS["sixty-rules"]))
    assert first.mail.count("Why: ") == 1  # fifty-nine rules of low severity that differ in an address


def test_a_modified_rule_shows_its_previous_values():
    from gatewatch.alerts.pipeline import Assessor  # noqa: PLC0415
    from gatewatch.alerts.replay import replay_documents  # noqa: PLC0415
    from gatewatch.alerts.rule_history import InMemoryRuleHistory  # noqa: PLC0415
    from gatewatch.events.files import read_file  # noqa: PLC0415

    path = TESTS / "golden" / "modify-known-previous" / "event.json"
    *_, alert = replay_documents(read_file(path), Assessor(SETTINGS["en"], InMemoryRuleHistory()))
    (body,) = bodies_of(alert)
    assert "  Before: 198.51.100.7/32\n  After: 0.0.0.0/0 (4,294,967,296 times wider)\n" in body.mail
    assert "`198.51.100.7/32` → `0.0.0.0/0` (4,294,967,296 times wider)" in body.chat["content"]["description"]


def test_an_email_has_no_markup_and_each_link_has_its_own_line():
    (body,) = bodies_of(alert_of_record(EVENTS["world"]))
    assert not set("*`") & set(body.mail)
    assert "|" not in body.mail
    urls = [line for line in body.mail.splitlines() if "://" in line]
    assert len(urls) == 2
    assert all(re.fullmatch(r"https://\S+", line) for line in urls)


def test_a_partition_without_a_console_has_no_links_and_no_empty_steps():
    (body,) = bodies_of(alert_of_record(EVENTS["region-iso"]))
    assert "://" not in body.mail
    assert "nextSteps" not in body.chat["content"]


def test_a_link_that_is_too_long_for_a_next_step_is_in_the_description():
    document = copy.deepcopy(EVENTS["world"])
    document["detail"]["eventID"] = "x" * 400
    (body,) = bodies_of(alert_of_record(document))
    content = body.chat["content"]
    assert f"{'x' * 400}|CloudTrail event>" in content["description"]
    assert not any("x" * 400 in step for step in content["nextSteps"])


@pytest.mark.parametrize(
    ("case", "advice"),
    [
        ("world", "revert it first, then find out"),
        ("denied", "Nothing changed."),
        ("iam-administrator-attached", "take the rights back first"),
        ("sign-in-root-without-mfa", "Ask the user whether it was them."),
        ("compliance-noncompliant-first", "Fix the resource"),
        ("hub-rule-disabled", "revert it first. Until then"),
        ("not-understood", "Read the raw event"),
        ("narrow", ""),
        ("revoke", ""),
        ("compliance-compliant-again", ""),
        ("failed", ""),
    ],
)
def test_advice_is_shown_where_there_is_something_to_do(case, advice):
    (body,) = bodies_of(alert_of_record(EVENTS[case]))
    description = body.chat["content"]["description"]
    assert ("\nWhat to do:\n" in body.mail) is ("*What to do* " in description) is bool(advice)
    assert advice in body.mail
    assert advice in description


def test_many_failed_sign_ins_give_the_advice_about_guessed_passwords():
    alert = alert_of_record(EVENTS["sign-in-failed"])
    (assessed,) = alert.changes
    burst = msgspec.structs.replace(assessed.assessment, severity=Severity.HIGH)
    worse = msgspec.structs.replace(alert, changes=(msgspec.structs.replace(assessed, assessment=burst),))
    assert "Someone may be guessing a password." in bodies_of(worse)[0].mail


def test_the_raw_event_of_a_call_that_was_not_understood_contains_no_secret():
    (body,) = bodies_of(alert_of_record(EVENTS["not-understood"]))
    for text in (body.mail, body.chat["content"]["description"]):
        assert "meshIds" in text
        assert "5f0c7b5a-made-up-token" not in text
        assert "ASIAEXAMPLE000000011" not in text


def test_sections_move_to_another_part_when_they_do_not_fit():
    sections = [
        Section("ingress_before", "tcp 22 203.0.113.0/24\n" * 100, 2400),
        Section("ingress_undo", "gatewatch undo chg-1"),
    ]
    (small,) = bodies_of(alert_of_record(EVENTS["world"]), sections)
    assert "Before:\ntcp 22 203.0.113.0/24\n" in small.mail
    assert "*To undo* `gatewatch undo chg-1`" in small.chat["content"]["description"]
    *_, last = bodies_of(alert_of_record(EVENTS["sixty-rules"]), sections * 4)
    assert "To undo:\ngatewatch undo chg-1\n" in last.mail
    assert chatbot_problems(last.chat) == ()


def test_a_hostile_event_id_is_a_valid_thread_id():
    document = copy.deepcopy(EVENTS["world"])
    document["detail"]["eventID"] = "a\u202eb*_`:x:"
    (body,) = bodies_of(alert_of_record(document))
    assert body.chat["metadata"]["threadId"] == "a\ufffdb*_`:x:"


@pytest.mark.parametrize(
    ("source", "problem"), [("no json", "did not render JSON"), ("{}", "rendered what the chat service drops")]
)
def test_a_template_that_renders_an_invalid_notification_raises_a_render_error(source, problem, tmp_path):
    shutil.copytree(TESTS.parent / "templates", tmp_path, dirs_exist_ok=True)
    (tmp_path / "chatbot" / "notification.json.j2").write_text(source, "utf-8")
    with pytest.raises(RenderError, match=problem):
        SnsRenderer(load_templates(tmp_path), COLORS).render(message_for(alert_of_record(EVENTS["world"])))


def test_a_template_with_an_unknown_variable_raises_an_error(tmp_path):
    shutil.copytree(TESTS.parent / "templates", tmp_path, dirs_exist_ok=True)
    (tmp_path / "email" / "message.j2").write_text("{{ unknown_variable }}", "utf-8")
    with pytest.raises(UndefinedError, match="unknown_variable"):
        SnsRenderer(load_templates(tmp_path), COLORS).render(message_for(alert_of_record(EVENTS["world"])))


def test_a_subject_is_english_when_the_email_is_not():
    (body,) = bodies_of(alert_of_record(EVENTS["world"], "ko"))
    assert body.subject.startswith("CRITICAL: SSH open")
    assert "심각" in body.mail


def test_compiled_templates_render_the_same(tmp_path):
    shutil.copytree(TESTS.parent / "templates", tmp_path, dirs_exist_ok=True)
    compile_templates(tmp_path)
    compiled = SnsRenderer(load_templates(tmp_path), COLORS)
    for case in ("hostile-texts", "sixty-rules", "not-understood"):
        alert = alert_of_record(EVENTS[case], "ja")
        assert list(compiled.messages(message_for(alert))) == bodies_of(alert)

"""What decides about an alert is the first attachment of its message, short enough that Slack does not fold it."""

import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup

from gatewatch.config.settings import LANGUAGES, Colors
from gatewatch.model.alert_actions import (
    ActionButton,
    ActionStatus,
    AlertActions,
    Mark,
    Person,
    RevertProposal,
    ShownActions,
)
from gatewatch.model.message_state import AlertState, ExposureEnd, MessageState
from gatewatch.model.notification import Sentence
from gatewatch.model.revert import FrozenPlan
from gatewatch.rendering.overview import url_in_link
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.slack_limits import MAX_UNFOLDED, MAX_UNFOLDED_BLOCKS
from support.hostile import ATTACKS, EVENTS, HOSTILE, SHAPE, TEXTS, alert_of_record, one_record, with_texts
from support.rendering import SLACK, message_for, slack_payloads

LINK = re.compile(r"<[^|<>]+\|([^<>]+)>")
CLOSED = AlertState(exposed=1, closed=1, end=ExposureEnd("closed", 840.0, "minji"))


def overview(payload):
    return payload["attachments"][0]["blocks"]


def visible(blocks):
    """The text of blocks as a reader sees it."""
    texts = [text["text"] for block in blocks for text in [block.get("text"), *block.get("elements", ())] if text]
    shown = LINK.sub(r"\1", "\n".join(texts))
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def assert_unfolded(payload):
    assert len(overview(payload)) <= MAX_UNFOLDED_BLOCKS
    assert len(visible(overview(payload))) <= MAX_UNFOLDED
    assert sum(len(LINK.sub(r"\1", text)) for text in visible(overview(payload)).split("\n")) <= MAX_UNFOLDED


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", EVENTS)
def test_the_first_attachment_of_every_kind_of_message_is_not_folded(case, language):
    for payload in slack_payloads(alert_of_record(one_record(EVENTS[case]), language)):
        assert_unfolded(payload)


@pytest.mark.parametrize("case", EVENTS)
@pytest.mark.parametrize("attack", [HOSTILE.join(ATTACKS), (HOSTILE + "`<&") * 200])
def test_no_text_of_an_event_makes_the_first_attachment_long(case, attack):
    document = with_texts(one_record(EVENTS[case]), lambda key, old: old if key in SHAPE else attack)
    if alert := alert_of_record(document):
        assert_unfolded(slack_payloads(alert)[0])


@given(st.sampled_from(["world", "iam-trust-everyone", "public-bucket-policy", "hub-rule-disabled"]), TEXTS)
@example("world", "evilmarkhttps://evil.exampleevilmark00000evilmark")
def test_no_random_text_of_an_event_makes_the_first_attachment_long(case, text):
    document = with_texts(one_record(EVENTS[case]), lambda key, old: old if key in SHAPE else text)
    if alert := alert_of_record(document):
        assert_unfolded(slack_payloads(alert)[0])


def test_what_decides_stands_in_order():
    (payload,) = slack_payloads(alert_of_record(EVENTS["world"]))
    header, place, worst, action, links = overview(payload)
    assert header["text"]["text"] == "🔴 Critical: SSH open to the internet"
    assert place["text"]["text"].split("\n")[0] == (
        "`payments-prod` · `ap-northeast-2` · `minji.kim@example.com` · `203.0.113.24`"
    )
    assert worst["text"]["text"].startswith("🔴 *Inbound* `tcp 22` (SSH) from `0.0.0.0/0`")
    assert "\n*Why* the whole internet may connect" in worst["text"]["text"]
    assert action["text"]["text"].startswith("*What to do* ")
    assert links["elements"][0]["text"].count("|") == 2


def test_the_colour_stands_beside_what_decides_only():
    (payload,) = slack_payloads(alert_of_record(EVENTS["world"]))
    assert [each.get("color") for each in payload["attachments"]] == [Colors().critical, None]


def test_the_details_say_how_the_caller_signed_in():
    document = with_texts(EVENTS["world"], lambda _key, old: old)
    document["detail"]["userIdentity"]["sessionContext"]["sourceIdentity"] = "minji"
    (payload,) = slack_payloads(alert_of_record(document))
    fields = [field["text"] for field in payload["attachments"][1]["blocks"][0]["fields"]]
    (who,) = (field.split("\n") for field in fields if field.startswith("*Who*"))
    assert who[1] == "`minji (AWSReservedSSO_NetworkAdmin_8f1d0c7b5a3e2964)` · console"
    assert who[2] == "MFA yes · Access key `ASIA…0011` · Source identity `minji`"


def test_a_rule_whose_description_is_too_long_leaves_it_to_the_details():
    document = with_texts(EVENTS["world"], lambda _key, old: old)
    rule = document["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]
    rule["description"] = "d" * 255
    (payload,) = slack_payloads(with_reasons(alert_of_record(document), 5))
    first, second = (visible(each["blocks"]) for each in payload["attachments"])
    assert "sgr-" in first
    assert first.count("the whole internet may connect") == 5
    assert "ddd" not in first
    assert "ddd" in second
    assert "sgr-" not in second


def test_a_command_for_many_rules_is_in_the_details_and_the_first_attachment_says_so():
    document = with_texts(EVENTS["world"], lambda _key, old: old)
    rules = document["detail"]["responseElements"]["securityGroupRuleSet"]
    rules["items"] = [rules["items"][0] | {"securityGroupRuleId": f"sgr-{number:017d}"} for number in range(20)]
    (payload,) = slack_payloads(alert_of_record(document))
    first, second = (visible(each["blocks"]) for each in payload["attachments"])
    assert "The command that undoes it is below" in first
    assert "aws ec2 revoke-security-group-ingress" in second
    assert second.count("sgr-") == 39  # nineteen other rules, twenty in the command


def test_reasons_that_do_not_fit_are_in_the_details():
    (payload,) = slack_payloads(with_reasons(alert_of_record(EVENTS["world"]), 12))
    first, second = (visible(each["blocks"]) for each in payload["attachments"])
    assert first.count("the whole internet may connect") == 1
    assert second.count("the whole internet may connect") == 12


def with_reasons(alert, count):
    (assessed,) = alert.changes
    reasons = assessed.assessment.reasons[:1] * count
    assessment = msgspec.structs.replace(assessed.assessment, reasons=reasons)
    return msgspec.structs.replace(alert, changes=(msgspec.structs.replace(assessed, assessment=assessment),))


MINJI = Mark(Person("U0123", "minji"), 1_763_990_000.0)


def done(**facts):
    return ShownActions("id", (), AlertActions(**facts))


PROPOSAL = RevertProposal(
    id="p",
    plan=FrozenPlan(
        "0" * 64, tuple(Sentence("revert_undo", {"resource": "a" * 90, "added": "b"}) for _ in range(9)), ""
    ),
    proposed=Mark(Person("U9", "jihoon"), 0.0),
    expires_at=0.0,
)
STATES = {
    "✅ Closed": MessageState(alerts={"k": CLOSED}),
    "↩️ Reverted": MessageState(alerts={"k": CLOSED}, shown=done(status=ActionStatus.REVERTED, executed=MINJI)),
    "↪️ Revert undone": MessageState(
        alerts={"k": CLOSED}, shown=done(status=ActionStatus.UNDONE, executed=MINJI, is_undone=True)
    ),
    "👀 Acknowledged": MessageState(shown=done(status=ActionStatus.ACKNOWLEDGED, acknowledged=MINJI)),
    "💤 Snoozed": MessageState(shown=done(status=ActionStatus.SNOOZED, snoozed=MINJI, snoozed_until=1_764_000_000.0)),
}


@pytest.mark.parametrize("title", STATES)
def test_a_message_that_was_handled_says_so_in_the_header_and_has_no_red_mark(title):
    payload = SLACK.render(message_for(alert_of_record(EVENTS["world"])), Presentation(state=STATES[title]))
    text = visible(overview(payload))
    assert text.startswith(f"{title} · Critical: SSH open to the internet\n")
    assert "`minji`" in text
    assert_unfolded(payload)
    is_over = title in {"✅ Closed", "↩️ Reverted"}
    assert (payload["attachments"][0]["color"] == Colors().resolved) is is_over
    assert ("What to do" in text) is not is_over


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "status", [ActionStatus.ACKNOWLEDGED, ActionStatus.REVERT_PROPOSED, ActionStatus.UNDO_PROPOSED]
)
def test_neither_the_overview_nor_a_long_plan_with_its_buttons_is_folded(language, status):
    actions = AlertActions(status=status, acknowledged=MINJI, executed=MINJI, proposal=PROPOSAL)
    shown = ShownActions("id", tuple(ActionButton), actions)
    message = message_for(alert_of_record(EVENTS["world"], language))
    payload = SLACK.render(message, Presentation(state=MessageState(shown=shown)))
    assert_unfolded(payload)
    assert LINK.search(overview(payload)[-1]["text"]["text"])
    own = payload["attachments"][1]["blocks"]
    assert own[-1]["type"] == "actions"
    assert len(own) <= MAX_UNFOLDED_BLOCKS
    assert len(visible(own[:-1])) <= MAX_UNFOLDED
    assert ("…" in visible(own[:-1])) is (status is not ActionStatus.ACKNOWLEDGED)


def test_a_snooze_says_until_when():
    payload = SLACK.render(message_for(alert_of_record(EVENTS["world"])), Presentation(state=STATES["💤 Snoozed"]))
    assert "💤 Snoozed until 2025-11-24 16:00 UTC by `minji`" in visible(overview(payload))


def test_an_acknowledgement_does_not_hide_that_everything_is_closed():
    shown = STATES["👀 Acknowledged"].shown
    assert MessageState(alerts={"k": CLOSED}, shown=shown).status == "closed"
    assert MessageState(shown=shown).status == "acknowledged"
    assert MessageState(shown=done(status=ActionStatus.REVERT_PROPOSED)).status == ""
    assert MessageState().status == ""


@pytest.mark.parametrize("url", ["https://example.com/a?b=1&c=2", Markup("https://example.com/a?b=1&c=2")])
def test_the_signs_of_an_address_are_escaped_once(url):
    assert url_in_link(url) == "https://example.com/a?b=1&amp;c=2"
    assert url_in_link("a|b<c>") == "a%7Cb%3Cc%3E"

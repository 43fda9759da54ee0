"""Adaptive Cards for Teams: golden files in three languages, Microsoft's own library, hostile texts and sizes."""

import json
import shutil
import subprocess

import msgspec
import pytest
from hypothesis import given

from gatewatch.alerts.notifications import notification_of
from gatewatch.config.languages import LANGUAGES
from gatewatch.errors import RenderError
from gatewatch.model.message import OutboxMessage, Rollup
from gatewatch.model.message_state import AlertState, ExposureEnd, MessageState
from gatewatch.model.severity import Severity
from gatewatch.monitoring.doctor.test_message import build_test_message
from gatewatch.rendering.presentation import MAX_PARTS, Presentation
from gatewatch.rendering.teams import MAX_BYTES, TeamsRenderer
from support.destination_goldens import CASES, assert_golden, messages_of
from support.hostile import EVENTS, TEXTS, alert_of_record, is_hidden, many_rules, with_texts
from support.paths import GOLDEN, ROOT, TESTS
from support.rendering import LOADED

RENDERER = TeamsRenderer(LOADED)
LIBRARY = ROOT / "node_modules" / "adaptivecards"
MISSING = "" if LIBRARY.exists() and shutil.which("node") else "adaptivecards is not installed; run `npm ci`"


def payloads_of(message, **presentation):
    cut = RENDERER.cut(message)
    parts = (Presentation(part=part, cut=cut, **presentation) for part in range(1, len(cut) + 1))
    return [json.loads(msgspec.json.encode(RENDERER.render(message, each))) for each in parts]


def card_of(payload):
    (attachment,) = payload["attachments"]
    return attachment["content"]


def texts_of(value):
    """Every text that a reader sees, in order."""
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    if not isinstance(value, dict):
        return []
    own = [value[key] for key in ("text", "title") if key in value]
    return own + [text for key in ("body", "items", "inlines", "actions") for text in texts_of(value.get(key, []))]


def compact(payload):
    """The payload with a line for each block of text, so that differences are readable."""
    card = card_of(payload)
    return {"card": {key: value for key, value in card.items() if key not in {"body", "actions"}}} | {
        "header": card["body"][0]["style"],
        "lines": ["".join(texts_of(block)) for block in card["body"]],
        "actions": card["actions"],
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_cards_of_an_event_match_the_golden_file(case, language):
    payloads = [payload for each in messages_of(case, language) for payload in payloads_of(each)]
    assert_golden([compact(each) for each in payloads], GOLDEN / case / f"teams.{language}.json")


def test_a_payload_is_what_the_workflows_app_takes():
    (payload,) = payloads_of(messages_of("world", "en")[0])
    assert_golden(payload, GOLDEN / "world" / "teams-payload.en.json")


def judged(cards):
    ran = subprocess.run(
        ["node", TESTS / "rendering" / "judge_cards.cjs"],
        input=json.dumps(cards),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(ran.stdout)


def lowered(value):
    """Without defaults, which the library leaves out, and with enumerations in one case."""
    if isinstance(value, list):
        return [lowered(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: lowered(each) for key, each in value.items() if (key, each) != ("spacing", "default")}
    enums = {"style", "size", "weight", "fontType", "spacing", "width"}
    return {key: each.lower() if key in enums else each for key, each in kept.items() if each != []}


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_microsofts_library_understands_every_card_completely():
    cards = [
        card_of(payload)
        for case in CASES
        for language in LANGUAGES
        for message in messages_of(case, language)
        for payload in payloads_of(message)
    ]
    cards.append(card_of(payloads_of(build_test_message("room", "ko"))[0]))
    for card, found in zip(cards, judged(cards), strict=True):
        assert found["problems"] == []
        expected = {key: each for key, each in card.items() if key != "msteams"}
        assert lowered(found["card"]) == lowered(expected)


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_microsofts_library_finds_a_wrong_card():
    card = card_of(payloads_of(messages_of("world", "en")[0])[0])
    wrong = [
        {**card, "body": [{"type": "Headline", "text": "x"}]},
        {**card, "body": [{"type": "TextBlock", "text": "x", "size": "gigantic"}]},
        {**card, "actions": [{"type": "Action.OpenUrl", "title": "x"}]},
        {**card, "body": [{"type": "Table"}]},
    ]
    assert all(found["problems"] for found in judged(wrong))


def test_a_closed_exposure_is_shown_in_green():
    (message,) = messages_of("world", "en")
    state = MessageState(alerts={message.key: AlertState(exposed=1, closed=1, end=ExposureEnd("closed", 840.0, "bob"))})
    (payload,) = payloads_of(message, state=state)
    assert card_of(payload)["body"][0]["style"] == "good"
    assert "✅ Closed after 14 min by bob" in texts_of(card_of(payload))


@pytest.mark.parametrize(("severity", "style"), [("critical", "attention"), ("medium", "warning"), ("info", "good")])
def test_a_notice_has_the_style_of_its_severity_or_that_of_good_news(severity, style):
    message = build_test_message("room", "en")
    kind = message.notification.kind if severity == "info" else "silent"
    notice = msgspec.structs.replace(message.notification, severity=Severity(severity), kind=kind)
    (payload,) = payloads_of(msgspec.structs.replace(message, notification=notice))
    assert card_of(payload)["body"][0]["style"] == style
    assert card_of(payload)["actions"] == []


def test_a_fallback_message_says_so_above_the_rules():
    (message,) = messages_of("world", "en")
    (payload,) = payloads_of(msgspec.structs.replace(message, fallback_for="sec-all"))
    assert any("sec-all" in text for text in texts_of(card_of(payload))[:3])


@pytest.mark.parametrize("description", ["한글" * 120, "short"], ids=["long", "short"])
def test_a_call_with_many_rules_becomes_several_cards_that_fit_and_show_each_rule_once(description):
    message = OutboxMessage(
        destination="room", notification=notification_of(alert_of_record(many_rules(200, description)))
    )
    payloads = payloads_of(message)
    assert 1 < len(payloads) <= MAX_PARTS
    assert max(len(msgspec.json.encode(each)) for each in payloads) <= MAX_BYTES
    texts = [text for each in payloads for text in texts_of(card_of(each))]
    shown = [text for text in texts if "Inbound tcp" in text]
    assert len(shown) == len(set(shown))
    omitted = [text for text in texts if "more changes are not shown" in text]
    assert len(shown) == 200 or f"{200 - len(shown)} more changes" in omitted[0]


@given(texts=TEXTS)
@pytest.mark.parametrize("name", ["world", "not-understood", "iam-hostile-names", "public-bucket-policy"])
def test_hostile_texts_stay_texts(name, texts):
    alert = alert_of_record(with_texts(EVENTS[name], lambda _key, _text: texts))
    for payload in payloads_of(OutboxMessage(destination="room", notification=notification_of(alert))):
        shown = texts_of(card_of(payload)["body"])
        assert not [text for text in shown if "://" in text or any(map(is_hidden, text)) or "\n" in text]


def test_a_roll_up_is_refused():
    with pytest.raises(RenderError):
        RENDERER.render(Rollup(tuple(messages_of("world", "en"))))

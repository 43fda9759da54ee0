"""Events for PagerDuty: golden files in three languages, PagerDuty's own client, and what triggers and resolves."""

import json

import msgspec
import pytest
from jsonschema import Draft202012Validator

from gatewatch.config.languages import LANGUAGES
from gatewatch.errors import RenderError
from gatewatch.model.exposure import ExposureChange, RuleRef
from gatewatch.model.message import Rollup
from gatewatch.model.message_state import AlertState, MessageState
from gatewatch.model.notification import NoticeKind
from gatewatch.model.severity import Severity
from gatewatch.monitoring.doctor.test_message import build_test_message
from gatewatch.rendering.pagerduty import MAX_DEDUP_KEY, MAX_SUMMARY, IncidentRenderer
from gatewatch.rendering.presentation import Presentation
from support.destination_goldens import CASES, assert_golden, messages_of
from support.hostile import ATTACKS
from support.paths import GOLDEN
from support.rendering import LOADED

RENDERER = IncidentRenderer(LOADED)
# Written from PagerDuty's developer documentation of the Events API v2, which publishes no schema to install.
TEXT = {"type": "string", "minLength": 1}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["event_action", "dedup_key"],
    "properties": {
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {**TEXT, "maxLength": MAX_DEDUP_KEY},
        "client": TEXT,
        "client_url": TEXT,
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["href"],
                "properties": {"href": {**TEXT, "pattern": "^https://"}, "text": TEXT},
            },
        },
        "payload": {
            "type": "object",
            "additionalProperties": False,
            "required": ["summary", "source", "severity"],
            "properties": {
                "summary": {**TEXT, "maxLength": MAX_SUMMARY},
                "source": TEXT,
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {**TEXT, "pattern": "Z$"},
                "component": TEXT,
                "group": TEXT,
                "class": TEXT,
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"properties": {"payload": False, "links": False}},
}
VALIDATOR = Draft202012Validator(SCHEMA)


def events_of(message, presentation=Presentation()):  # noqa: B008  a frozen value
    events = json.loads(msgspec.json.encode(RENDERER.render(message, presentation)))
    assert [problem.message for each in events for problem in VALIDATOR.iter_errors(each)] == []
    return events


def actions(message, **presentation):
    return [(each["event_action"], each["dedup_key"]) for each in events_of(message, Presentation(**presentation))]


def with_change(message, **change):
    exposure = ExposureChange(event_id="e", group_key="1/r/sg-1", at=0.0, actor="bob", **change)
    notification = msgspec.structs.replace(message.notification, exposure_change=exposure)
    return msgspec.structs.replace(message, notification=notification)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_events_of_an_event_match_the_golden_file(case, language):
    found = [event for each in messages_of(case, language) for event in events_of(each)]
    assert_golden(found, GOLDEN / case / f"pagerduty.{language}.json")


def test_an_exposure_is_triggered_and_deduplicated_by_its_id():
    (message,) = messages_of("world", "en")
    state = MessageState(alerts={message.key: AlertState(exposed=1)})
    assert actions(message, exposure="abc", state=state) == [("trigger", "gatewatch-exposure-abc")]


def test_another_alert_is_deduplicated_by_its_event():
    (message,) = messages_of("world", "en")
    assert actions(message) == [("trigger", f"gatewatch-{message.notification.key}")]


def test_a_closing_resolves_the_incidents_of_what_it_closed_and_triggers_nothing():
    (message,) = messages_of("revoke", "en")
    closing = with_change(message, closed=(RuleRef("sgr-1"),))
    assert actions(closing, ended_exposures=("abc", "def", "abc")) == [
        ("resolve", "gatewatch-exposure-abc"),
        ("resolve", "gatewatch-exposure-def"),
    ]
    assert actions(closing) == []


def test_a_severe_alert_that_also_closes_something_triggers_an_incident():
    (message,) = messages_of("world", "en")
    closing = with_change(message, closed=(RuleRef("sgr-1"),))
    assert [action for action, _ in actions(closing, ended_exposures=("abc",))] == ["resolve", "trigger"]


def test_an_update_resolves_and_triggers_nothing_however_severe_it_is():
    (message,) = messages_of("world", "en")
    closing = msgspec.structs.replace(with_change(message, closed=(RuleRef("sgr-1"),)), updates_only=True)
    assert actions(closing, ended_exposures=("abc",)) == [("resolve", "gatewatch-exposure-abc")]
    assert actions(closing) == []


def test_an_opening_that_was_closed_before_it_was_reported_is_triggered_and_resolved():
    (message,) = messages_of("world", "en")
    state = MessageState(alerts={message.key: AlertState(exposed=1, closed=1)})
    assert [action for action, _ in actions(message, exposure="abc", state=state)] == ["trigger", "resolve"]


def test_a_key_of_any_text_becomes_a_key_that_pagerduty_accepts():
    (message,) = messages_of("world", "en")
    keys = set()
    for key in ("x" * 1000, "x" * 1001, "한글", "a\nb", "\u202e"):
        notification = msgspec.structs.replace(message.notification, key=key)
        keys.add(actions(msgspec.structs.replace(message, notification=notification))[0][1])
    assert len(keys) == 5
    assert all(len(key) <= MAX_DEDUP_KEY and key.isascii() for key in keys)


@pytest.mark.parametrize("text", ATTACKS)
def test_texts_of_an_event_stay_within_the_limits_and_make_no_link(text):
    (message,) = messages_of("world", "en")
    alert = message.notification.alert
    actor = msgspec.structs.replace(alert.call.actor, name=text)
    call = msgspec.structs.replace(alert.call, event_name=text, event_id=text, source_ip=text, actor=actor)
    notification = msgspec.structs.replace(message.notification, alert=msgspec.structs.replace(alert, call=call))
    (event,) = events_of(msgspec.structs.replace(message, notification=notification))
    payload = json.dumps(event["payload"], ensure_ascii=False)
    assert "://" not in payload
    assert len(payload) < 20_000


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_has_one_of_pagerduty(severity):
    message = build_test_message("pager", "en")
    notice = msgspec.structs.replace(message.notification, severity=severity)
    (event,) = events_of(msgspec.structs.replace(message, notification=notice))
    expected = {"critical": "critical", "high": "error", "medium": "warning"}.get(severity.value, "info")
    assert event["payload"]["severity"] == expected


@pytest.mark.parametrize("kind", [NoticeKind.RECOVERED, NoticeKind.RESOLVED])
def test_good_news_calls_nobody(kind):
    message = build_test_message("pager", "en")
    notice = msgspec.structs.replace(message.notification, kind=kind)
    assert events_of(msgspec.structs.replace(message, notification=notice)) == []


def test_a_fallback_message_says_so():
    (message,) = messages_of("world", "en")
    (event,) = events_of(msgspec.structs.replace(message, fallback_for="sec-all"))
    assert "sec-all" in event["payload"]["custom_details"]["⚠️"]


def test_a_roll_up_is_refused():
    with pytest.raises(RenderError):
        RENDERER.render(Rollup(tuple(messages_of("world", "en"))))


def test_the_schema_finds_a_wrong_event():
    (event,) = events_of(messages_of("world", "en")[0])
    payload = event["payload"]
    wrong = [
        {**event, "routing": "x"},
        {**event, "payload": {**payload, "severity": "high"}},
        {**event, "payload": {**payload, "summary": "x" * 1025}},
        {**event, "dedup_key": ""},
        {**event, "event_action": "resolve"},
        {key: value for key, value in event.items() if key != "payload"},
    ]
    assert [VALIDATOR.is_valid(each) for each in wrong] == [False] * len(wrong)

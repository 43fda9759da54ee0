"""Messages as JSON: golden files, the published schema, and the size."""

import json

import msgspec
import pytest
from jsonschema import Draft202012Validator

from gatewatch.errors import RenderError
from gatewatch.model.message import Rollup
from gatewatch.model.message_state import AlertState, MessageState
from gatewatch.monitoring.doctor.test_message import build_test_message
from gatewatch.rendering.json_message import MAX_JSON_BYTES, JsonRenderer
from gatewatch.rendering.presentation import Presentation
from support.destination_goldens import CASES, assert_golden, messages_of
from support.paths import GOLDEN
from support.rendering import LOADED
from tools.generate_webhook_schema import SCHEMA, webhook_schema

WHOLE = Presentation()
RENDERER = JsonRenderer(LOADED)
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def rendered(message, presentation=WHOLE):
    return json.loads(msgspec.json.encode(RENDERER.render(message, presentation)))


def problems(value):
    return [each.message for each in VALIDATOR.iter_errors(value)]


@pytest.mark.parametrize("case", CASES)
def test_the_json_of_an_event_matches_the_golden_file_and_the_schema(case):
    found = [rendered(each) for each in messages_of(case, "en")]
    assert [problems(each) for each in found] == [[]] * len(found)
    assert_golden(found, GOLDEN / case / "webhook.json")


def test_the_published_schema_is_that_of_the_types():
    assert SCHEMA.read_text("utf-8") == webhook_schema(), "run `make docs` and review the difference"


def test_the_summary_is_in_the_language_of_the_account_and_the_reasons_are_english():
    (message,) = messages_of("world", "ko")
    found = rendered(message)
    assert (found["language"], found["summary"]) == ("ko", "인터넷에 SSH 개방")
    assert found["changes"][0]["reasons"][0] == "the whole internet may connect"


def test_an_exposure_and_those_that_end_are_named():
    (message,) = messages_of("world", "en")
    state = MessageState(alerts={message.key: AlertState(exposed=2, closed=1)})
    found = rendered(message, Presentation(state=state, exposure="abc", ended_exposures=("def",)))
    assert found["exposure"] == {"id": "abc", "opened": 2, "closed": 1}
    assert found["ended_exposures"] == ["def"]
    assert problems(found) == []


def test_a_fallback_message_says_for_which_destination():
    (message,) = messages_of("world", "en")
    found = rendered(msgspec.structs.replace(message, fallback_for="sec-all"))
    assert found["fallback_for"] == "sec-all"
    assert found["text"] == ["⚠️ Sent here because delivery to sec-all failed."]


def test_a_notice_has_a_title_and_paragraphs():
    found = rendered(build_test_message("siem", "en"))
    assert (found["kind"], found["severity"], found["changes"]) == ("notice", "info", [])
    assert found["summary"].startswith("✅")
    assert "siem" in found["text"][0]
    assert problems(found) == []


def with_descriptions(message, description):
    alert = message.notification.alert
    rules = [msgspec.structs.replace(each.change.rule, description=description) for each in alert.changes]
    changes = tuple(
        msgspec.structs.replace(each, change=msgspec.structs.replace(each.change, rule=rule))
        for each, rule in zip(alert.changes, rules, strict=True)
    )
    longer = msgspec.structs.replace(message.notification, alert=msgspec.structs.replace(alert, changes=changes))
    return msgspec.structs.replace(message, notification=longer)


@pytest.mark.parametrize("description", ["x" * 20_000, "\0" * 100_000], ids=["many long ones", "each too long"])
def test_a_message_that_is_too_large_has_fewer_changes_and_counts_the_others(description):
    (message,) = messages_of("sixty-rules", "en")
    found = rendered(with_descriptions(message, description))
    assert len(json.dumps(found)) <= MAX_JSON_BYTES
    assert len(found["changes"]) + sum(found["omitted"].values()) == 60
    assert problems(found) == []


@pytest.mark.parametrize("field", ["event_id", "event_name", "event_source", "region", "source_ip", "error_code"])
def test_a_field_of_the_event_of_any_length_is_cut(field):
    (message,) = messages_of("world", "en")
    alert = message.notification.alert
    call = msgspec.structs.replace(alert.call, **{field: "\0" * 100_000})
    longer = msgspec.structs.replace(message.notification, alert=msgspec.structs.replace(alert, call=call))
    found = rendered(msgspec.structs.replace(message, notification=longer))
    assert len(json.dumps(found)) <= MAX_JSON_BYTES


def test_a_roll_up_is_refused():
    with pytest.raises(RenderError):
        RENDERER.render(Rollup(tuple(messages_of("world", "en"))))

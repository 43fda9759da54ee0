"""Findings for an event bus: golden files, and the published schema of OCSF."""

import functools
import json

import msgspec
import pytest
from jsonschema import Draft202012Validator

from gatewatch.config.languages import LANGUAGES
from gatewatch.errors import RenderError
from gatewatch.model.message import Rollup
from gatewatch.model.message_state import AlertState, MessageState
from gatewatch.monitoring.doctor.test_message import build_test_message
from gatewatch.rendering.json_message import JsonRenderer
from gatewatch.rendering.ocsf import CLASS, CLOSE, VERSION, FindingRenderer
from gatewatch.rendering.presentation import Presentation
from support.destination_goldens import CASES, assert_golden, messages_of
from support.hostile import ATTACKS
from support.paths import GOLDEN
from support.rendering import LOADED

ocsf = pytest.importorskip("ocsf_json_schema", reason="ocsf-json-schema is not installed; make test installs it")
RENDERER = FindingRenderer(LOADED, lambda: 1_700_000_000.0)
MAX_DETAIL = 256 * 1024 - 1000  # of an entry of PutEvents, for years


@functools.cache
def validator():
    schema = ocsf.OcsfJsonSchemaEmbedded(ocsf.get_ocsf_schema(VERSION))
    return Draft202012Validator(schema.get_class_schema(schema.lookup_class_name_from_uid(CLASS), ["cloud"]))


def findings_of(message, **presentation):
    findings = RENDERER.render(message, Presentation(**presentation))
    details = [json.loads(msgspec.json.encode(each.detail)) for each in findings]
    assert [problem.message for each in details for problem in validator().iter_errors(each)] == []
    return [(each.detail_type, detail) for each, detail in zip(findings, details, strict=True)]


@pytest.mark.parametrize("case", CASES)
def test_the_finding_of_an_event_matches_the_golden_file_and_the_schema_of_ocsf(case):
    found = [finding for each in messages_of(case, "en") for finding in findings_of(each)]
    assert_golden(
        [{"detail-type": kind, "detail": detail | {"unmapped": "as webhook.json"}} for kind, detail in found],
        GOLDEN / case / "eventbridge.json",
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_message_is_in_the_finding(language):
    (message,) = messages_of("world", language)
    ((kind, detail),) = findings_of(message)
    assert kind == "gatewatch alert"
    assert detail["unmapped"]["gatewatch"] == json.loads(msgspec.json.encode(JsonRenderer(LOADED).render(message)))


def test_an_exposure_is_the_id_of_its_finding_and_ending_it_closes_that():
    (message,) = messages_of("world", "en")
    state = MessageState(alerts={message.key: AlertState(exposed=1)})
    found = findings_of(message, state=state, exposure="abc", ended_exposures=("def", "abc"))
    assert [(kind, each["activity_id"], each["finding_info"]["uid"]) for kind, each in found] == [
        ("gatewatch alert", 1, "abc"),
        ("gatewatch exposure closed", CLOSE, "def"),
    ]


def test_a_notice_is_a_finding_at_the_time_of_sending():
    ((kind, detail),) = findings_of(build_test_message("bus", "en"))
    assert (kind, detail["time"], detail["is_alert"]) == ("gatewatch notice", 1_700_000_000_000, False)


@pytest.mark.parametrize("text", [*ATTACKS, "\0" * 100_000], ids=[*map(ascii, ATTACKS), "many controls"])
def test_texts_of_an_event_break_neither_the_schema_nor_the_size(text):
    text = text.encode("utf-8", "replace").decode()
    (message,) = messages_of("world", "en")
    alert = message.notification.alert
    actor = msgspec.structs.replace(alert.call.actor, name=text, type=text)
    call = msgspec.structs.replace(
        alert.call, event_name=text, event_id=text, region=text, source_ip=text, error_code=text, actor=actor
    )
    notification = msgspec.structs.replace(message.notification, alert=msgspec.structs.replace(alert, call=call))
    ((_, detail),) = findings_of(msgspec.structs.replace(message, notification=notification))
    assert len(json.dumps(detail)) < MAX_DETAIL


def test_a_roll_up_is_refused():
    with pytest.raises(RenderError):
        RENDERER.render(Rollup(tuple(messages_of("world", "en"))))


def test_the_schema_finds_a_wrong_finding():
    ((_, detail),) = findings_of(messages_of("world", "en")[0])
    wrong = [
        {**detail, "severity_id": 7},
        {**detail, "headline": "x"},
        {**detail, "cloud": {"region": "eu-west-1"}},
        {**detail, "finding_info": {"title": "x"}},
        {**detail, "time": "2026-11-20"},
    ]
    assert [validator().is_valid(each) for each in wrong] == [False] * len(wrong)

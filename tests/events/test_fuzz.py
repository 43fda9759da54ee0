"""Random bytes and mutated recorded events: every input is decoded or reported as undecodable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults import Script
from chaos.harness import Harness
from chaos.queues import Sent
from gatewatch.errors import UndecodableError
from gatewatch.events.changes.registry import changes_of
from gatewatch.events.decoding import decode, parse
from gatewatch.model.api_call import ApiCall
from support.paths import ROOT

STORY = ROOT / "gatewatch/local/demo/scenario_files"
SCENES = sorted(STORY.glob("*.json"))

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def record_of(path):
    scene = json.loads(path.read_bytes())
    return scene.get("record", scene)


def events():
    return [
        {"detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "detail": record_of(path)}
        for path in SCENES
    ]


def paths_of(value, path=()):
    """Every path in a document, as the keys that lead there."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from paths_of(member, (*path, key))


def replaced(value, path, new):
    """A copy with another value at one path; `...` removes it."""
    if not path:
        return new
    copy = value.copy()
    if len(path) == 1 and new is ...:
        del copy[path[0]]
    else:
        copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def mutated(draw):
    event = draw(st.sampled_from(events()))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(paths_of(event))))
        event = replaced(event, path, draw(values | (st.just(...) if path else values)))
        if not isinstance(event, dict | list):
            break
    return event


def read(content):
    """Decode everything, with the changes of each call; only `UndecodableError` may come out."""
    try:
        found = list(decode(parse(content)))
    except UndecodableError:
        return []
    return [changes_of(each) for each in found if isinstance(each, ApiCall)]


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_unreadable(content):
    read(content)


@given(values)
def test_any_json_is_read_or_unreadable(value):
    read(json.dumps(value).encode())


@given(mutated())
def test_a_recorded_event_with_something_changed_is_read_or_unreadable(event):
    read(json.dumps(event).encode())


@given(st.sampled_from(events()), st.data())
def test_a_recorded_event_with_bytes_changed_is_read_or_unreadable(event, data):
    content = bytearray(json.dumps(event).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(content))


@pytest.fixture(scope="module")
def harness():
    return Harness(Script())


@given(mutated())
def test_the_alert_handler_settles_every_event(harness, event):
    """Each event is processed, dead-lettered with a reason, or ignored; none fails with an internal error."""
    sent = Sent(json.dumps(event), 0.0, 0.0)
    sent.take(0.0, 180)
    before = len(harness.events_dlq.messages)
    harness.alert.handle(sent.record)
    for message in list(harness.events_dlq.messages.values())[before:]:
        assert "gatewatch failed" not in message.attributes["reason"]

"""The quick look over a log loses nothing: what it leaves out is what reading it whole leaves out."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewatch.errors import UndecodableError
from gatewatch.events.changes.registry import kind_of, may_matter
from gatewatch.events.decode import decode, parse
from gatewatch.events.files import Document
from gatewatch.events.files import _parsed as parsed_with_a_look
from gatewatch.events.prefilter import skim
from gatewatch.model.api_call import ApiCall

NAMES = ["AuthorizeSecurityGroupIngress", "GetObject", "DescribeInstances", "AttachRolePolicy", "ConsoleLogin", ""]
SOURCES = [
    "ec2.amazonaws.com",
    "s3.amazonaws.com",
    "iam.amazonaws.com",
    "signin.amazonaws.com",
    "events.amazonaws.com",
    "",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "eventName": st.sampled_from(NAMES) | JSON,
        "eventSource": st.sampled_from(SOURCES) | JSON,
        "eventVersion": st.just("1.11") | JSON,
        "eventID": st.text(max_size=6),
        "detail": JSON,
        "source": JSON,
        "Sns": JSON,
        "body": JSON,
        "messageId": JSON,
        "requestParameters": JSON,
    },
)
MEMBERS = st.lists(RECORDS | JSON, max_size=4)
DOCUMENTS = (
    RECORDS
    | MEMBERS.map(lambda each: {"Records": each})
    | st.tuples(MEMBERS, JSON).map(lambda each: {"Records": each[0], "other": each[1]})
)


def told(document: Document | UndecodableError) -> list[str]:
    """What a reader of the archive hears: calls that can be of a family, oddities, errors."""
    if isinstance(document, UndecodableError):
        return [f"error {document.reason}"]
    found = decode(document.content, "x")
    return [_said(each) for each in found if not isinstance(each, ApiCall) or kind_of(each)]


def _said(decoded: object) -> str:
    return decoded.event_id if isinstance(decoded, ApiCall) else type(decoded).__name__


def read_whole(text: bytes) -> Document | UndecodableError:
    try:
        return Document("x", parse(text, "x"))
    except UndecodableError as error:
        return error


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
def test_a_document_tells_the_same_with_and_without_the_look(document, indent, escaped) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=escaped).encode("utf-8", "replace")
    assert told(parsed_with_a_look(text, "x")) == told(read_whole(text))


@settings(max_examples=300, deadline=None)
@given(MEMBERS, st.data())
def test_broken_bytes_are_told_the_same_with_and_without_the_look(members, data) -> None:
    text = bytearray(json.dumps({"Records": members}).encode())
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] = data.draw(st.integers(0, 255))
    assert told(parsed_with_a_look(bytes(text), "x")) == told(read_whole(bytes(text)))


def test_a_name_written_with_escapes_is_seen_all_the_same() -> None:
    record = {"eventName": "@", "eventSource": "ec2.amazonaws.com", "eventVersion": "1.11", "eventID": "1"}
    text = json.dumps({"Records": [record]}).replace("@", "Authorize\\u0053ecurityGroupIngress").encode()
    assert skim(text, may_matter) == [{**record, "eventName": "AuthorizeSecurityGroupIngress"}]


@pytest.mark.parametrize("count", [1, 1000])
def test_a_log_of_no_family_is_looked_over_and_not_built(count) -> None:
    record = {"eventName": "GetObject", "eventSource": "s3.amazonaws.com", "eventVersion": "1.11"}
    assert skim(msgspec.json.encode({"Records": [record] * count}), may_matter) == []


def test_a_log_in_another_encoding_is_left_to_be_read_whole() -> None:
    assert skim(b'{"Records":[{"eventName":"x","eventSource":"y","eventVersion":"1","a":"\xff"}]}', may_matter) is None

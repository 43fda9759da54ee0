"""The prefilter loses nothing: what it leaves out, the full reader leaves out as well."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.errors import UndecodableError
from gatewatch.events.changes.registry import may_be_relevant, specs_of
from gatewatch.events.decoding import decode, parse
from gatewatch.events.files import Document
from gatewatch.events.files import _parsed as parse_with_prefilter
from gatewatch.events.prefilter import relevant_records
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


def decoded_texts(document: Document | UndecodableError) -> list[str]:
    """One text for each call of a family, unrecognized document and error."""
    if isinstance(document, UndecodableError):
        return [f"error {document.reason}"]
    found = decode(document.content, "x")
    return [_text(each) for each in found if not isinstance(each, ApiCall) or specs_of(each)]


def _text(decoded: object) -> str:
    return decoded.event_id if isinstance(decoded, ApiCall) else type(decoded).__name__


def parse_without_prefilter(text: bytes) -> Document | UndecodableError:
    try:
        return Document("x", parse(text, "x"))
    except UndecodableError as error:
        return error


@given(DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
def test_a_document_gives_the_same_with_and_without_the_prefilter(document, indent, escaped) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=escaped).encode("utf-8", "replace")
    assert decoded_texts(parse_with_prefilter(text, "x")) == decoded_texts(parse_without_prefilter(text))


@given(MEMBERS, st.data())
def test_broken_bytes_give_the_same_with_and_without_the_prefilter(members, data) -> None:
    text = bytearray(json.dumps({"Records": members}).encode())
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] = data.draw(st.integers(0, 255))
    assert decoded_texts(parse_with_prefilter(bytes(text), "x")) == decoded_texts(parse_without_prefilter(bytes(text)))


def test_a_name_written_with_escapes_is_recognized() -> None:
    record = {"eventName": "@", "eventSource": "ec2.amazonaws.com", "eventVersion": "1.11", "eventID": "1"}
    text = json.dumps({"Records": [record]}).replace("@", "Authorize\\u0053ecurityGroupIngress").encode()
    assert relevant_records(text, may_be_relevant) == [{**record, "eventName": "AuthorizeSecurityGroupIngress"}]


@pytest.mark.parametrize("count", [1, 1000])
def test_a_log_without_relevant_records_is_not_built(count) -> None:
    record = {"eventName": "GetObject", "eventSource": "s3.amazonaws.com", "eventVersion": "1.11"}
    assert relevant_records(msgspec.json.encode({"Records": [record] * count}), may_be_relevant) == []


def test_a_log_in_another_encoding_goes_to_the_full_reader() -> None:
    log = b'{"Records":[{"eventName":"x","eventSource":"y","eventVersion":"1","a":"\xff"}]}'
    assert relevant_records(log, may_be_relevant) is None

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
from gatewatch.events.files import _parsed_line as parse_with_prefilter
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


def decoded_texts(documents: list[Document | UndecodableError]) -> list[str]:
    """One text for each call of a family, unrecognized document and error."""
    return [text for each in documents for text in _decoded_texts(each)]


def _decoded_texts(document: Document | UndecodableError) -> list[str]:
    if isinstance(document, UndecodableError):
        return [f"error {document.where} {document.reason}"]
    found = decode(document.content, document.where)
    return [_text(each) for each in found if not isinstance(each, ApiCall) or specs_of(each)]


def _text(decoded: object) -> str:
    return decoded.event_id if isinstance(decoded, ApiCall) else f"{type(decoded).__name__} {decoded.where}"


def parse_without_prefilter(text: bytes, _where: str = "x") -> list[Document | UndecodableError]:
    try:
        return [Document("x", parse(text, "x"))]
    except UndecodableError as error:
        return [error]


def is_error(text: str) -> bool:
    return text.startswith("error")


@given(DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
def test_a_document_gives_the_same_with_and_without_the_prefilter(document, indent, escaped) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=escaped).encode("utf-8", "replace")
    assert decoded_texts(parse_with_prefilter(text, "x")) == decoded_texts(parse_without_prefilter(text))


@given(MEMBERS, st.data())
def test_broken_bytes_are_reported_with_and_without_the_prefilter(members, data) -> None:
    """Invalid UTF-8 in one record costs the full reader the whole log, the prefilter only the record."""
    text = bytearray(json.dumps({"Records": members}).encode())
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] = data.draw(st.integers(0, 255))
    found, whole = (decoded_texts(read(bytes(text), "x")) for read in (parse_with_prefilter, parse_without_prefilter))
    assert found == whole if not any(map(is_error, whole)) else any(map(is_error, found))


NAMED = {"eventName": "AuthorizeSecurityGroupIngress", "eventSource": "ec2.amazonaws.com", "eventVersion": "1.11"}
OTHER = {"eventName": "GetObject", "eventSource": "s3.amazonaws.com", "eventVersion": "1.11"}
HOSTILE = st.text(alphabet='{}[]",:\\\n\u2028é😀aRecords', max_size=12) | st.sampled_from(
    ['"}]}', '},{"eventVersion":"1"', "\\", '\\"', '{"Records":[', '"eventName":"AuthorizeSecurityGroupIngress"']
)
VALUES = st.recursive(HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(HOSTILE, inner), max_leaves=6)


def records_with(values: list[object]) -> list[dict]:
    """Every second record matters; the value is before and after its names."""
    return [{"first": value, **(NAMED if number % 2 else OTHER), "last": value} for number, value in enumerate(values)]


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_a_log_is_split_into_its_records_whatever_they_hold(values, indent, escaped) -> None:
    records = records_with(values)
    text = json.dumps({"Records": records}, indent=indent, ensure_ascii=escaped).encode()
    found = relevant_records(text, may_be_relevant)
    assert [(number, json.loads(each)) for number, each in found] == list(enumerate(records))[1::2]


@given(st.lists(VALUES, min_size=1, max_size=3), st.data())
def test_a_truncated_log_is_left_to_the_full_reader(values, data) -> None:
    text = json.dumps({"Records": records_with(values)}, ensure_ascii=False).encode()
    assert relevant_records(text[: data.draw(st.integers(0, len(text) - 1))], may_be_relevant) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"insightDetails": {}},
        {**OTHER, "eventName": 5},
        {**OTHER, "detail": NAMED},
        [NAMED],
        None,
        7,
        {**NAMED, "errorMessage": "\ud800"},
    ],
)
def test_an_odd_record_costs_only_its_own_parse(odd) -> None:
    text = json.dumps({"Records": [OTHER, odd, OTHER, NAMED, OTHER]}).encode()
    found = relevant_records(text, may_be_relevant)
    assert [number for number, _ in found] == [1, 3]


def test_one_record_in_another_encoding_is_an_error_and_its_neighbours_are_read() -> None:
    broken = json.dumps({**NAMED, "pad": "@"}).replace("@", "\xff").encode("latin-1")
    named = json.dumps({**NAMED, "eventID": "1"}).encode()
    text = b'{"Records":[' + named + b"," + broken + b"," + named + b"]}"
    assert decoded_texts(parse_with_prefilter(text, "x")) == ["1", "error x.Records[1] is not valid UTF-8", "1"]


def test_a_name_written_with_escapes_is_recognized() -> None:
    text = json.dumps({"Records": [NAMED]}).replace("eSec", "e\\u0053ec").encode()
    assert len(relevant_records(text, may_be_relevant)) == 1
    assert b"\\u0053" in text


@pytest.mark.parametrize("count", [1, 1000])
def test_a_log_without_relevant_records_is_not_built(count) -> None:
    assert relevant_records(msgspec.json.encode({"Records": [OTHER] * count}), may_be_relevant) == []


def test_a_record_keeps_its_position_in_the_log() -> None:
    text = json.dumps({"Records": [OTHER, {"insightDetails": {}}]}).encode()
    assert decoded_texts(parse_with_prefilter(text, "x")) == decoded_texts(parse_without_prefilter(text))


@given(st.text(alphabet='\\u"d8fA0😀', max_size=20))
def test_lone_surrogates_are_replaced_as_python_replaces_them(content) -> None:
    text = ('{"a": "' + content + '"}').encode()
    try:
        expected = json.loads(text)["a"].encode("utf-8", "replace").decode()
    except ValueError:
        return
    assert parse(text)["a"] == expected

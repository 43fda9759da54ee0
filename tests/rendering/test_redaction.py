"""Raw events are shown without secrets."""

import msgspec
import pytest

from gatewatch.rendering.redaction import raw_event_text, redact


def test_an_access_key_id_keeps_its_first_and_last_four_characters_anywhere():
    record = {"accessKeyId": "AKIAEXAMPLE0000ABCD", "note": ["by ASIAEXAMPLE0000WXYZ, twice"]}
    assert redact(record) == {"accessKeyId": "AKIA…ABCD", "note": ["by ASIA…WXYZ, twice"]}


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "newPassword",
        "MasterUserPassword",
        "secret",
        "secretAccessKey",
        "clientSecret",
        "sessionToken",
        "clientToken",
        "x-amz-security-token",
        "private_key",
        "apiKey",
        "userData",
        "authorization",
        "credentials",
    ],
)
def test_values_under_the_name_of_a_secret_are_redacted(key):
    assert redact({"requestParameters": {key: "hunter2"}}) == {"requestParameters": {key: "***"}}
    assert redact({key: {"value": ["hunter2"]}}) == {key: "***"}


@pytest.mark.parametrize("empty", [None, "", {}, [], False, True])
def test_empty_values_and_booleans_are_not_redacted(empty):
    assert redact({"password": empty}) == {"password": empty}


def test_an_encoded_authorization_message_is_redacted():
    sentence = "You are not authorized. Encoded authorization failure message: " + "Zm9v" * 200
    assert redact({"errorMessage": sentence}) == {
        "errorMessage": "You are not authorized. Encoded authorization failure message: ***"
    }


def test_other_values_are_unchanged():
    record = {
        "groupId": "sg-0aaaaaaaaaaaaaaa1",
        "principalId": "AIDAEXAMPLEEXAMPLE001",
        "sessionCredentialFromConsole": "true",
        "fromPort": 22,
        "items": [{"cidrIp": "0.0.0.0/0"}, None],
    }
    assert redact(record) == record


def test_the_record_itself_is_not_modified():
    record = {"password": "hunter2", "inner": {"token": "t"}}
    redact(record)
    assert record == {"password": "hunter2", "inner": {"token": "t"}}


def test_a_record_of_any_depth_is_shown_and_cut_below_what_aws_nests():
    depth = 900  # msgspec reads as much
    record = msgspec.json.decode('{"requestParameters":' + '{"a":[' * (depth // 2) + '"x"' + "]}" * (depth // 2) + "}")
    text = raw_event_text(record)
    assert '"***"' in text
    assert '"x"' not in text

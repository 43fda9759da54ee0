"""A raw event in a chat holds no secret, and everything else."""

import pytest

from gatewatch.rendering.redaction import masked


def test_an_access_key_id_keeps_its_first_and_last_four_characters_wherever_it_stands():
    record = {"accessKeyId": "AKIAEXAMPLE0000ABCD", "note": ["by ASIAEXAMPLE0000WXYZ, twice"]}
    assert masked(record) == {"accessKeyId": "AKIA…ABCD", "note": ["by ASIA…WXYZ, twice"]}


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
def test_what_stands_under_the_name_of_a_secret_is_gone(key):
    assert masked({"requestParameters": {key: "hunter2"}}) == {"requestParameters": {key: "***"}}
    assert masked({key: {"value": ["hunter2"]}}) == {key: "***"}


@pytest.mark.parametrize("empty", [None, "", {}, [], False, True])
def test_an_empty_value_or_a_flag_tells_nothing_and_stays(empty):
    assert masked({"password": empty}) == {"password": empty}


def test_the_end_of_a_refusal_is_cut():
    sentence = "You are not authorized. Encoded authorization failure message: " + "Zm9v" * 200
    assert masked({"errorMessage": sentence}) == {
        "errorMessage": "You are not authorized. Encoded authorization failure message: ***"
    }


def test_what_is_no_secret_stays():
    record = {
        "groupId": "sg-0aaaaaaaaaaaaaaa1",
        "principalId": "AIDAEXAMPLEEXAMPLE001",
        "sessionCredentialFromConsole": "true",
        "fromPort": 22,
        "items": [{"cidrIp": "0.0.0.0/0"}, None],
    }
    assert masked(record) == record


def test_the_record_itself_is_left_alone():
    record = {"password": "hunter2", "inner": {"token": "t"}}
    masked(record)
    assert record == {"password": "hunter2", "inner": {"token": "t"}}

"""Redaction of secrets in raw records."""

from __future__ import annotations

import re
from typing import Any

import msgspec

MAX_RAW_EVENT = 2600  # characters of a raw event in a message
# The keys that describe the change come first; messages show the caller and the time as fields.
_CHANGE_KEYS = ("eventName", "errorCode", "errorMessage", "requestParameters", "responseElements")
_MASK = "***"
_MAX_DEPTH = 40  # EC2's deepest parameter is a dozen levels down; bounds recursion on hostile input
# Names of keys, in lower case and without - and _. CloudTrail hides most of these values itself.
_SECRET = re.compile(
    r"passwo?rd|passphrase|secret|token|credential|privatekey|apikey|userdata|authorization|cookie|signature|mfacode"
)
_HARMLESS = frozenset({"sessioncredentialfromconsole", "credentialid"})
# AKIA: of a user, ASIA: temporary, ABIA: a bearer token, ACCA: of a service (IAM identifiers, unique ID prefixes).
_SHORTEST_SECRET = 16  # characters, of an access key id
_ACCESS_KEY_ID = re.compile(r"\b(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}([A-Z0-9]{4})\b")
# The end of a refusal's errorMessage: 600 and more characters that only `sts:DecodeAuthorizationMessage` can read.
_ENCODED = re.compile(r"(Encoded authorization failure message: ?)\S+")
# What either begins with: most texts have neither, which this finds in a fraction of the time.
_SUSPECT = re.compile(r"A[KSB]IA|ACCA|Encoded")


def raw_event_text(record: dict[str, Any]) -> str:
    """The record as indented JSON without secrets, the keys that describe the change first."""
    first = {key: record[key] for key in _CHANGE_KEYS if key in record}
    return msgspec.json.format(msgspec.json.encode(redact(first | record)), indent=2).decode()


def redact(value: Any, depth: int = 0) -> Any:
    """Return the JSON value without secrets, cut at `_MAX_DEPTH`.

    Values under a key that names a secret become `***` at any depth; access key ids keep their first and last four
    characters.
    """
    if depth > _MAX_DEPTH:
        return _MASK
    if isinstance(value, dict):
        return {key: _MASK if _is_secret(key, inner) else redact(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [redact(each, depth + 1) for each in value]
    return _redact_text(value) if isinstance(value, str) else value


def _is_secret(key: str, inner: Any) -> bool:
    """Empty values and booleans are not redacted."""
    name = key.lower().replace("-", "").replace("_", "")
    if not _SECRET.search(name) or name in _HARMLESS:
        return False
    return inner not in (None, "", {}, []) and not isinstance(inner, bool)


def _redact_text(text: str) -> str:
    if len(text) < _SHORTEST_SECRET or not _SUSPECT.search(text):
        return text
    return _ENCODED.sub(rf"\1{_MASK}", _ACCESS_KEY_ID.sub(r"\1…\2", text))

"""What of a raw record may stand in a chat: everything but what could open a door."""

from __future__ import annotations

import re
from typing import Any

_MASK = "***"
# Names of keys, in lower case and without - and _. CloudTrail hides most of these values itself.
_SECRET = re.compile(
    r"passwo?rd|passphrase|secret|token|credential|privatekey|apikey|userdata|authorization|cookie|signature|mfacode"
)
_HARMLESS = frozenset({"sessioncredentialfromconsole", "credentialid"})
# AKIA: of a user, ASIA: temporary, ABIA: a bearer token, ACCA: of a service (IAM identifiers, unique ID prefixes).
_ACCESS_KEY_ID = re.compile(r"\b(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}([A-Z0-9]{4})\b")
# The end of a refusal's errorMessage: 600 and more characters that only `sts:DecodeAuthorizationMessage` can read.
_ENCODED = re.compile(r"(Encoded authorization failure message: ?)\S+")


def masked(value: Any) -> Any:
    """The same JSON without secrets: access key ids keep their first and last four characters.

    Whatever stands under a key that names a secret is gone, however deep it is.
    """
    if isinstance(value, dict):
        return {key: _MASK if _is_secret(key, inner) else masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    return _masked_text(value) if isinstance(value, str) else value


def _is_secret(key: str, inner: Any) -> bool:
    """An empty value or a flag says nothing; it may stay."""
    name = key.lower().replace("-", "").replace("_", "")
    says_something = inner not in (None, "", {}, []) and not isinstance(inner, bool)
    return says_something and name not in _HARMLESS and _SECRET.search(name) is not None


def _masked_text(text: str) -> str:
    return _ENCODED.sub(rf"\1{_MASK}", _ACCESS_KEY_ID.sub(r"\1…\2", text))

"""Normalizes the two renderings of EC2 parameters in CloudTrail.

Classic: camelCase, every list `{"items": […]}`, an empty list `{}`. Wrapped (newer APIs): `<EventName>Request`,
PascalCase, a list of one is the object itself, elements carry a `tag`, an empty list is `""`, and text that looks
like a number or a boolean has become one. Keys are compared in lower case.
"""

from __future__ import annotations

import json
import re
from typing import Any

Fields = dict[str, Any]
# Tuples, because `isinstance` with a union builds the union at every call.
_NESTED, _NUMBERS = (dict, list), (int, float)
_LIST_KEYS = ("items", "item")
# Rules of a request, most of what many requests have: their keys are put in lower case when they are read, which is
# rare, because the rules of an applied call are read from its response.
PERMISSIONS = "ippermissions"
_OMISSION = frozenset({"omitted", "originalSize", "reason"})
_MAX_DIGITS = 300
_MAX_DEPTH = 40  # EC2's deepest parameter is a dozen levels down; bounds recursion on hostile input


def lower_keys(value: Any, depth: int = 0) -> Any:
    """Return the same JSON with every key in lower case, cut at `_MAX_DEPTH`; below `PERMISSIONS` keys are kept."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, dict):
        fields = {}  # a comprehension is a function call in Python 3.11, and a sixth slower
        for key, inner in value.items():
            name = key.lower()
            is_read = inner and isinstance(inner, _NESTED) and name != PERMISSIONS
            fields[name] = lower_keys(inner, depth + 1) if is_read else inner
        return fields
    return [lower_keys(each, depth + 1) for each in value] if isinstance(value, list) else value


def parameters(value: Any, event_name: str, suffix: str) -> Fields | None:
    """Unwrap the parameters of a request or response; None when there are none to read.

    CloudTrail writes `{"omitted": true}` for parameters that were too large for the record.
    """
    if not isinstance(value, dict) or ("omitted" in value and _OMISSION.issuperset(value)):
        return None  # only these keys: of Amazon S3 CloudTrail records whatever the caller adds to the query
    fields: Fields = lower_keys(value)
    if len(fields) < len(value):
        fields |= _repeated(value)
    wrapper = f"{event_name.lower()}{suffix}"
    if wrapper not in fields:
        return fields
    wrapped = fields.pop(wrapper)
    if isinstance(wrapped, dict):
        return fields | wrapped
    return fields or ({} if wrapped == "" else None)


# Amazon S3's own names of what a request is about, in CloudTrail.
_NAMES_OF_S3 = ("bucketName", "key")


def _repeated(value: Fields) -> Fields:
    """What counts of keys that differ in case only.

    Of Amazon S3 CloudTrail records the query that the caller wrote beside the body, the headers and the names of the
    request. Only the body is an object; headers may be in the query as well, so that both count.
    """
    given: dict[str, list[Any]] = {}
    for key, inner in value.items():
        given.setdefault(key.lower(), []).append(inner)
    repeated: Fields = {key: _of_request(all_values) for key, all_values in given.items() if len(all_values) > 1}
    return repeated | {name.lower(): value[name] for name in _NAMES_OF_S3 if name in value}


def _of_request(values: list[Any]) -> Any:
    bodies = [lower_keys(each) for each in values if isinstance(each, dict)]
    if len(bodies) == 1 or all(each == values[0] for each in values):
        return bodies[0] if bodies else values[0]
    return [inner for each in values for inner in as_list(each)]


def as_list(value: Any) -> list[Any]:
    """Return the elements of a list in any of its renderings."""
    if not value and not isinstance(value, _NUMBERS):
        return []
    if isinstance(value, dict):
        inner = next((value[key] for key in _LIST_KEYS if key in value), None)
        return [_element(value)] if inner is None and not _is_empty_list(value) else as_list(inner)
    return [_element(each) for each in value] if isinstance(value, list) else [value]


def _is_empty_list(value: Fields) -> bool:
    return any(key in value for key in _LIST_KEYS)


def _element(value: Any) -> Any:
    return value["content"] if isinstance(value, dict) and "content" in value else value


def first_present(fields: Fields, *names: str) -> Any:
    """Return the first non-empty value among several spellings; copies of logs fill absent keys with null."""
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            return value
    return None


def as_text(value: Any) -> str | None:
    """Return text as it was sent: the wrapped form turns `true` and `443` into JSON values. None when empty."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, _NUMBERS) else None


def as_account_id(value: Any) -> str | None:
    """Return a 12-digit account id, also of a number; an owner such as `amazon-elb` stays as it is."""
    return f"{value:012d}" if isinstance(value, int) and not isinstance(value, bool) else as_text(value)


def is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


class NotANumberError(ValueError):
    """A value where a number is required is not a number."""


def as_number(value: Any) -> int | None:
    """Return a port or ICMP type sent as number or text; None when absent. Raises `NotANumberError`."""
    if type(value) is int:  # not a boolean
        return value
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a log exported through a table with absent ports has floats
    if not isinstance(value, str):
        raise NotANumberError(repr(value))
    try:
        return int(value)
    except ValueError as error:
        raise NotANumberError(repr(value)) from error


def parse_json(text: str) -> Any:
    """Parse JSON text of a parameter. Raises `ValueError`, also for a key that is there twice, and `RecursionError`.

    Which of two values of a key AWS reads is not known.
    """
    return json.loads(text, object_pairs_hook=_without_repeated_keys, parse_int=_integer)


def _integer(digits: str) -> int | str:
    """A number of thousands of digits stays text: Python reads none."""
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> Fields:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


_API_DATE = re.compile(r"20\d{6}(?:v\d+)?\Z", re.ASCII)


def undated_name(event_name: str) -> str:
    """Return the name of a call without the date of its API, which CloudTrail appends for AWS Lambda."""
    return _API_DATE.sub("", event_name)

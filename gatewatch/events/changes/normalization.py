"""The two renderings of an EC2 request in CloudTrail, made one.

Classic: camelCase, every list `{"items": […]}`, an empty list `{}`. Wrapped (newer APIs): `<EventName>Request`,
PascalCase, a list of one is the object itself, elements carry a `tag`, an empty list is `""`, and text that looks
like a number or a boolean has become one. Letter case is ignored throughout.
"""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]
_NESTED = (dict, list)
_LIST_KEYS = ("items", "item")
_DEEPEST = 40  # EC2's deepest parameter is a dozen levels down; a stack must not end on a hostile one


def lowered(value: Any, depth: int = 0) -> Any:
    """The same JSON with every key in lower case; what is nested deeper than any parameter is left out."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {
            key.lower(): lowered(inner, depth + 1) if isinstance(inner, _NESTED) else inner
            for key, inner in value.items()
        }
    return [lowered(each, depth + 1) for each in value] if isinstance(value, list) else value


def parameters(value: Any, event_name: str, suffix: str) -> Fields | None:
    """The parameters of a request or response, unwrapped; None when there are none to read.

    `{"omitted": true}` stands for parameters that were too large for the record.
    """
    if not isinstance(value, dict) or "omitted" in value:
        return None
    fields: Fields = lowered(value)
    wrapped = fields.get(f"{event_name.lower()}{suffix}", fields)
    if wrapped == "":
        return {}
    return wrapped if isinstance(wrapped, dict) else None


def listed(value: Any) -> list[Any]:
    """The elements of a list in any of its renderings."""
    if not value and not isinstance(value, int | float):
        return []
    if isinstance(value, dict):
        inner = next((value[key] for key in _LIST_KEYS if key in value), None)
        return [_element(value)] if inner is None and not _is_empty_list(value) else listed(inner)
    return [_element(each) for each in value] if isinstance(value, list) else [value]


def _is_empty_list(value: Fields) -> bool:
    return any(key in value for key in _LIST_KEYS)


def _element(value: Any) -> Any:
    return value["content"] if isinstance(value, dict) and "content" in value else value


def first(fields: Fields, *names: str) -> Any:
    """The first of several spellings that holds something: copies of a log fill absent keys with null."""
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            return value
    return None


def text(value: Any) -> str | None:
    """Text as it was sent: the wrapped form turns `true` and `443` into JSON values. None when there is none."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else None


def account(value: Any) -> str | None:
    """An account id that may have become a number on the way; an owner such as `amazon-elb` stays text."""
    return f"{value:012d}" if isinstance(value, int) and not isinstance(value, bool) else text(value)


def is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


class NotANumberError(ValueError):
    """A value stands where a number must, and is none."""


def number(value: Any) -> int | None:
    """A port or type number, sent as a number or as text; None when absent. Raises `NotANumberError`."""
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a table that also held absent ports made every one of them a float
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise NotANumberError(repr(value))
    try:
        return int(value)
    except ValueError as error:
        raise NotANumberError(repr(value)) from error

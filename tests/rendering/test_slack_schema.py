"""The quick look at a message says yes only where the slow one has nothing to say, and changes no byte of meaning."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.rendering.slack_schema import compact
from gatewatch.rendering.slack_validation import problems

LIMITS = st.sampled_from([0, 1, 2, 10, 11, 25, 26, 50, 51, 75, 76, 150, 151, 2000, 2001, 3000, 3001])
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just([]), st.just({}))


def message():
    def text(words):
        return {"type": "mrkdwn", "verbatim": True, "text": words}

    def title(words):
        return {"type": "plain_text", "text": words, "emoji": False}

    blocks = [
        {"type": "header", "text": title("SSH is open")},
        {"type": "section", "fields": [text("*Account*\npayments-prod")]},
        {"type": "section", "text": text("`tcp 22` from `0.0.0.0/0`")},
        {"type": "context", "elements": [text("*Why* everybody")]},
        {"type": "actions", "elements": [{"type": "button", "text": title("Event"), "url": "https://example.com/e"}]},
    ]
    attachment = {"color": "#c1121f", "fallback": "SSH is open", "blocks": blocks}
    return {"attachments": [attachment], "unfurl_links": False, "unfurl_media": False}


def places(value, path=()):
    """Every place in a JSON value: the keys on the way to it."""
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield from places(inner, (*path, key))


def changed(value, path, change):
    owner = value
    for key in path[:-1]:
        owner = owner[key]
    change(owner, path[-1])
    return value


def test_it_knows_what_the_templates_write():
    assert compact(json.dumps(message(), indent=2)) == json.dumps(message(), separators=(",", ":")).encode()


@given(st.data())
def test_what_it_takes_the_slow_look_takes_too_and_nothing_is_lost(data):
    one = message()
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(sorted(places(one), key=str)))
        ways = {
            "length": lambda owner, key: owner.__setitem__(key, resized(owner[key], data.draw(LIMITS))),
            "odd": lambda owner, key: owner.__setitem__(key, data.draw(ODD)),
            "gone": lambda owner, key: owner.pop(key),
            "more": lambda owner, _key: owner.update({"block_id": "x"}) if isinstance(owner, dict) else None,
        }
        one = changed(one, path, ways[data.draw(st.sampled_from(sorted(ways)))])
        if not list(places(one)):
            break
    taken = compact(json.dumps(one))
    if taken is not None:
        assert problems(one) == ()
        assert json.loads(taken) == one


def resized(value, size):
    if isinstance(value, str):
        return (value or "x").ljust(size, "x")[:size] if not value.startswith(("http", "#")) else value.ljust(size, "u")
    return (copy.deepcopy(value) * (size + 1))[:size] if isinstance(value, list) and value else value


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (("attachments", 0, "blocks", 0, "text", "text"), 150),
        (("attachments", 0, "blocks", 1, "fields", 0, "text"), 2000),
        (("attachments", 0, "blocks", 2, "text", "text"), 3000),
        (("attachments", 0, "blocks", 3, "elements", 0, "text"), 3000),
        (("attachments", 0, "blocks", 4, "elements", 0, "text", "text"), 75),
        (("attachments", 0, "blocks"), 50),
    ],
)
def test_a_limit_is_the_last_that_it_takes(path, most):
    def sized(size):
        one = changed(message(), path, lambda owner, key: owner.__setitem__(key, resized(owner[key], size)))
        return compact(json.dumps(one))

    assert sized(most) is not None
    assert sized(most + 1) is None
    assert sized(0) is None


def test_characters_count_as_slack_counts_them_not_as_bytes():
    one = message()
    one["attachments"][0]["blocks"][0]["text"]["text"] = "한" * 150
    assert compact(json.dumps(one, ensure_ascii=False)) is not None
    one["attachments"][0]["blocks"][0]["text"]["text"] = "한" * 151
    assert compact(json.dumps(one, ensure_ascii=False)) is None

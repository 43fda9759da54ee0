"""The typed validation accepts only what the full validation accepts, and encodes it unchanged."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.rendering.slack_schema import compact
from gatewatch.rendering.slack_validation import slack_problems

LIMITS = st.sampled_from([0, 1, 2, 10, 11, 25, 26, 50, 51, 75, 76, 150, 151, 2000, 2001, 3000, 3001])
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just([]), st.just({}))


def message():
    def text(content):
        return {"type": "mrkdwn", "verbatim": True, "text": content}

    def title(content):
        return {"type": "plain_text", "text": content, "emoji": False}

    blocks = [
        {"type": "header", "text": title("SSH is open")},
        {"type": "section", "fields": [text("*Account*\npayments-prod")]},
        {"type": "section", "text": text("`tcp 22` from `0.0.0.0/0`")},
        {"type": "context", "elements": [text("*Why* open to the internet")]},
        {"type": "actions", "elements": [{"type": "button", "text": title("Event"), "url": "https://example.com/e"}]},
    ]
    attachment = {"color": "#c1121f", "fallback": "SSH is open", "blocks": blocks}
    return {"attachments": [attachment], "unfurl_links": False, "unfurl_media": False}


def paths(value, path=()):
    """Every path in a JSON value, as a tuple of keys."""
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield from paths(inner, (*path, key))


def changed(value, path, change):
    owner = value
    for key in path[:-1]:
        owner = owner[key]
    change(owner, path[-1])
    return value


def test_a_message_of_the_templates_is_compacted():
    assert compact(json.dumps(message(), indent=2)) == json.dumps(message(), separators=(",", ":")).encode()


@given(st.data())
def test_an_accepted_message_is_valid_and_unchanged(data):
    one = message()
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(sorted(paths(one), key=str)))
        ways = {
            "length": lambda owner, key: owner.__setitem__(key, resized(owner[key], data.draw(LIMITS))),
            "odd": lambda owner, key: owner.__setitem__(key, data.draw(ODD)),
            "gone": lambda owner, key: owner.pop(key),
            "more": lambda owner, _key: owner.update({"block_id": "x"}) if isinstance(owner, dict) else None,
        }
        one = changed(one, path, ways[data.draw(st.sampled_from(sorted(ways)))])
        if not list(paths(one)):
            break
    compacted = compact(json.dumps(one))
    if compacted is not None:
        assert slack_problems(one) == ()
        assert json.loads(compacted) == one


def resized(value, size):
    if isinstance(value, str):
        return (value or "x").ljust(size, "x")[:size] if not value.startswith(("http", "#")) else value.ljust(size, "u")
    return (copy.deepcopy(value) * (size + 1))[:size] if isinstance(value, list) and value else value


@pytest.mark.parametrize(
    ("path", "maximum"),
    [
        (("attachments", 0, "blocks", 0, "text", "text"), 150),
        (("attachments", 0, "blocks", 1, "fields", 0, "text"), 2000),
        (("attachments", 0, "blocks", 2, "text", "text"), 3000),
        (("attachments", 0, "blocks", 3, "elements", 0, "text"), 3000),
        (("attachments", 0, "blocks", 4, "elements", 0, "text", "text"), 75),
        (("attachments", 0, "blocks"), 50),
    ],
)
def test_a_text_at_its_limit_is_accepted_and_a_longer_one_is_not(path, maximum):
    def sized(size):
        one = changed(message(), path, lambda owner, key: owner.__setitem__(key, resized(owner[key], size)))
        return compact(json.dumps(one))

    assert sized(maximum) is not None
    assert sized(maximum + 1) is None
    assert sized(0) is None


def test_lengths_are_counted_in_characters():
    one = message()
    one["attachments"][0]["blocks"][0]["text"]["text"] = "한" * 150
    assert compact(json.dumps(one, ensure_ascii=False)) is not None
    one["attachments"][0]["blocks"][0]["text"]["text"] = "한" * 151
    assert compact(json.dumps(one, ensure_ascii=False)) is None

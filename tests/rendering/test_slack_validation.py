"""The limits of Slack messages, and which messages notify somebody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.rendering.slack_validation import mentions, slack_problems


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def plain(text):
    return {"type": "plain_text", "text": text, "emoji": True}


def header(text="Critical: SSH opened"):
    return {"type": "header", "text": plain(text)}


def section(text="*Inbound*"):
    return {"type": "section", "text": mrkdwn(text)}


def fields(*texts):
    return {"type": "section", "fields": [mrkdwn(text) for text in texts]}


def context(*texts):
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def button(text="CloudTrail event", **more):
    return {"type": "button", "text": plain(text), "url": "https://example.com/event", **more}


def actions(*buttons):
    return {"type": "actions", "elements": list(buttons)}


def attached(*blocks, **more):
    return {"attachments": [{"color": "#c1121f", "fallback": "Critical", "blocks": list(blocks), **more}]}


DIVIDER = {"type": "divider"}
AT_THE_LIMIT = {
    "header of 150": attached(header("h" * 150)),
    "section of 3000": attached(section("s" * 3000)),
    "10 fields of 2000": attached(fields(*["f" * 2000] * 10)),
    "10 context elements": attached(context(*["c"] * 10)),
    "25 buttons": attached(actions(*(button(action_id=str(number)) for number in range(25)))),
    "button of 75": attached(actions(button("b" * 75))),
    "url of 3000": attached(actions(button(url="https://example.com/".ljust(3000, "u")))),
    "block_id of 255": attached({**section(), "block_id": "i" * 255}),
    "50 blocks here and 50 there": {"blocks": [DIVIDER] * 50, **attached(*[DIVIDER] * 50)},
    "100 attachments": {"attachments": [{"fallback": "f"}] * 100},
    "text of 40000": {"text": "t" * 40_000},
    "a named colour": attached(section(), color="danger"),
    "an accessory": attached({**section(), "accessory": button()}),
    "empty text beside blocks": {"text": "", "blocks": [header()]},
    "the same action_id in two blocks": attached(actions(button(action_id="a")), actions(button(action_id="a"))),
}
INVALID = {
    "no object": (["text"], "not a JSON object"),
    "nothing in it": ({}, "neither text nor blocks nor attachments"),
    "empty text alone": ({"text": ""}, "neither text nor blocks"),
    "text that is a number": ({"text": 5}, "text is not a string"),
    "text of 40001": ({"text": "t" * 40_001}, "text has 40001 characters; Slack takes 1 to 40000"),
    "51 blocks": ({"blocks": [DIVIDER] * 51}, "blocks has 51 entries; Slack takes 0 to 50"),
    "51 blocks in an attachment": (attached(*[DIVIDER] * 51), "attachments[0].blocks has 51 entries"),
    "blocks that are no list": ({"blocks": "none"}, "blocks is not a list"),
    "a block that is no object": ({"blocks": ["header"]}, "blocks[0] is not an object"),
    "an unknown block": ({"blocks": [{"type": "hologram"}]}, "blocks[0] has the unknown type 'hologram'"),
    "a block without type": ({"blocks": [{}]}, "unknown type None"),
    "a type that is a list": ({"blocks": [{"type": ["header"]}]}, "unknown type ['header']"),
    "header of 151": (attached(header("h" * 151)), "attachments[0].blocks[0].text has 151 characters"),
    "empty header": (attached(header("")), "has 0 characters; Slack takes 1 to 150"),
    "header in mrkdwn": (attached({"type": "header", "text": mrkdwn("x")}), "of type plain_text"),
    "header without text": (attached({"type": "header"}), "not a text object"),
    "section of 3001": (attached(section("s" * 3001)), "Slack takes 1 to 3000"),
    "empty section text": (attached(section("")), "has 0 characters"),
    "section with nothing": (attached({"type": "section"}), "neither text nor fields"),
    "no field": (attached(fields()), "fields has 0 entries"),
    "11 fields": (attached(fields(*["f"] * 11)), "fields has 11 entries"),
    "field of 2001": (attached(fields("ok", "f" * 2001)), "fields[1] has 2001 characters"),
    "no context": (attached(context()), "elements has 0 entries"),
    "11 context elements": (attached(context(*["c"] * 11)), "elements has 11 entries"),
    "context without elements": (attached({"type": "context"}), "elements is not a list"),
    "context with a button": (attached({"type": "context", "elements": [button()]}), "not a text object"),
    "26 buttons": (attached(actions(*[button()] * 26)), "elements has 26 entries"),
    "no button": (attached(actions()), "elements has 0 entries"),
    "an element that is no button": (attached(actions({"type": "select"})), "is not a button"),
    "button of 76": (attached(actions(button("b" * 76))), "Slack takes 1 to 75"),
    "button in mrkdwn": (attached(actions({"type": "button", "text": mrkdwn("b")})), "plain_text"),
    "url of 3001": (
        attached(actions(button(url="https://example.com/".ljust(3001, "u")))),
        "url has 3001 characters",
    ),
    "javascript url": (attached(actions(button(url="javascript:alert(1)"))), "not an http or https address"),
    "url with a space": (attached(actions(button(url="https://a b"))), "not an http or https address"),
    "url that is null": (attached(actions(button(url=None))), "url is not a string"),
    "action_id of 256": (attached(actions(button(action_id="a" * 256))), "action_id has 256 characters"),
    "action_id twice": (attached(actions(button(action_id="a"), button(action_id="a"))), "more than once"),
    "block_id of 256": (attached({**DIVIDER, "block_id": "i" * 256}), "block_id has 256 characters"),
    "block_id twice, in two places": (
        {"blocks": [{**DIVIDER, "block_id": "i"}], **attached({**DIVIDER, "block_id": "i"})},
        "The block_id 'i' is used more than once",
    ),
    "101 attachments": ({"attachments": [{"fallback": "f"}] * 101}, "attachments has 101 entries"),
    "an attachment that is no object": ({"attachments": ["x"]}, "attachments[0] is not an object"),
    "an empty attachment": ({"attachments": [{"color": "good"}]}, "neither blocks nor text nor fallback"),
    "a colour by name": (attached(section(), color="navy"), "neither good, warning, danger nor #RRGGBB"),
    "a short colour": (attached(section(), color="#fff"), "#RRGGBB"),
    "a colour with a line break": (attached(section(), color="#ffffff\n"), "#RRGGBB"),
    "a fallback that is no string": (attached(section(), fallback=1), "fallback is not a string"),
}


@pytest.mark.parametrize("message", AT_THE_LIMIT.values(), ids=AT_THE_LIMIT)
def test_a_message_at_a_limit_is_valid(message):
    assert slack_problems(message) == ()


@pytest.mark.parametrize(("message", "sentence"), INVALID.values(), ids=INVALID)
def test_a_problem_names_the_place_and_the_limit(message, sentence):
    found = slack_problems(message)
    assert len(found) == 1
    assert sentence in found[0]


def test_every_problem_is_reported():
    message = attached(header(""), section("s" * 3001), {"type": "hologram"}, color="blue")
    assert len(slack_problems(message)) == 4


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("type", "text", "blocks", "attachments", "elements", "fields", "url", "color")),
            inner | st.sampled_from(("header", "section", "context", "actions", "button", "mrkdwn")),
            max_size=4,
        )
    ),
)


@given(anything)
def test_any_json_value_is_validated_without_an_exception(message):
    assert all(sentence.endswith(".") for sentence in slack_problems(message))
    assert isinstance(mentions(message), tuple)


@pytest.mark.parametrize(
    "mention",
    [
        "<!channel>",
        "<!here>",
        "<!everyone>",
        "<!group>",
        "<!here|here>",
        "<!CHANNEL>",
        "<@U012AB3CD>",
        "<@W012AB3CD|alice>",
        "<!subteam^SAZ94GDB8>",
        "<!subteam^S1|@security>",
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        lambda text: {"text": text},
        lambda text: attached(section(text)),
        lambda text: attached(fields("Account", text)),
        lambda text: attached(context(text)),
        lambda text: {"blocks": [section(text)]},
        lambda text: attached(section(), fallback=text),
    ],
    ids=["text", "section", "field", "context", "top-level block", "fallback"],
)
def test_a_mention_is_found_in_every_text(mention, place):
    assert mentions(place(f"before {mention} after")) == (mention,)


@pytest.mark.parametrize(
    "text",
    [
        "&lt;!channel&gt;",
        "@channel @here",
        "<!channel",
        "<!date^1767323045^{date}|2026-01-02>",
        "<https://example.com|@here>",
        "<#C012AB3CD|general>",
    ],
)
def test_text_that_notifies_nobody_is_no_mention(text):
    assert mentions(attached(section(text))) == ()


def test_plain_text_notifies_nobody():
    assert mentions(attached(header("<!channel>"))) == ()


def test_mentions_are_in_the_order_of_the_message():
    message = {"text": "<!here>", **attached(section("<@U1> <!channel>"), context("<@U2>"))}
    assert mentions(message) == ("<!here>", "<@U1>", "<!channel>", "<@U2>")


def test_a_mention_is_valid():
    assert slack_problems(attached(section("<!channel>"))) == ()

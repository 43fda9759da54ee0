"""Example events of every kind, hostile texts to put into them, and their alerts."""

import copy
import json
import re
import unicodedata

from hypothesis import strategies as st

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.events.decoding import decode, parse
from gatewatch.model.api_call import ApiCall
from gatewatch.rendering.templates import load_templates
from support.paths import TESTS

GOLDEN = TESTS / "golden"
SETTINGS = {each: load_settings(GOLDEN / "accounts.yaml", GOLDEN / "policy.yaml", each) for each in LANGUAGES}
TEMPLATES = load_templates(TESTS.parent / "templates")
COLORS = SETTINGS["en"].colors
EVENTS = {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob("*/event.json"))}
SEVERAL_EVENTS = {"modify-known-previous", "modify-narrowed", "revoke-by-id-history"}
MARKS = ("🔴", "🟠", "🟡", "🔵", "⚪")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
HOSTILE = "evilmark"
ATTACKS = (
    "<!channel>", "<!here|x>", "<@U0123>", "<!subteam^S1>", "<#C1>", "<https://evil.example|Approve>", "@everyone",
    "https://evil.example", "www.evil.example", "`", "```", "*bold*", "_it_", "~no~", "\n> quote", "\r", "\u2028",
    "\u202e", "\u2066", "\u200b", "\u0000", "\U000e0041", "\ud800", "&lt;", "&", '"', "\\", "{{ 7*7 }}", "{peer}", "%s",
    "🔴", "\n🔴 *Inbound*", ":tada:", "]]>", "|", "\u00ad", "ˋ",
)  # fmt: skip
NOISE = st.text(st.characters(exclude_categories=[]), max_size=40)
TEXTS = st.lists(st.one_of(st.sampled_from(ATTACKS), NOISE), max_size=60).map(
    lambda parts: HOSTILE.join(["", *parts, ""])
)


def alert_of_record(document, language="en"):
    """The alert of an event; the document is encoded and decoded as in a queue."""
    (call,) = decode(parse(json.dumps(document)))
    assert isinstance(call, ApiCall)
    return assess_call(call, Assessor(SETTINGS[language], InMemoryRuleHistory()))


def is_hidden(char):
    """Controls, lone surrogates, separators, bidirectional and zero-width characters, but not the line break."""
    code = ord(char)
    bidi = 0x202A <= code <= 0x202E or 0x2060 <= code <= 0x206F or code in {0x061C, 0x200E, 0x200F}
    zero_width = 0x200B <= code <= 0x200D or code in {0x00AD, 0xFEFF} or 0xE0000 <= code <= 0xE0FFF
    return char != "\n" and (bidi or zero_width or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"})


NAMES = {"eventName", "eventSource", "source", "detail-type"}  # without these the event is not recognized
SHAPE = {"ipProtocol", "IpProtocol", "cidrIp", "cidrIpv4", "cidrIpv6", "CidrIpv4", "CidrIpv6", "Cidr", "eventTime"}


def with_texts(value, choose, key=""):
    """The same JSON with each text replaced by `choose(key, text)`."""
    if isinstance(value, dict):
        return {name: with_texts(inner, choose, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_texts(each, choose, key) for each in value]
    return choose(key, value) if isinstance(value, str) and key not in NAMES else value


def one_record(document):
    return document[-1] if isinstance(document, list) else document


def many_rules(count, description):
    """One call with many rules, each with its own id."""
    document = copy.deepcopy(EVENTS["world"])
    rule = document["detail"]["responseElements"]["securityGroupRuleSet"]["items"][0]
    rules = [
        rule
        | {
            "securityGroupRuleId": f"sgr-{number:017d}",
            "fromPort": number,
            "toPort": number,
            "description": description,
        }
        for number in range(1, count + 1)
    ]
    document["detail"]["responseElements"]["securityGroupRuleSet"]["items"] = rules
    return document

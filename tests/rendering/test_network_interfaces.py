"""The network interfaces of a security group in every channel and language."""

import json
from datetime import UTC, datetime

import pytest

from gatewatch.alerts.lookup.network_interfaces import _DESCRIPTIONS, _REQUESTERS, _TYPES, INSTANCE, INTERFACE, SERVICE
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.model.network_interfaces import AttachedResource, NetworkInterfaceSummary
from gatewatch.rendering.slack_validation import mentions
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.network_interfaces import interface_lines
from support.lookup import messages
from support.paths import ROOT
from support.rendering import SNS

GOLDEN = ROOT / "tests" / "golden"
LABELS = {language: load_labels(ROOT / "templates", language) for language in LANGUAGES}
AT = datetime(2026, 1, 24, 3, 46, 4, tzinfo=UTC)
KINDS = {INSTANCE, SERVICE, INTERFACE, *_TYPES.values(), *_REQUESTERS.values(), *(kind for kind, _ in _DESCRIPTIONS)}


def lines_of(language="en", **facts):
    return [
        str(each) for each in interface_lines(NetworkInterfaceSummary(at=AT, **facts), "Asia/Seoul", LABELS[language])
    ]


def sns_body_of(case, language="en"):
    settings = load_settings(GOLDEN / "accounts.yaml", GOLDEN / "policy.yaml", language)
    (message,) = messages(GOLDEN / case, settings)[HUB_TOPIC]
    return SNS.render(message)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"interfaces": 0}, "no interface uses this group"),
        ({"interfaces": 1}, "1 interface, none with a public address"),
        ({"interfaces": 3, "public": 1}, "3 interfaces, 1 with a public address"),
        ({"interfaces": 999}, "999 interfaces, none with a public address"),
        (
            {"interfaces": 1000, "is_partial": True},
            "1,000 or more interfaces, none of the first 1,000 with a public address",
        ),
        (
            {"interfaces": 1000, "public": 7, "is_partial": True},
            "1,000 or more interfaces, 7 or more with a public address",
        ),
        ({"interfaces": 1, "public": 1, "is_partial": True}, "1 or more interfaces, 1 or more with a public address"),
    ],
)
def test_the_interfaces_are_counted_as_far_as_they_are_known(facts, expected):
    assert lines_of(**facts) == [expected, "as of 2026-01-24 12:46:04 KST"]


def test_the_first_resources_are_named_and_the_others_counted():
    public = tuple(AttachedResource("instance", f"web-{number}", is_public=True) for number in range(5))
    private = (AttachedResource("database", count=2), AttachedResource("instance", "app", count=1200))
    assert lines_of(interfaces=1207, public=5, resources=(*public, *private))[1:3] == [
        "public: instance `web-0`, instance `web-1`, instance `web-2` +2",
        "not public: database ×2, instance `app` ×1,200",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_resource_has_a_text_with_and_without_a_name(language, kind):
    named, unnamed = AttachedResource(kind, "shop", is_public=True), AttachedResource(kind)
    _, first, second, _ = lines_of(language, interfaces=2, public=1, resources=(named, unnamed))
    assert "`shop`" in first
    assert second.rpartition(": ")[2].strip()
    assert "`" not in second


@pytest.mark.parametrize("name", ["<!channel>", "`", "*x*\n*y*", "\u202e" * 9, "a" * 500, " ", "{name}", "%s"])
def test_a_resource_name_is_escaped_and_cut(name):
    _, line, _ = lines_of(interfaces=1, resources=(AttachedResource("instance", name),))
    assert mentions({"text": line}) == ()
    assert "\n" not in line
    assert line.count("`") in {0, 2}
    assert len(line) < 100


def test_an_email_shows_the_interfaces():
    mail = sns_body_of("attached-public").mail
    assert (
        "Attached to: 9 interfaces, 3 with a public address\n"
        "  public: instance web-1, load balancer shop\n"
        "  not public: instance app ×2, database ×2, Lambda functions such as orders +1\n"
        "  as of 2026-11-21 03:05:03 KST\n"
    ) in mail
    assert "Attached to: no interface uses this group\n" in sns_body_of("attached-nothing").mail
    assert "Attached to" not in sns_body_of("attached-unknown").mail


def test_a_chat_notification_shows_the_interfaces():
    description = sns_body_of("attached-public").chat["content"]["description"]
    (line,) = [each for each in description.splitlines() if each.startswith("*Attached to*")]
    assert line.startswith("*Attached to* 9 interfaces, 3 with a public address · public: instance `web-1`, ")
    description = sns_body_of("describe-by-id-lookup").chat["content"]["description"]
    assert "`198.51.100.7/32` · `sgr-0e1b335fb5313ef3a` · as of 2026-11-21 03" in description


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_forge_no_line_or_link_in_an_email_or_chat(language):
    body = sns_body_of("attached-hostile-names", language)
    chat = json.dumps(body.chat, ensure_ascii=False)
    assert not any(each in chat for each in ("<!", "<@", "<https://evil"))
    assert "https://evil" not in body.mail
    assert "\u202e" not in chat + body.mail
    name = LABELS[language].network_interfaces["name"]
    assert sum(line.startswith(f"{name}: ") for line in body.mail.splitlines()) == 1

"""What a group is attached to, as each channel and each language says it."""

import json
from datetime import UTC, datetime

import pytest

from gatewatch.alerts.lookup.network_interfaces import _DESCRIPTIONS, _REQUESTERS, _TYPES, INSTANCE, INTERFACE, SERVICE
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.model.network_interfaces import Attached, Thing
from gatewatch.rendering.slack import load_templates
from gatewatch.rendering.slack_validation import mentions
from gatewatch.rendering.sns_body import read_topic_body
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.network_interfaces import lines
from support.lookup import messages
from support.paths import ROOT

GOLDEN = ROOT / "tests" / "golden"
TEMPLATES = load_templates(ROOT / "templates", LANGUAGES)
LABELS = {language: load_labels(ROOT / "templates", language) for language in LANGUAGES}
AT = datetime(2026, 1, 24, 3, 46, 4, tzinfo=UTC)
KINDS = {INSTANCE, SERVICE, INTERFACE, *_TYPES.values(), *_REQUESTERS.values(), *(kind for kind, _ in _DESCRIPTIONS)}


def said(language="en", **facts):
    return [str(each) for each in lines(Attached(at=AT, **facts), "Asia/Seoul", LABELS[language])]


def of_topic(case, language="en"):
    settings = load_settings(GOLDEN / "accounts.yaml", GOLDEN / "policy.yaml", language)
    (body,) = messages(GOLDEN / case, settings, TEMPLATES)[HUB_TOPIC]
    return read_topic_body(body)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"interfaces": 0}, "nothing, no interface has this group"),
        ({"interfaces": 1}, "1 interface, none with a public address"),
        ({"interfaces": 3, "public": 1}, "3 interfaces, 1 with a public address"),
        ({"interfaces": 999}, "999 interfaces, none with a public address"),
        (
            {"interfaces": 1000, "is_part": True},
            "1,000 interfaces and more, none of the first 1,000 with a public address",
        ),
        (
            {"interfaces": 1000, "public": 7, "is_part": True},
            "1,000 interfaces and more, 7 or more with a public address",
        ),
        ({"interfaces": 1, "public": 1, "is_part": True}, "1 interfaces and more, 1 or more with a public address"),
    ],
)
def test_how_many_is_said_and_no_more_than_is_known(facts, sentence):
    assert said(**facts) == [sentence, "as of 2026-01-24 12:46:04 KST"]


def test_the_first_few_are_named_and_the_others_counted():
    public = tuple(Thing("instance", f"web-{number}", is_public=True) for number in range(5))
    private = (Thing("database", count=2), Thing("instance", "app", count=1200))
    assert said(interfaces=1207, public=5, things=(*public, *private))[1:3] == [
        "public: instance `web-0`, instance `web-1`, instance `web-2` +2",
        "not public: database ×2, instance `app` ×1,200",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_thing_has_a_word_with_a_name_and_without(language, kind):
    named, bare = Thing(kind, "shop", is_public=True), Thing(kind)
    _, first, second, _ = said(language, interfaces=2, public=1, things=(named, bare))
    assert "`shop`" in first
    assert second.rpartition(": ")[2].strip()
    assert "`" not in second


@pytest.mark.parametrize("name", ["<!channel>", "`", "*x*\n*y*", "\u202e" * 9, "a" * 500, " ", "{name}", "%s"])
def test_a_name_is_text_and_stays_short(name):
    _, line, _ = said(interfaces=1, things=(Thing("instance", name),))
    assert mentions({"text": line}) == ()
    assert "\n" not in line
    assert line.count("`") in {0, 2}
    assert len(line) < 100


def test_a_mail_says_it():
    mail = of_topic("attached-public").mail
    assert (
        "Attached to: 9 interfaces, 3 with a public address\n"
        "  public: instance web-1, load balancer shop\n"
        "  not public: instance app ×2, database ×2, Lambda functions such as orders +1\n"
        "  as of 2026-11-21 03:05:03 KST\n"
    ) in mail
    assert "Attached to: nothing, no interface has this group\n" in of_topic("attached-nothing").mail
    assert "Attached to" not in of_topic("attached-untold").mail


def test_a_chat_says_it():
    description = of_topic("attached-public").chat["content"]["description"]
    (line,) = [each for each in description.splitlines() if each.startswith("*Attached to*")]
    assert line.startswith("*Attached to* 9 interfaces, 3 with a public address · public: instance `web-1`, ")
    described = of_topic("describe-by-id-seen").chat["content"]["description"]
    assert "`198.51.100.7/32` · `sgr-0e1b335fb5313ef3a` · as of 2026-11-21 03" in described


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_forge_nothing_in_a_mail_or_a_chat(language):
    body = of_topic("attached-hostile-names", language)
    chat = json.dumps(body.chat, ensure_ascii=False)
    assert not any(each in chat for each in ("<!", "<@", "<https://evil"))
    assert "https://evil" not in body.mail
    assert "\u202e" not in chat + body.mail
    name = LABELS[language].attached["name"]
    assert sum(line.startswith(f"{name}: ") for line in body.mail.splitlines()) == 1

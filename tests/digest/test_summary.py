"""What is still open, who changed how much, what was spared: gathered from events in any order, in three languages."""

import email
import email.policy
import io
import json
import os
import random
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from html import unescape
from unicodedata import east_asian_width

import msgspec
import pytest
from PIL import Image, ImageColor

from gatewatch.alerts.suppression import excepted
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.config.suppression_rules import Effect, ExceptionMatch, PolicyException
from gatewatch.digest.activity import noted
from gatewatch.digest.chart import COLORS, chart
from gatewatch.digest.email import Paper, mail_of, page_of
from gatewatch.digest.labels import DigestLabels, load_digest_labels
from gatewatch.digest.summary import digest_of
from gatewatch.digest.text import bar, slack_payload, text_of
from gatewatch.digest.view import Bar, DigestView, Part, Wording, digest_view
from gatewatch.errors import ConfigurationError
from gatewatch.model.severity import Severity
from gatewatch.rendering.slack_validation import mentions, problems
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT

TEMPLATES, GOLDEN = ROOT / "templates", ROOT / "tests" / "golden_digest"
STORY = sorted((ROOT / "gatewatch" / "local" / "demo" / "scenario_files").glob("*.json"))
_VALUE = re.compile(r"\{(\w+)\}")
LABELS = load_digest_labels(TEMPLATES, LANGUAGES)
START = datetime(2026, 1, 24, 3, 0, tzinfo=UTC)


def digest(alerts, exceptions=(), days=None):
    """What `gatewatch digest` makes of alerts."""
    known = msgspec.structs.replace(load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"), exceptions=exceptions)
    return digest_of([noted(each, excepted(each, exceptions, each.call.time).alert) for each in alerts], known, days)


@pytest.fixture
def told(results, build):
    """Records, one a minute in the order given, and the alerts they become."""

    def run(*records, step=timedelta(minutes=1)):
        dated = [
            record | {"eventID": f"event-{number}", "eventTime": f"{START + step * number:%Y-%m-%dT%H:%M:%SZ}"}
            for number, record in enumerate(records)
        ]
        return results(build.text(*dated))

    return run


@pytest.fixture
def world(build):
    return build.authorize(build.item(v4=["0.0.0.0/0"]))


@pytest.fixture
def answered(build):
    rule = build.answered(cidrIpv4="0.0.0.0/0")
    return build.authorize(build.item(v4=["0.0.0.0/0"]), response=build.rule_set(rule))


@pytest.fixture
def nothing(build):
    return build.authorize(build.item(v4=["10.0.0.0/8"]))


def test_what_is_open_is_told_with_its_age_and_who_opened_it(told, world, nothing):
    found = digest(told(world, nothing, nothing))
    (gate,) = found.open
    assert (gate.place, gate.actor, gate.account.owner) == ("sg-0aaaaaaaaaaaaaaa1", "alice", "@payments-oncall")
    assert found.period.now - gate.since == timedelta(minutes=2)


def closing(build):
    item = build.item(v4=["0.0.0.0/0"])
    narrow = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.0.0.0/8"}
    return {
        "revoked": build.revoke(item),
        "deleted": build.record("DeleteSecurityGroup", {"groupId": build.GROUP}, {"_return": True}),
        "revoked by id": build.record(
            "RevokeSecurityGroupIngress",
            {"groupId": build.GROUP, "securityGroupRuleIds": {"items": [{"securityGroupRuleId": build.RULE}]}},
            {"_return": True},
        ),
        "narrowed": build.modify((build.RULE, narrow)),
    }


@pytest.mark.parametrize("way", ["revoked", "deleted", "revoked by id", "narrowed"])
def test_a_gate_is_closed_in_every_way_there_is(told, build, answered, way):
    found = digest(told(answered, closing(build)[way]))
    assert (found.open, found.closed) == ((), (timedelta(minutes=1),))


def test_what_closes_another_gate_closes_nothing(told, build, world):
    item = build.item(v4=["0.0.0.0/0"])
    others = (
        build.revoke(build.item(start=23, end=23, v4=["0.0.0.0/0"])),
        build.revoke(item, **build.refused()),
        build.revoke(item, awsRegion="us-east-1"),
        build.revoke(item, recipientAccountId=build.OTHER_ACCOUNT),
        build.revoke(item, direction="Egress"),
    )
    found = digest(told(world, *others))
    assert (len(found.open), found.closed) == (1, ())


def test_what_is_opened_again_while_it_is_open_keeps_its_age(told, world):
    (gate,) = digest(told(world, world)).open
    assert gate.since == START


def test_a_prefix_list_is_a_gate_until_its_entry_is_removed(told, build):
    entry = {"tag": 1, "Cidr": "0.0.0.0/0"}

    def modify(what):
        return build.wrapped("ModifyManagedPrefixList", {"PrefixListId": build.PREFIX_LIST, what: entry})

    opened, other = modify("AddEntry"), modify("RemoveEntry")
    other = json.loads(json.dumps(other).replace("0.0.0.0/0", "198.51.100.0/24"))
    (gate,) = digest(told(opened, other)).open
    assert gate.place == build.PREFIX_LIST
    found = digest(told(opened, modify("RemoveEntry")))
    assert (found.open, found.closed) == ((), (timedelta(minutes=1),))


def test_a_group_that_is_called_by_its_name_is_closed_by_the_rules_id(told, build, answered):
    by_name = answered | {"requestParameters": answered["requestParameters"] | {"groupId": None, "groupName": "web"}}
    found = digest(told(by_name, closing(build)["revoked by id"]))
    assert (found.open, len(found.closed)) == ((), 1)


@pytest.mark.parametrize("first", ["opened", "closed"])
def test_within_one_second_only_the_id_tells_what_was_closed(told, build, answered, world, first):
    by_id, by_shape = closing(build)["revoked by id"], closing(build)["revoked"]
    for opening, end, is_open in ((answered, by_id, False), (world, by_shape, True)):
        records = (opening, end) if first == "opened" else (end, opening)
        assert bool(digest(told(*records, step=timedelta(0))).open) is is_open


def test_one_that_is_closed_and_opened_anew_is_young(told, build, world):
    found = digest(told(world, build.revoke(build.item(v4=["0.0.0.0/0"])), world))
    (gate,) = found.open
    assert (gate.since, found.closed) == (START + timedelta(minutes=2), (timedelta(minutes=1),))


def test_one_that_was_moved_to_another_port_is_the_same_gate_in_its_new_form(told, build, answered):
    rdp = {"IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389, "CidrIpv4": "0.0.0.0/0"}
    moved = build.modify((build.RULE, rdp), userIdentity=build.ALICE | {"userName": "bob"})
    found = digest(told(answered, moved))
    (gate,) = found.open
    assert (gate.since, gate.actor, gate.rule.assessment.services) == (START, "alice", ("RDP",))
    assert digest(told(answered, moved, build.revoke(build.item(start=3389, end=3389, v4=["0.0.0.0/0"])))).open == ()


def test_what_was_refused_or_is_meant_for_everybody_is_no_open_gate(told, build):
    web = build.authorize(build.item(start=443, end=443, v4=["0.0.0.0/0"]))
    denied = build.authorize(build.item(v4=["0.0.0.0/0"]), **build.refused())
    assert digest(told(web, denied)).open == ()


def test_neither_order_nor_repetition_changes_a_digest(told, build, world, nothing):
    alerts = told(world, nothing, build.revoke(build.item(v4=["0.0.0.0/0"])), world)
    shuffled = [*alerts, *alerts]
    random.Random(1).shuffle(shuffled)  # noqa: S311 - an order, no secret
    assert digest(shuffled) == digest(alerts)


def test_only_the_last_days_are_counted_and_what_was_open_before_still_is(told, world, nothing):
    alerts = told(world, nothing, nothing, step=timedelta(days=5))
    found = digest(alerts, days=6)
    assert found.severities.total() == 2
    assert found.period.now - found.open[0].since == timedelta(days=10)


def test_what_an_exception_mutes_is_counted_and_is_no_open_gate(told, world, nothing):
    muted = PolicyException(
        id="bastion", match=ExceptionMatch(port=22), effect=Effect.MUTE, owner="a", reason="b", ticket="c",
        expires=date(2027, 1, 1),
    )  # fmt: skip
    found = digest(told(world, nothing), (muted,))
    assert (found.muted, found.open) == ({"bastion": 2}, ())


def test_an_exception_spares_a_gate_only_while_it_holds(told, world, nothing):
    over = PolicyException(
        id="bastion", match=ExceptionMatch(port=22), effect=Effect.MUTE, owner="a", reason="b", ticket="c",
        expires=START.date(),
    )  # fmt: skip
    found = digest(told(world, nothing, step=timedelta(days=2)), (over,))
    assert (found.muted, len(found.open)) == ({"bastion": 1}, 1)


def test_without_an_event_there_is_no_digest():
    assert digest(()) is None


@pytest.mark.parametrize(("value", "drawn"), [(0, ""), (1, "▏"), (400, "██████████"), (800, "█" * 20), (2, "▏")])
def test_a_bar_is_as_long_as_its_share_and_never_nothing_for_something(value, drawn):
    assert bar(value, 800, 20).rstrip() == drawn


@pytest.fixture(scope="module")
def story(results):
    records = [json.loads(path.read_text("utf-8"))["record"] for path in STORY]
    return results("".join(json.dumps(record) + "\n" for record in records))


def view_of(alerts, language):
    settings = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")
    wording = Wording(LABELS[language], load_labels(TEMPLATES, language), settings.defaults.timezone)
    return digest_view(digest(alerts), wording)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_digest_of_the_story_is_the_golden_one(story, language):
    view = view_of(story, language)
    payload = json.dumps(json.loads(slack_payload(view, "#0c3f7d")), ensure_ascii=False, indent=1) + "\n"
    for name, made in ((f"{language}.txt", text_of(view)), (f"slack.{language}.json", payload)):
        if os.environ.get("GATEWATCH_GOLDEN") == "write":
            (GOLDEN / name).write_text(made, "utf-8")
        assert made == (GOLDEN / name).read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_slack_takes_the_digest_and_it_calls_nobody(story, language):
    payload = json.loads(slack_payload(view_of(story, language), "#0c3f7d"))
    assert (problems(payload), mentions(payload)) == ((), ())


def test_a_digest_of_very_much_is_still_one_message(told, build):
    actor = build.ALICE | {"userName": "&" * 60}
    rule = build.item(v4=["0.0.0.0/0"])
    groups = [
        build.record(
            "AuthorizeSecurityGroupIngress", build.request(rule, groupId=f"sg-{number:017x}"), userIdentity=actor
        )
        for number in range(60)
    ]
    view = view_of(told(*groups), "en")
    assert problems(json.loads(slack_payload(view, "#0c3f7d"))) == ()
    assert "and 45 more" in text_of(view)


def paper(language):
    return Paper(load_labels(TEMPLATES, language), language, TEMPLATES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bars_in_slack_fit_a_phone(story, language):
    """About forty letters of a fixed-width font; those of the East are two columns wide."""
    blocks = json.loads(slack_payload(view_of(story, language), "#0c3f7d"))["attachments"][0]["blocks"]
    drawn = [line for block in blocks if "█" in str(block) for line in block["text"]["text"].splitlines()]
    bars = [unescape(line.strip("`")) for line in drawn if any(each in line for each in "█▏▎▍▌▋▊▉")]
    assert bars
    assert max(sum(2 if east_asian_width(each) in "WF" else 1 for each in line) for line in bars) <= 40


def test_what_has_no_room_in_one_section_goes_on_in_the_next(told, build):
    actor = build.ALICE | {"userName": "&" * 60}
    rule = build.item(v4=["0.0.0.0/0"])
    groups = [build.authorize(rule, userIdentity=actor, awsRegion=f"eu-west-{number}") for number in range(15)]
    payload = json.loads(slack_payload(view_of(told(*groups), "en"), "#0c3f7d"))
    texts = [block["text"]["text"] for block in payload["attachments"][0]["blocks"] if block["type"] == "section"]
    assert sum("open for" in line for text in texts for line in text.splitlines()) == 15
    assert sum("open for" in text for text in texts) > 1
    assert problems(payload) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_a_drawn_chart_no_script_and_no_address_to_load_from(story, language):
    view = view_of(story, language)
    page = page_of(view, paper(language))
    assert re.findall(r'src="([^",]+)', page) == ["data:image/png;base64"]
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert "&lt;!here&gt;" in page
    assert view.title in page
    assert load_labels(TEMPLATES, language).severity["critical"] in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_mail_says_the_same_as_text_and_as_page_with_the_chart_inside(story, language):
    view = view_of(story, language)
    mail = email.message_from_bytes(
        mail_of(view, paper(language), "hub@example.com", ["a@example.com", "b@example.com"]),
        policy=email.policy.default,
    )
    assert (mail["Subject"], mail["From"], mail["To"]) == (
        view.title,
        "hub@example.com",
        "a@example.com, b@example.com",
    )
    assert mail.get_body(("plain",)).get_content().split() == text_of(view).split()
    html = mail.get_body(("html",)).get_content()
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html
    assert picture["Content-Disposition"].startswith("inline")
    assert view.title in html


def test_a_subject_cannot_add_a_header():
    view = DigestView("Gates\r\nBcc: everybody@example.com", (), "")
    mail = email.message_from_bytes(mail_of(view, paper("en")), policy=email.policy.default)
    assert (mail["Bcc"], mail["Subject"]) == (None, "Gates Bcc: everybody@example.com")


def test_a_digest_in_which_nothing_changed_has_no_chart():
    view = DigestView("Gates", (Part("", lines=("quiet",)),), "note")
    assert "<img" not in page_of(view, paper("en"))
    assert [part.get_content_type() for part in email.message_from_bytes(mail_of(view, paper("en"))).walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def drawn(*bars):
    return Image.open(io.BytesIO(chart(Part("", bars=bars)))).convert("RGB")


def share(picture, color):
    """How much of the one bar there is has a colour."""
    middle = picture.height - 32
    row = [picture.getpixel((x, middle)) for x in range(picture.width)]
    return row.count(ImageColor.getrgb(color)) / len(row)


def test_a_bar_has_the_colours_of_its_severities_by_their_shares():
    picture = drawn(Bar("a", 4, ((Severity.CRITICAL, 1), (Severity.LOW, 3))))
    assert share(picture, COLORS[Severity.CRITICAL]) == pytest.approx(0.25, abs=0.01)
    assert share(picture, COLORS[Severity.LOW]) == pytest.approx(0.75, abs=0.01)


def test_the_longest_bar_has_the_whole_width_and_one_critical_among_thousands_is_seen():
    picture = drawn(
        Bar("a", 8000, ((Severity.LOW, 8000),)), Bar("b", 2000, ((Severity.CRITICAL, 1), (Severity.LOW, 1999)))
    )
    assert 0 < share(picture, COLORS[Severity.CRITICAL]) < 0.01
    assert share(picture, COLORS[Severity.LOW]) == pytest.approx(0.25, abs=0.01)


def test_a_name_in_other_letters_is_drawn_as_the_id_of_its_account():
    counts = ((Severity.LOW, 1),)
    korean, plain = (drawn(Bar(name, 1, counts, plain="111122223333")) for name in ("결제 운영", "111122223333"))
    assert korean.tobytes() == plain.tobytes()
    assert korean.tobytes() != drawn(Bar("payments", 1, counts, plain="111122223333")).tobytes()


def test_without_the_library_the_chart_says_what_to_install():
    code = "import sys; sys.modules['PIL'] = None; from gatewatch.cli.app import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "digest",
        "--format",
        "html",
        str(ROOT / "docs" / "examples" / "ssh-to-the-world.json"),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (
        2,
        "gatewatch: the chart needs Pillow; install gatewatch[digest], or take --format text.\n",
    )


@pytest.mark.parametrize("output", ["text", "slack", "html", "email"])
def test_the_command_makes_every_form(build, world, output):
    ran = build.gatewatch("digest", "--format", output, "--days", "7", stdin=build.text(world))
    assert (ran.status, ran.err) == (0, "")
    mail = email.message_from_string(ran.out, policy=email.policy.default)
    assert "sg-0aaaaaaaaaaaaaaa1" in (mail.get_body(("html",)).get_content() if output == "email" else ran.out)


@pytest.mark.parametrize("days", ["0", "-1", "9999999999999999999", "week"])
def test_days_that_cannot_be_counted_are_wrong_usage(build, world, days):
    ran = build.gatewatch("digest", "--days", days, stdin=build.text(world))
    assert ran.status == 2
    assert "--days" in ran.err


def test_the_command_says_when_there_is_nothing(build):
    ran = build.gatewatch("digest", "--language", "en", stdin=build.text({"no": "event"}))
    assert ran.out == "No change in this time.\n"


def test_what_lambda_runs_never_imports_the_library_that_draws():
    names = ", ".join(f"functions.{each}" for each in ("alert", "deliver", "heartbeat", "digest", "access_keys"))
    code = f"import sys, {names}; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("section", DigestLabels.__struct_fields__)
def test_every_language_has_every_word_of_a_digest_with_the_same_values(language, section):
    words = {name: getattr(LABELS[name], section) for name in ("en", language)}
    assert {key: set(_VALUE.findall(text)) for key, text in words[language].items()} == {
        key: set(_VALUE.findall(text)) for key, text in words["en"].items()
    }


@pytest.mark.parametrize("broken", ["digest: [", "digest: {}", None])
def test_a_broken_file_of_words_is_named(tmp_path, broken):
    (tmp_path / "digest").mkdir()
    if broken is not None:
        (tmp_path / "digest" / "en.yaml").write_text(broken, "utf-8")
    with pytest.raises(ConfigurationError, match=r"en\.yaml"):
        load_digest_labels(tmp_path, ["en"])

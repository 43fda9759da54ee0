"""The inbox page in a real browser: golden messages, hostile text, filters, keyboard, themes, live updates."""

import json
from html import unescape
from urllib.request import Request, urlopen

import pytest

from gatewatch.local.slack.inbox import Inbox
from gatewatch.model.alert_actions import ActionButton, ActionStatus, AlertActions, Mark, Person, ShownActions
from gatewatch.model.message_state import AlertState, ExposureEnd, MessageState
from gatewatch.rendering.presentation import Presentation
from support.browser import MISSING, chromium, new_page
from support.hostile import EVENTS, alert_of_record
from support.paths import ROOT
from support.rendering import SLACK, message_for

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make test installs it")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]

SCENARIO = ROOT / "gatewatch" / "local" / "demo" / "scenario_files"
SCREENSHOTS = ROOT / "build" / "browser"
GOLDEN = sorted((ROOT / "tests" / "golden").glob("*/slack.*.json"))
INJECTIONS = (
    "<script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit = 2">',
    "<svg onload=window.hit=3>",
    "'-(window.hit=4)-'",
    "</article></div><iframe srcdoc='<script>parent.hit=5</script>'>",
    "javascript:window.hit=6",
    "&lt;script&gt;window.hit=7&lt;/script&gt;",
)


def post(inbox, channel, message):
    request = Request(inbox.webhook_url(channel), json.dumps(message).encode(), method="POST")  # noqa: S310
    with urlopen(request) as response:  # noqa: S310 - the inbox of this test
        assert response.read() == b"ok"


def hostile(text):
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": f"🔴 {text}"[:150]}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": f"*Account*\n`{text}` `999999999999`"}]},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"`{text}` {text} <https://example.com/{text}|{text}>"}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]},
    ]
    return {"text": text, "attachments": [{"color": "#8b0000", "fallback": text, "blocks": blocks}]}


@pytest.fixture(scope="module")
def golden():
    return [message for file in GOLDEN for message in json.loads(file.read_text("utf-8"))]


@pytest.fixture(scope="module")
def inbox(golden):
    with Inbox() as inbox:
        for message in golden:
            post(inbox, "golden", message)
        for text in INJECTIONS:
            post(inbox, f"hostile {text[:20]}", hostile(text))
        yield inbox


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def problems():
    """Console errors and warnings, script errors, Content-Security-Policy violations and dialogs."""
    return []


@pytest.fixture
def page(browser, problems):
    with new_page(browser, viewport={"width": 1100, "height": 900}, color_scheme="light") as page:
        page.on("console", lambda line: problems.append(line.text) if line.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(f"dialog {dialog.message}"), dialog.dismiss()))
        yield page
    assert problems == []


@pytest.fixture
def live(page, inbox):
    page.goto(inbox.url)
    playwright.expect(page.locator("#state")).to_have_text("live")
    return page


def visible_count(page):
    return page.locator(".message:visible").count()


def screenshot(page, name, **options):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", **options)


def test_every_golden_message_is_shown(live, golden):
    bodies = live.evaluate("[...document.querySelectorAll('.message .header')].map((each) => each.textContent)")
    titles = [unescape(message["attachments"][0]["blocks"][0]["text"]["text"]) for message in golden]
    assert bodies[: len(titles)] == titles
    assert live.locator(".unknown").count() == 0
    assert all(live.evaluate("[...document.querySelectorAll('.message')].map((each) => each.offsetHeight > 40)"))
    screenshot(live, "inbox-light")


def test_text_of_an_event_runs_no_script_and_creates_no_element(live):
    assert live.evaluate("window.hit") is None
    assert live.evaluate("document.querySelectorAll('#feed :is(script, img, iframe, [onload], [onerror])').length") == 0
    links = live.evaluate("[...document.querySelectorAll('#feed a')].map((each) => each.protocol)")
    assert set(links) <= {"https:"}
    assert live.evaluate("[...document.querySelectorAll('#account option')].length") > 2


def test_filters_by_account_and_severity_are_combined(live):
    total = visible_count(live)
    live.select_option("#account", "payments-prod 111122223333")
    of_account = visible_count(live)
    assert 0 < of_account < total
    live.click(".chip[data-severity=critical]")
    assert 0 < visible_count(live) < of_account
    filtered = live.evaluate(
        "[...document.querySelectorAll('.message:not([hidden])')]"
        ".map(({dataset}) => [dataset.severity, dataset.account])"
    )
    assert {tuple(each) for each in filtered} == {("critical", "payments-prod 111122223333")}
    assert live.text_content("#count").startswith(f"{len(filtered)} of {total} messages")
    live.keyboard.press("Escape")
    assert visible_count(live) == total
    assert live.input_value("#account") == ""


def test_everything_is_reachable_with_the_keyboard(live):
    live.keyboard.press("j")
    live.keyboard.press("j")
    assert live.evaluate("document.activeElement.id") == "message-2"
    live.keyboard.press("k")
    assert live.evaluate("document.activeElement.id") == "message-1"
    live.keyboard.press("/")
    live.keyboard.type("postgresql")
    assert 0 < visible_count(live) < len(GOLDEN)
    live.keyboard.press("Tab")
    assert live.evaluate("document.activeElement.id") == "account"
    live.keyboard.press("Tab")
    assert live.evaluate("document.activeElement.dataset.severity") == "critical"
    live.keyboard.press("Enter")
    assert live.get_attribute(".chip[data-severity=critical]", "aria-pressed") == "true"


def test_the_theme_follows_the_system_until_the_reader_chooses_one(live):
    background = "getComputedStyle(document.body).backgroundColor"
    assert live.evaluate(background) == "rgb(255, 255, 255)"
    live.emulate_media(color_scheme="dark")
    assert live.evaluate(background) == "rgb(26, 29, 33)"
    screenshot(live, "inbox-dark")
    live.click("#theme")
    assert live.evaluate(background) == "rgb(255, 255, 255)"
    live.evaluate("localStorage.clear()")


def test_a_new_message_appears_without_reloading(live, inbox, golden):
    before = live.locator(".message").count()
    live.evaluate("window.same = true")
    post(inbox, "news", golden[0])
    playwright.expect(live.locator(".message")).to_have_count(before + 1)
    assert live.evaluate("window.same") is True
    assert live.locator("#channels button", has_text="# news").count() == 1


def call(inbox, method, message):
    headers = {"Authorization": "Bearer xoxb-any"}
    request = Request(f"{inbox.api}{method}", json.dumps(message).encode(), headers)  # noqa: S310
    with urlopen(request) as response:  # noqa: S310 - the inbox of this test
        return json.load(response)


def test_an_edit_and_a_reply_appear_without_reloading_and_keep_the_focus(live, inbox, golden):
    ts = call(inbox, "chat.postMessage", golden[0] | {"channel": "threads"})["ts"]
    number = int(ts.partition(".")[2])
    playwright.expect(live.locator(f"#message-{number}")).to_be_visible()
    live.click(f"#message-{number} summary")
    live.focus(f"#message-{number}")
    before = live.locator(".message").count()
    edited = json.loads(json.dumps(golden[0]))
    edited["attachments"][0]["color"] = "#2b8a3e"
    edited["attachments"][0]["blocks"].insert(
        1, {"type": "section", "text": {"type": "mrkdwn", "text": "Closed after 14 min by `alice`"}}
    )
    call(inbox, "chat.update", edited | {"channel": "threads", "ts": ts})
    playwright.expect(live.locator(f"#message-{number}")).to_contain_text("Closed after 14 min by alice")
    assert live.get_attribute(f"#message-{number} .bar rect", "fill") == "#2b8a3e"
    assert live.evaluate("document.activeElement.id") == f"message-{number}"
    assert live.locator(f"#message-{number} details[open]").count() == 1
    call(inbox, "chat.postMessage", golden[1] | {"channel": "threads", "thread_ts": ts})
    playwright.expect(live.locator(".message")).to_have_count(before + 1)
    live.click(f"#message-{number + 1} .thread a")
    assert live.evaluate("location.hash") == f"#message-{number}"


def test_a_page_as_narrow_as_a_phone_does_not_scroll_sideways(live):
    live.set_viewport_size({"width": 390, "height": 844})
    assert live.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(live, "inbox-phone")


# One message of each kind; their pictures are in build/browser.
KINDS = (
    "world",
    "attached-public",
    "sixty-rules",
    "denied",
    "iam-administrator-attached",
    "iam-root-mfa-removed",
    "sign-in-root-without-mfa",
    "public-bucket-policy",
    "network-acl-ssh",
    "prefix-list-add-remove",
    "detection-key-deletion",
    "hub-rule-disabled",
    "not-understood",
)
SHOWN = {
    "closed": MessageState(alerts={"k": AlertState(exposed=1, closed=1, end=ExposureEnd("closed", 840.0, "minji"))}),
    "acknowledged": MessageState(
        shown=ShownActions(
            "id",
            (ActionButton.SNOOZE_HOUR, ActionButton.ASK_ACTOR, ActionButton.PROPOSE_REVERT),
            AlertActions(status=ActionStatus.ACKNOWLEDGED, acknowledged=Mark(Person("U1", "minji"), 0.0)),
        )
    ),
}


def messages_of_kinds(language):
    for kind in KINDS:
        yield kind, json.loads((ROOT / "tests" / "golden" / kind / f"slack.{language}.json").read_text("utf-8"))[0]
    for kind, state in SHOWN.items():
        message = message_for(alert_of_record(EVENTS["world"], language))
        yield kind, SLACK.render(message, Presentation(state=state))


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 390, "light"), ("en", 390, "dark"), ("en", 1100, "light"), ("ko", 390, "light"), ("ja", 390, "light")],
)
def test_what_decides_stands_above_the_fold(browser, language, width, scheme):
    options = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    with new_page(browser, **options) as page, Inbox() as inbox:
        kinds = dict(messages_of_kinds(language))
        for kind, message in kinds.items():
            post(inbox, kind, message)
        page.goto(inbox.url)
        page.wait_for_selector(f"#message-{len(kinds)}")
        page.evaluate("document.querySelector('.top').hidden = true")
        for number, kind in enumerate(kinds, start=1):
            article = page.locator(f"#message-{number}")
            first, *_ = article.locator(".attachment").all()
            assert first.locator(".fold").count() == 0, kind
            assert first.evaluate("(each) => each.scrollHeight <= each.clientHeight"), kind
            assert first.bounding_box()["height"] < 844 - 100, kind
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            article.screenshot(path=SCREENSHOTS / f"{kind}-{language}-{width}-{scheme}.png")


def test_a_long_attachment_is_folded_until_it_is_opened(page):
    with Inbox() as inbox:
        post(
            inbox,
            "long",
            json.loads((ROOT / "tests" / "golden" / "sixty-rules" / "slack.en.json").read_text("utf-8"))[0],
        )
        page.goto(inbox.url)
        body = page.locator(".attachment-body").nth(1)
        folded = body.bounding_box()["height"]
        page.get_by_text("Show more").click()
        assert body.bounding_box()["height"] > 3 * folded
        assert not page.get_by_text("Show more").is_visible()

"""The local Slack: responses as Slack's, stored messages, safe display, and access checks."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

import gatewatch.local.slack
from gatewatch.local.slack.inbox import Inbox, ReceivedMessage
from gatewatch.local.slack.page import render_page
from support.html import nesting_problems
from support.limits import GUARD_SECONDS

MIB = 1024 * 1024
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def alert(title="🔴 Critical: SSH open to the internet", color="#c1121f"):
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": True}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Region*\n`eu-west-1`"}]},
        {"type": "divider"},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "text": {"type": "plain_text", "text": "CloudTrail event"},
                    "url": "https://example.com/event?a=1&b=2",
                }
            ],
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "*Why* port 22"}]},
    ]
    return {"attachments": [{"color": color, "fallback": "SSH opened · payments-prod", "blocks": blocks}]}


def ticking():
    minutes = count()
    return lambda: NOON + timedelta(minutes=next(minutes))


@pytest.fixture
def inbox():
    with Inbox(clock=ticking()) as inbox:
        yield inbox


def request(inbox, method, url, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", inbox.port, timeout=GUARD_SECONDS)
    try:
        connection.request(method, urlsplit(url)._replace(scheme="", netloc="").geturl(), body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


def post(inbox, url, message, **headers):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return request(inbox, "POST", url, body, **headers)[:2]


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def named(self, *names):
        return [attributes for tag, attributes in self.found if tag in names]


def test_the_webhook_answers_ok_and_stores_the_message(inbox):
    assert post(inbox, inbox.webhook_url("sec-prod"), alert()) == (200, "ok")
    assert inbox.received == (ReceivedMessage(1, "sec-prod", alert(), NOON, 1),)


def test_the_webhook_answers_in_plain_text(inbox):
    headers = request(inbox, "POST", inbox.webhook_url("a"), b'{"text": "x"}')[2]
    assert headers.get_content_type() == "text/plain"


def test_messages_are_numbered_in_the_order_of_arrival(inbox):
    for name in ("a", "b", "a"):
        post(inbox, inbox.webhook_url(name), {"text": name})
    assert [(one.number, one.channel) for one in inbox.received] == [(1, "a"), (2, "b"), (3, "a")]


def test_the_received_messages_are_a_snapshot(inbox):
    before = inbox.received
    post(inbox, inbox.webhook_url("a"), {"text": "x"})
    assert before == ()


def test_received_messages_can_be_read_after_the_inbox_is_closed(inbox):
    with Inbox() as other:
        post(other, other.webhook_url("a"), {"text": "x"})
    assert [one.message for one in other.received] == [{"text": "x"}]
    assert inbox.received == ()


def test_a_channel_name_may_have_any_character(inbox):
    for name in ("보안-운영", "a/b?c#d", "#sec prod"):
        assert post(inbox, inbox.webhook_url(name), {"text": "x"}) == (200, "ok")
    assert [one.channel for one in inbox.received] == ["보안-운영", "a/b?c#d", "#sec prod"]


def test_concurrent_senders_lose_no_message(inbox):
    with ThreadPoolExecutor(16) as pool:
        url = inbox.webhook_url("busy")
        responses = list(pool.map(lambda number: post(inbox, url, {"text": str(number)}), range(100)))
    assert set(responses) == {(200, "ok")}
    assert [one.number for one in inbox.received] == list(range(1, 101))
    assert {one.message["text"] for one in inbox.received} == {str(number) for number in range(100)}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"\xff", b'{"text": NaN}', b"[" * 200_000],
    ids=lambda body: str(body[:9]),
)
def test_a_body_that_is_no_json_object_is_an_invalid_payload(inbox, body):
    assert post(inbox, inbox.webhook_url("a"), body) == (400, "invalid_payload")
    assert inbox.received == ()


def test_a_message_beyond_the_limits_is_rejected_and_the_reason_is_stored(inbox):
    message = alert("h" * 151)
    assert post(inbox, inbox.webhook_url("a"), message) == (400, "invalid_blocks")
    assert inbox.received == ()
    (rejected,) = inbox.rejected
    assert (rejected.channel, rejected.message, rejected.at) == ("a", message, NOON)
    assert "151 characters" in rejected.problems[0]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/services",
        "/services/T00000000/B00000000/",
        "/services/T00000000/B00000000/a/b",
        "/services/T1/B1/x",
    ],
)
def test_an_unknown_webhook_is_no_service(inbox, path):
    assert post(inbox, path, {"text": "x"}) == (404, "no_service")


def test_the_web_api_answers_ok_with_channel_and_ts(inbox):
    url = inbox.url + "api/chat.postMessage"
    status, body = post(inbox, url, {"channel": "C0123", **alert()}, Authorization="Bearer xoxb-made-up")
    assert status == 200
    assert json.loads(body) == {"ok": True, "channel": "C0123", "ts": f"{int(NOON.timestamp())}.000001"}
    assert inbox.received[0].channel == "C0123"


@pytest.mark.parametrize(
    ("message", "authorization", "error"),
    [
        ({"channel": "C1", "text": "x"}, "", "not_authed"),
        ({"channel": "C1", "text": "x"}, "Bearer ", "not_authed"),
        ({"channel": "C1", "text": "x"}, "Basic abc", "not_authed"),
        ({"text": "x"}, "Bearer t", "channel_not_found"),
        ({"channel": 5, "text": "x"}, "Bearer t", "channel_not_found"),
        ({"channel": "C1", **alert("")}, "Bearer t", "invalid_blocks"),
        (b"{", "Bearer t", "invalid_json"),
    ],
)
def test_the_web_api_answers_errors_with_status_200(inbox, message, authorization, error):
    url = inbox.url + "api/chat.postMessage"
    status, body = post(inbox, url, message, Authorization=authorization)
    assert (status, json.loads(body)) == (200, {"ok": False, "error": error})
    assert inbox.received == ()


def test_a_ts_is_unique_even_when_the_clock_does_not_advance():
    with Inbox(clock=lambda: NOON) as inbox:
        for _ in range(3):
            post(inbox, inbox.webhook_url("a"), {"text": "x"})
    assert len({one.ts for one in inbox.received}) == 3


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/messages"), ("GET", "/events"), ("POST", "/")])
def test_a_request_for_another_host_name_is_forbidden(inbox, host, method, path):
    assert request(inbox, method, path, b"{}" if method == "POST" else None, Host=host)[0] == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
def test_a_request_from_another_origin_is_forbidden(inbox, origin):
    assert post(inbox, inbox.webhook_url("a"), {"text": "x"}, Origin=origin)[0] == 403
    assert inbox.received == ()


def test_localhost_is_an_allowed_host_name(inbox):
    assert request(inbox, "GET", "/", Host=f"localhost:{inbox.port}")[0] == 200


def test_it_listens_on_the_loopback_only(inbox):
    assert inbox.url == f"http://127.0.0.1:{inbox.port}/"
    assert inbox.port > 0


def test_a_body_may_have_one_mib_and_not_one_byte_more(inbox):
    at_limit = b'{"text": "x"}'.ljust(MIB)
    assert post(inbox, inbox.webhook_url("a"), at_limit) == (200, "ok")
    assert post(inbox, inbox.webhook_url("a"), at_limit + b" ")[0] == 413
    assert len(inbox.received) == 1


@pytest.mark.parametrize("length", ["", "-1", "many", "1e3", "²", "1" * 5000])
def test_a_body_without_a_valid_length_is_rejected(inbox, length):
    connection = http.client.HTTPConnection("127.0.0.1", inbox.port, timeout=GUARD_SECONDS)
    connection.putrequest("POST", "/services/T00000000/B00000000/a")
    connection.putheader("Content-Length", length.encode("utf-8"))
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


@pytest.mark.parametrize("path", ["/", "/messages", "/nothing"])
def test_every_response_has_the_security_headers(inbox, path):
    headers = request(inbox, "GET", path)[2]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'sha256-" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_unknown_page_is_not_found(inbox):
    assert request(inbox, "GET", "/etc/passwd")[0] == 404


def test_the_page_shows_received_messages(inbox):
    post(inbox, inbox.webhook_url("sec-prod"), alert())
    html = request(inbox, "GET", "/")[1]
    assert "Critical: SSH open to the internet" in html
    assert 'data-channel="sec-prod"' in html
    assert 'data-severity="critical"' in html
    assert 'data-live="yes"' in html


def test_the_elements_of_the_page_are_nested_validly(inbox):
    texts = "> quote\n```code\nblock```\nafter", {"type": "mrkdwn", "text": "```code```\n> quote"}
    blocks = [
        {"type": "section", "text": texts[1], "fields": [texts[1]]},
        {"type": "context", "elements": [texts[1]]},
        {"type": "divider"},
    ]
    for message in ({"text": texts[0]}, {"attachments": [{"text": texts[0]}, {"blocks": blocks}]}, alert()):
        post(inbox, inbox.webhook_url("a"), message)
    assert nesting_problems(request(inbox, "GET", "/")[1]) == []


def test_messages_lists_only_those_after_a_revision(inbox):
    for text in ("one", "two", "three"):
        post(inbox, inbox.webhook_url("a"), {"text": text})
    listed = json.loads(request(inbox, "GET", "/messages?after=1")[1])
    assert [one["message"]["text"] for one in listed] == ["two", "three"]
    assert [one["number"] for one in listed] == [2, 3]
    assert 'id="message-2"' in listed[0]["html"]


def edit(inbox, ts, message):
    body = json.dumps(message | {"channel": "a", "ts": ts})
    return request(inbox, "POST", "/api/chat.update", body=body, Authorization="Bearer xoxb-any")


def test_messages_also_lists_edited_messages_in_their_original_order(inbox):
    for text in ("one", "two", "three"):
        post(inbox, inbox.webhook_url("a"), {"text": text})
    edit(inbox, inbox.received[1].ts, {"text": "two, edited"})
    listed = json.loads(request(inbox, "GET", "/messages?after=2")[1])
    assert [(one["number"], one["revision"], one["message"]["text"]) for one in listed] == [
        (2, 4, "two, edited"),
        (3, 3, "three"),
    ]
    assert json.loads(request(inbox, "GET", "/messages?after=4")[1]) == []


@pytest.mark.parametrize(
    ("thread", "shown"),
    [("1712345678.000001", '<a href="#message-1">in a thread</a>'), ("an hour ago", "↳ in a thread")],
)
def test_a_reply_links_to_its_parent_message(thread, shown):
    assert shown in render_page([received({"text": "x", "thread_ts": thread})], live=False, title="demo")


@pytest.mark.parametrize("after", ["-1", "x", "²", "1" * 5000])
def test_messages_with_a_revision_that_is_no_number_is_a_bad_request(inbox, after):
    assert request(inbox, "GET", f"/messages?after={quote(after)}")[0] == 400


def test_the_event_stream_reports_each_message_and_edit_and_ends_with_the_inbox():
    with Inbox() as inbox:
        connection = http.client.HTTPConnection("127.0.0.1", inbox.port, timeout=GUARD_SECONDS)
        connection.request("GET", "/events")
        stream = connection.getresponse()
        assert stream.headers.get_content_type() == "text/event-stream"
        assert stream.readline() + stream.readline() == b"data: 0\n\n"
        post(inbox, inbox.webhook_url("a"), {"text": "x"})
        assert stream.readline() + stream.readline() == b"data: 1\n\n"
        edit(inbox, inbox.received[0].ts, {"text": "y"})
        assert stream.readline() + stream.readline() == b"data: 2\n\n"
    assert stream.read() in {b"", b"data: 2\n\n"}
    connection.close()


def received(message, channel="sec-prod", number=1):
    return ReceivedMessage(number, channel, message, NOON.astimezone(timezone(timedelta(hours=9))))


def test_a_saved_page_loads_nothing_from_elsewhere():
    html = render_page([received(alert())], live=False, title="demo")
    tags = Tags(html)
    assert [attributes.get("src") for attributes in tags.named("script", "img", "iframe")] == [None]
    assert [attributes["href"][:5] for attributes in tags.named("link")] == ["data:"]
    (policy,) = [found["content"] for found in tags.named("meta") if found.get("http-equiv")]
    assert "connect-src 'none'" in policy
    assert "url(" not in html
    assert "@import" not in html


def test_the_parts_of_a_message_are_shown_as_in_slack():
    html = render_page([received(alert())], live=False, title="demo")
    tags = Tags(html)
    assert {"width": "100%", "height": "100%", "rx": "2", "fill": "#c1121f"} in tags.named("rect")
    assert {
        "class": "button ",
        "href": "https://example.com/event?a=1&b=2",
        "target": "_blank",
        "rel": "noopener noreferrer",
    } in tags.named("a")
    assert '<strong>Region</strong><br><code class="word">eu-west-1</code>' in html
    assert ">21:00</time>" in html
    assert len(tags.named("hr")) == 1


@pytest.mark.parametrize(
    "message",
    [
        alert("⚪ " + HOSTILE),
        {"text": HOSTILE},
        {"text": "x", "thread_ts": HOSTILE, "username": HOSTILE},
        {"attachments": [{"fallback": HOSTILE}]},
        {"attachments": [{"text": HOSTILE, "color": HOSTILE}]},
        {"blocks": [{"type": HOSTILE}]},
        {"blocks": [{"type": "section", "text": {"type": HOSTILE, "text": HOSTILE}}]},
        {
            "blocks": [
                {
                    "type": "actions",
                    "elements": [
                        {
                            "type": "button",
                            "style": HOSTILE,
                            "text": {"type": "plain_text", "text": HOSTILE},
                            "url": "javascript:alert(1)",
                        },
                        {
                            "type": "button",
                            "text": {"type": "mrkdwn", "text": HOSTILE},
                            "url": "https://a.example/" + HOSTILE,
                        },
                    ],
                }
            ]
        },
    ],
)
def test_a_hostile_message_adds_no_script_handler_or_style(message):
    tags = Tags(render_page([received(message, channel=HOSTILE)], live=True, title=HOSTILE))
    assert len(tags.named("script")) == 1
    assert tags.named("img", "iframe", "object", "base", "embed") == []
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in tags.found if "style" in attributes]
    assert all(attributes["href"].startswith(("https://", "#feed")) for attributes in tags.named("a"))


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"blocks": None, "attachments": "x", "text": 5},
        {
            "blocks": [
                None,
                {"type": "header"},
                {"type": "section", "text": 5, "fields": "x"},
                {"type": "context"},
            ]
        },
        {"attachments": [{"blocks": [{"type": "header", "text": "bare"}], "color": ["x"]}]},
        {"text": "\ud800 half a pair"},
    ],
)
def test_a_malformed_message_is_still_shown(message):
    assert 'id="message-1"' in render_page([received(message)], live=False, title="demo").encode().decode()


def test_the_script_never_writes_html_into_the_page():
    script = Path(gatewatch.local.slack.__file__).with_name("page.js").read_text(encoding="utf-8")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert forbidden not in script


@pytest.mark.parametrize(
    ("title", "severity"),
    [
        ("🔴 Critical: x", "critical"),
        ("🔴 심각: x", "critical"),
        (":large_orange_circle: High: x", "high"),
        ("🟡 中: x", "medium"),
        ("🔵 Low: x", "low"),
        ("⚪ Informational: x", "informational"),
        ("Critical without a mark", "critical"),
        ("Something highly else", "other"),
    ],
)
def test_the_severity_is_read_from_the_first_header(title, severity):
    assert (
        f'data-severity="{severity}"'
        in render_page([received(alert(title))], live=False, title="demo").split("<main>")[1]
    )


def test_a_message_without_header_has_the_severity_other():
    assert 'data-severity="other" data-account="" data-day' in render_page(
        [received({"text": "x"})], live=False, title="demo"
    )


@pytest.mark.parametrize(
    ("text", "language"),
    [("보안 그룹", ' lang="ko"'), ("セキュリティ", ' lang="ja"'), ("security group", "")],
)
def test_a_message_has_the_lang_attribute_of_its_script(text, language):
    assert f'<div class="body"{language}>' in render_page([received({"text": text})], live=False, title="demo")


def test_an_empty_page_says_so():
    assert "No messages." in render_page([], live=False, title="demo")

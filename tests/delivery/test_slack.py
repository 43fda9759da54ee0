"""The real client against a local server that behaves like Slack, or like a broken network."""

import json
import socket
import traceback

import pytest

from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.local.slack.inbox import Inbox
from support.limits import GUARD_SECONDS
from support.slack_server import APP, PAYLOAD, SECRET, TOKEN, WEBHOOK, Secrets, Server, http, reset, silence, slack


def trickle(connection, stop):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not stop.wait(0.02):
        connection.sendall(b"o")


def flood(connection, stop):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not stop.is_set():
        connection.sendall(b"o" * 65536)


def refused(kind, secrets, destination=WEBHOOK, api="http://127.0.0.1:9/api/", read=GUARD_SECONDS):
    """The error, once it is sure that no secret is in it, nor in what stands behind it."""
    with pytest.raises(kind) as caught:
        slack(secrets, api, read).post("sec-all", PAYLOAD, destination)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    assert SECRET not in shown
    assert TOKEN not in shown
    return caught.value


def test_a_webhook_receives_the_payload_unchanged():
    with Server() as server:
        receipt = slack(Secrets(server.url())).post("sec-all", PAYLOAD, WEBHOOK)
    head, body = server.requests[0]
    assert receipt.response == "ok"
    assert head.startswith(f"POST /services/T0/B0/{SECRET} ")
    assert "Content-Type: application/json; charset=utf-8" in head
    assert json.loads(body) == PAYLOAD


def test_a_line_break_at_the_end_of_a_secret_is_ignored():
    with Server(http(200, "ok"), http(200, '{"ok":true}')) as server:
        slack(Secrets(f"{server.url()}\n")).post("sec-all", PAYLOAD, WEBHOOK)
        api = f"http://127.0.0.1:{server.port}/api/"
        slack(Secrets(f" {TOKEN}\n"), api).post("sec-all", PAYLOAD, APP)
    assert f"Authorization: Bearer {TOKEN}\r\n" in server.requests[1][0] + "\r\n"


def test_an_app_posts_to_its_channel_with_its_token():
    with Inbox() as inbox:
        slack(Secrets(TOKEN), f"{inbox.url}api/").post("sec-all", PAYLOAD, APP)
    assert inbox.received[0].channel == "C0123456789"


def test_an_answer_in_a_thread_names_its_parent():
    with Server(http(200, '{"ok":true}')) as server:
        slack(Secrets(TOKEN), f"http://127.0.0.1:{server.port}/api/").post("sec-all", PAYLOAD, APP, "171234.5")
    assert json.loads(server.requests[0][1])["thread_ts"] == "171234.5"


@pytest.mark.parametrize(
    ("answer", "reason", "wait"),
    [
        (http(429, "rate_limited", Retry_After="7"), "rate_limited", 7.0),
        (http(429, "rate_limited"), "rate_limited", None),
        (http(503, "<html>"), "HTTP 503", None),
        (http(200, "<html>"), "HTTP 200 without 'ok' from Slack", None),
        (reset(), "no answer: ProtocolError", None),
        (reset(b"HTTP/1.1 200 OK\r\nContent-Len"), "no answer: ProtocolError", None),
        (reset(http(200, "o", length=2)), "no answer: ProtocolError", None),
        (http(200, "o", length=2), None, None),
        (silence(), "no answer: ReadTimeoutError", None),
        (silence(http(200, "o", length=2)), "no answer: ReadTimeoutError", None),
        (trickle, "no answer: incomplete response", None),
        (flood, "no answer: incomplete response", None),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "no answer: ProtocolError", None),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_temporary_responses_are_transient_errors(answer, reason, wait):
    with Server(answer) as server:
        error = refused(TransientDeliveryError, Secrets(server.url()), read=read_seconds(reason))
    assert reason is None or str(error) == reason
    assert error.retry_after == wait
    assert isinstance(error, UncertainDeliveryError) is (reason not in {"rate_limited", "HTTP 503"})
    assert len(server.requests) == 1


def read_seconds(reason):
    """Only a test of silence waits in vain."""
    return 0.1 if reason == "no answer: ReadTimeoutError" else GUARD_SECONDS


def test_an_unreachable_host_is_a_transient_error():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = refused(TransientDeliveryError, Secrets(f"http://127.0.0.1:{port}/{SECRET}"))
    assert str(error) == "no connection: NewConnectionError"
    assert not isinstance(error, UncertainDeliveryError)


def test_a_redirect_is_not_followed():
    with Server() as elsewhere, Server(http(302, "", Location=elsewhere.url())) as server:
        error = refused(PermanentDeliveryError, Secrets(server.url()))
    assert str(error) == "HTTP 302"
    assert elsewhere.requests == []


@pytest.mark.parametrize("word", ["no_service", "no_active_hooks", "invalid_token"])
def test_a_rejected_webhook_url_is_read_again_once(word):
    with Server(http(404, word), http(200, "ok")) as server:
        secrets = Secrets(server.url("old"), server.url("new"))
        slack(secrets).post("sec-all", PAYLOAD, WEBHOOK)
    assert [head.split()[1].rpartition("/")[2] for head, _ in server.requests] == ["old", "new"]
    assert [fresh for _, fresh in secrets.asked] == [False, True]


def test_a_secret_that_is_rejected_twice_is_a_permanent_error():
    with Server(*[http(404, "no_service")] * 3) as server:
        error = refused(PermanentDeliveryError, Secrets(server.url()))
    assert str(error) == "no_service"
    assert len(server.requests) == 2


def test_a_revoked_token_is_read_again_once():
    answers = http(200, '{"ok":false,"error":"token_revoked"}'), http(200, '{"ok":true}')
    with Server(*answers) as server:
        slack(Secrets("xoxb-old", TOKEN), f"http://127.0.0.1:{server.port}/api/").post("sec-all", PAYLOAD, APP)
    assert [TOKEN in head for head, _ in server.requests] == [False, True]


def test_a_refused_message_does_not_refresh_the_secret():
    with Server(http(400, "invalid_blocks")) as server:
        secrets = Secrets(server.url())
        refused(PermanentDeliveryError, secrets)
    assert len(secrets.asked) == 1


@pytest.mark.parametrize(
    "address",
    [
        f"http://hooks.slack.example/services/{SECRET}",
        f"http://127.0.0.1.example/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"file:///{SECRET}",
        f"https:///{SECRET}",
        f"https://[{SECRET}/",
        f"https://[::{SECRET}]/",
        f"https://host:{SECRET}/",
        SECRET,
        "",
    ],
)
def test_an_invalid_url_is_a_permanent_error_after_one_refresh(address):
    secrets = Secrets(address)
    refused(PermanentDeliveryError, secrets)
    assert [fresh for _, fresh in secrets.asked] == [False, True]


@pytest.mark.parametrize("token", [f"{TOKEN}\r\nX-Evil: 1", f"{TOKEN}한"])
def test_a_token_that_is_no_valid_header_is_a_permanent_error_and_stays_secret(token):
    with Server() as server:
        api = f"http://127.0.0.1:{server.port}/api/"
        refused(PermanentDeliveryError, Secrets(token), APP, api)
    assert not any(b"Evil" in body for _, body in server.requests)


def test_a_corrected_url_is_used_without_a_restart():
    with Server() as server:
        slack(Secrets("not yet an address", server.url())).post("sec-all", PAYLOAD, WEBHOOK)
    assert len(server.requests) == 1


def test_a_payload_cannot_choose_the_channel_of_an_app():
    with Server(http(200, '{"ok":true}')) as server:
        slack(Secrets(TOKEN), f"http://127.0.0.1:{server.port}/api/").post("sec-all", PAYLOAD, APP)
    assert json.loads(server.requests[0][1])["channel"] == "C0123456789"

"""A Slack that misbehaves, where urllib3 would be: it answers, refuses, resets, hangs, and sometimes is not there."""

import io
import json

import urllib3
from botocore.exceptions import ReadTimeoutError as ReadTimeout
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError

WEBHOOK = "https://hooks.slack.example/services/"
# fault -> (status, body, headers): what Slack says when it does not take a message
REFUSALS = {
    "429 without Retry-After": (429, "rate_limited", {}),
    "500": (500, "rollup_error", {}),
    "503": (503, "<html>busy</html>", {}),
    "502 page of a proxy": (502, "<html>bad gateway</html>", {}),
    "200 page of a proxy": (200, "<html>welcome to the hotel</html>", {}),
    "invalid_blocks": (400, "invalid_blocks", {}),
    "channel_not_found": (404, "channel_not_found", {}),
    "no_service": (404, "no_service", {}),
    "redirect": (302, "<html>moved</html>", {"Location": "https://elsewhere.example/"}),
    "ok:false, for now": (200, '{"ok":false,"error":"internal_error"}', {}),
    "ok:false, for good": (200, '{"ok":false,"error":"invalid_blocks"}', {}),
    "ok:false, token revoked": (200, '{"ok":false,"error":"token_revoked"}', {}),
}
UNSEEN = {
    "connection refused": lambda pool: NewConnectionError(pool, "refused"),
    "reset before the body": lambda _pool: ProtocolError("reset", ConnectionResetError(104, "reset")),
    "slow beyond the timeout": lambda pool: ReadTimeoutError(pool, "/", "too slow"),
}
# The message is there, but who sent it never hears of it.
TAKEN_UNANSWERED = {
    "answer reset mid-body": lambda _pool: ProtocolError("reset", ConnectionResetError(104, "reset")),
    "answer too slow": lambda pool: ReadTimeoutError(pool, "/", "too slow"),
}


class MisbehavingSlack:
    """`channels`: names by webhook URL or authorization. `weather(channel, key)` names a fault, or None."""

    def __init__(self, fate, told, channels, weather):
        self.fate, self.told, self.channels, self.weather = fate, told, channels, weather
        self.requests = []

    def request(self, method, url, *, body, headers, redirect, preload_content):
        assert (method, redirect, preload_content) == ("POST", False, False)
        key, channel = self.told.focus, self._channel(url, body)
        self.fate.strike("slack.post", key)
        fault = self.weather(channel, key)
        if fault in UNSEEN:
            raise UNSEEN[fault](None)
        answer = self._answer(fault, url, headers)
        if answer is None and url.endswith("chat.update"):
            return _response(*_yes(url))
        if answer is None:
            self.told.took(key, channel, body.decode())
            if fault in TAKEN_UNANSWERED:
                self.told.unanswered(key)
                raise TAKEN_UNANSWERED[fault](None)
            answer = _yes(url)
            self._answered(key)
        return _response(*answer)

    def _answered(self, key):
        try:
            self.fate.strike("slack.post done", key)
        except ReadTimeout:
            self.told.unanswered(key)
            raise ReadTimeoutError(None, "/", "too slow") from None

    def _channel(self, url, body):
        if url.startswith(WEBHOOK):
            return self.channels.get(url, "an old address")
        return json.loads(body)["channel"]

    def _answer(self, fault, url, headers):
        if url.startswith(WEBHOOK) and url not in self.channels:
            return REFUSALS["no_service"]
        if not url.startswith(WEBHOOK) and headers["Authorization"] not in self.channels:
            return REFUSALS["ok:false, token revoked"]
        if fault is not None and fault.startswith("429 with Retry-After"):
            return 429, "rate_limited", {"Retry-After": fault.rpartition(" ")[2]}
        return REFUSALS.get(fault)


def _yes(url):
    if url.startswith(WEBHOOK):
        return 200, "ok", {}
    return 200, '{"ok":true,"channel":"C0123456789","ts":"1712345678.123456"}', {}


def _response(status, body, headers):
    stream = io.BytesIO(body.encode())
    return urllib3.HTTPResponse(stream, headers, status, preload_content=False)

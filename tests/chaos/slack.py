"""A Slack that misbehaves, where urllib3 would be: it answers, refuses, resets, hangs, and sometimes is not there."""

import io
import json
from copy import copy
from urllib.parse import parse_qsl

import urllib3
from botocore.exceptions import ReadTimeoutError as ReadTimeout
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError, SSLError

from gatewatch.delivery.http import WEBHOOK_SECONDS

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
UNSENT = {
    "connection refused": lambda pool: NewConnectionError(pool, "refused"),
    "reset before the body": lambda _pool: ProtocolError("reset", ConnectionResetError(104, "reset")),
    "wrong certificate": lambda _pool: SSLError("certificate verify failed"),
}
UNSEEN = UNSENT | {"slow beyond the timeout": lambda pool: ReadTimeoutError(pool, "/", "too slow")}
# The message is posted, but its sender gets no response.
TAKEN_UNANSWERED = {
    "answer reset mid-body": lambda _pool: ProtocolError("reset", ConnectionResetError(104, "reset")),
    "answer too slow": lambda pool: ReadTimeoutError(pool, "/", "too slow"),
    "never answers": lambda pool: ReadTimeoutError(pool, "/", "too slow"),
    "answers after the timeout": lambda pool: ReadTimeoutError(pool, "/", "too slow"),
}
WAITED_FOR = {"never answers", "answers after the timeout"}
READ_SECONDS = 5.0


class MisbehavingSlack:
    """`channels`: names by webhook URL or authorization. `weather(channel, key)` names a fault, or None.

    `shown` is what the app's messages say now, by `ts`; `unedited` are those of which an edit was refused for good.
    """

    def __init__(self, fate, deliveries, channels, weather, sleep):
        self.fate, self.deliveries, self.channels, self.weather = fate, deliveries, channels, weather
        self.sleep = sleep
        self.shown, self.posted_at, self.unedited, self.edits, self.searches = {}, {}, set(), 0, 0

    def request(self, method, url, *, body, headers, redirect, preload_content):
        assert (method, redirect, preload_content) == ("POST", False, False)
        key, channel = self.deliveries.focus, self._channel(url, b"".join(copy(body)))
        self.fate.strike("slack.post", key)
        fault = self.weather(channel, key)
        if fault in UNSENT:
            raise UNSENT[fault](None)
        body = b"".join(body)
        if fault in UNSEEN:
            raise UNSEEN[fault](None)
        answer = self._answer(fault, url, headers)
        if "/conversations." in url:
            return self._searched(url, dict(parse_qsl(body.decode())), answer, fault)
        if url.endswith("chat.update"):
            return self._edited(json.loads(body), answer, fault, key)
        if answer is None:
            self.deliveries.took(key, channel, body.decode())
            ts = self._show(url, json.loads(body))
            self._wait_for_answer(url, fault, key)
            answer = _yes(url, ts)
            self._answered(key)
        return _response(*answer)

    def _wait_for_answer(self, url, fault, key):
        longest, seconds = (WEBHOOK_SECONDS if url.startswith(WEBHOOK) else READ_SECONDS), _seconds(fault)
        if fault in TAKEN_UNANSWERED or seconds > longest:
            self.deliveries.unanswered(key)
            self.sleep(longest if fault in WAITED_FOR or seconds else 0)
            raise TAKEN_UNANSWERED.get(fault, TAKEN_UNANSWERED["answer too slow"])(None)
        self.sleep(seconds)

    def _show(self, url, message):
        ts = f"1712345678.{len(self.shown) + 1:06d}"
        if not url.startswith(WEBHOOK):
            assert message.get("thread_ts", ts) in {ts, *self.shown}
            assert "thread_ts" not in self.shown.get(message.get("thread_ts"), {}), "an answer to an answer"
            self.shown[ts] = message
            self.posted_at[ts] = self.deliveries.now()
        return ts

    def _edited(self, message, answer, fault, key):
        """To do it twice is harmless, so nobody counts."""
        ts, thread = message["ts"], {"thread_ts": self.shown[message["ts"]].get("thread_ts")}
        if answer is not None:
            if fault in {"invalid_blocks", "ok:false, for good", "redirect", "channel_not_found"}:
                self.unedited.add(ts)
            return _response(*answer)
        self.edits += 1
        kept = {"metadata": self.shown[ts]["metadata"]} if "metadata" in self.shown[ts] else {}
        self.shown[ts] = kept | message | {name: value for name, value in thread.items() if value}
        if fault in TAKEN_UNANSWERED:
            raise TAKEN_UNANSWERED[fault](None)
        self.fate.strike("slack.update done", key)
        return _response(*_yes("", ts))

    def _answered(self, key):
        try:
            self.fate.strike("slack.post done", key)
        except ReadTimeout:
            self.deliveries.unanswered(key)
            raise ReadTimeoutError(None, "/", "too slow") from None

    def _searched(self, url, fields, answer, fault):
        """A channel without the answers in its threads, or one thread; the latest message first."""
        if fault in TAKEN_UNANSWERED:
            raise TAKEN_UNANSWERED[fault](None)
        if answer is not None:
            return _response(*answer)
        self.searches += 1
        thread = fields["ts"] if url.endswith("conversations.replies") else None
        found = [
            {"ts": ts, "bot_id": "B0GATEWATCH", **({"metadata": each["metadata"]} if "metadata" in each else {})}
            for ts, each in self.shown.items()
            if each.get("thread_ts") == thread and self.posted_at[ts] > float(fields["oldest"])
        ]
        return _response(200, json.dumps({"ok": True, "messages": found[::-1][: int(fields["limit"])]}), {})

    def _channel(self, url, body):
        if url.startswith(WEBHOOK):
            return self.channels.get(url, "an old address")
        if "/conversations." in url:
            return dict(parse_qsl(body.decode()))["channel"]
        return json.loads(body)["channel"]

    def _answer(self, fault, url, headers):
        if url.startswith(WEBHOOK) and url not in self.channels:
            return REFUSALS["no_service"]
        if not url.startswith(WEBHOOK) and headers["Authorization"] not in self.channels:
            return REFUSALS["ok:false, token revoked"]
        if fault is not None and fault.startswith("429 with Retry-After"):
            return 429, "rate_limited", {"Retry-After": fault.rpartition(" ")[2]}
        return REFUSALS.get(fault)


def _seconds(fault):
    """Of a fault like `answers after 7.5 s`."""
    words = (fault or "").split()
    return float(words[2]) if words[:2] == ["answers", "after"] and words[-1] == "s" else 0.0


def _yes(url, ts):
    if url.startswith(WEBHOOK):
        return 200, "ok", {}
    return 200, f'{{"ok":true,"channel":"C0123456789","ts":"{ts}"}}', {}


def _response(status, body, headers):
    stream = io.BytesIO(body.encode())
    return urllib3.HTTPResponse(stream, headers, status, preload_content=False)

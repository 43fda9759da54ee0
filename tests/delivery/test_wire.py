"""The wire form of the outbox: every notification survives it, other versions and other texts are refused."""

import subprocess
import sys
import zlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gatewatch.delivery.notices import unreadable_notice
from gatewatch.delivery.wire import VERSION, decode_message, encode_message
from gatewatch.errors import UndecodableError
from gatewatch.model.digest import Digest, Period
from gatewatch.model.message import OutboxMessage
from gatewatch.model.notification import DigestNotification
from gatewatch.model.severity import Severity
from support.hostile import EVENTS, alert_of_record
from support.paths import TESTS
from support.rendering import message_for
from support.threads import SSH, alert

SAMPLE = TESTS / "delivery" / "outbox_v1.txt"
DAY = datetime(2026, 1, 24, tzinfo=UTC)
DIGEST = Digest(
    period=Period(DAY, DAY, DAY),
    events=1,
    severities={Severity.HIGH: 1},
    accounts=(),
    actors={"alice": 1},
    suppressed={},
    open=(),
    closed=(timedelta(minutes=14),),
)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_the_notification_of_every_kind_of_event_survives_encoding(name):
    event = EVENTS[name]
    for each in event if isinstance(event, list) else [event]:
        message = message_for(alert_of_record(each))
        assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize(
    "notification",
    [
        unreadable_notice("id-1", "reason", "{}", "queue", "ko"),
        DigestNotification(
            key="digest-1", digest=DIGEST, first_day="2026-01-24", days=1, language="ja", timezone="Asia/Seoul"
        ),
    ],
    ids=["notice", "digest"],
)
def test_other_notifications_survive_encoding(notification):
    message = OutboxMessage(destination="sec-all", notification=notification, fallback_for="oncall")
    assert decode_message(encode_message(message)) == message


def test_a_body_is_ascii_that_sqs_accepts():
    assert encode_message(alert("\uffff\ufffe\x01")).isascii()


@pytest.mark.parametrize(
    "body", ["", "{}", "null", "1:", "1:x", '{"key":1}', "no message", "1:AAAA", "x:1", ":", "1:한"]
)
def test_a_body_that_is_no_message_is_refused(body):
    with pytest.raises(UndecodableError, match="outbox: holds no message"):
        decode_message(body)


def test_another_version_is_refused_by_its_number():
    body = encode_message(alert("a")).partition(":")[2]
    with pytest.raises(UndecodableError, match="outbox: has version 2, this release reads version 1"):
        decode_message(f"2:{body}")


def test_a_message_that_decompresses_without_end_is_refused():
    bomb = b64encode(zlib.compress(msgspec.msgpack.encode("x" * 64_000_000), 9)).decode()
    with pytest.raises(UndecodableError, match="holds no message"):
        decode_message(f"{VERSION}:{bomb}")


def test_a_message_of_an_earlier_release_of_this_version_is_read():
    """When this fails, messages in the outbox of a running hub are lost at an upgrade: raise `VERSION` instead."""
    assert decode_message(SAMPLE.read_text("ascii")) == alert("sample", Severity.HIGH, opened=(SSH,))


def test_threads_that_decode_first_at_the_same_time_do_not_end_the_process():
    """msgspec inspects a type at its first use; two threads in it at once ended the process of functions/deliver."""
    script = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; from threading import Barrier\n"
        "from gatewatch.delivery.wire import decode_message\n"
        "sys.setswitchinterval(1e-6); barrier = Barrier(8)\n"
        "def decode(body): barrier.wait(); return decode_message(body)\n"
        "with ThreadPoolExecutor(8) as pool: print(len({repr(each) for each in pool.map(decode, sys.argv[1:] * 8)}))\n"
    )
    body = encode_message(message_for(alert_of_record(next(iter(EVENTS.values())))))
    results = [subprocess.run([sys.executable, "-c", script, body], capture_output=True, check=False) for _ in range(3)]
    assert [(each.returncode, each.stdout) for each in results] == [(0, b"1\n")] * 3

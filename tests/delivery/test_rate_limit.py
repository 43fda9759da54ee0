import pytest

from chaos.clock import VirtualClock
from chaos.deliveries import Deliveries
from chaos.faults import Peace
from chaos.services import DynamoDb
from gatewatch.aws.hub_table import HubTable
from gatewatch.delivery.rate_limit import (
    GIVE_UP_RECEIVES,
    GIVE_UP_SECONDS,
    LONGEST_WAIT,
    RATES,
    TIME_FOR_ONE_POST,
    Clock,
    NextPost,
    RateLimitedError,
    RateLimiter,
    backoff,
    is_exhausted,
    retry_delay,
)
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.message import Receipt


class Post:
    """Records when it was called; raises its errors one by one, then accepts every message."""

    def __init__(self, clock, *errors):
        self.clock, self.errors, self.times = clock, list(errors), []

    def __call__(self):
        self.times.append(self.clock.now)
        if self.errors:
            raise self.errors.pop(0)
        return Receipt("sec-all", "ok")


@pytest.fixture
def clock():
    return VirtualClock(0.0)


@pytest.fixture
def dynamodb():
    return DynamoDb(Peace(), Deliveries())


@pytest.fixture
def table(clock, dynamodb):
    return HubTable(dynamodb, "t", clock.time)


@pytest.fixture
def limiter(clock, table):
    return RateLimiter(Clock(clock.time, clock.monotonic, clock.sleep), table)


def plenty():
    return 1000.0


def wait(seconds=None):
    return TransientDeliveryError("rate_limited", seconds)


def test_a_channel_gets_the_first_message_at_once_and_then_one_a_second(clock, limiter):
    post = Post(clock)
    for _ in range(3):
        limiter.send("sec-all", 1.0, post, plenty)
    assert post.times == [0.0, 1.0, 2.0]


def test_a_later_message_does_not_wait(clock, limiter):
    post = Post(clock)
    limiter.send("sec-all", 1.0, post, plenty)
    clock.sleep(7)
    limiter.send("sec-all", 1.0, post, plenty)
    assert post.times == [0.0, 7.0]


def test_each_destination_has_its_own_rate_limit_and_a_topic_none(clock, limiter):
    post = Post(clock)
    for name, pace in (("a", 1.0), ("b", 1.0), ("t", 0.0), ("t", 0.0)):
        limiter.send(name, pace, post, plenty)
    assert post.times == [0.0] * 4


def test_two_processes_share_the_rate_of_a_destination(clock, limiter, table):
    other, post = RateLimiter(Clock(clock.time, clock.monotonic, clock.sleep), table), Post(clock)
    for each in (limiter, other, limiter, other):
        each.send("sec-all", 1.0, post, plenty)
    assert post.times == [0.0, 1.0, 2.0, 3.0]


def test_a_turn_that_another_process_took_meanwhile_is_not_taken_twice(clock, table, dynamodb):
    class Overtaken(HubTable):
        def attributes(self, kind, key):
            row = super().attributes(kind, key)
            if not table.attributes(kind, key):
                RateLimiter(Clock(clock.time, clock.monotonic, clock.sleep), table).send("sec-all", 1.0, post, plenty)
            return row

    post = Post(clock)
    slower = RateLimiter(Clock(clock.time, clock.monotonic, clock.sleep), Overtaken(dynamodb, "t", clock.time))
    slower.send("sec-all", 1.0, post, plenty)
    assert post.times == [0.0, 1.0]


def test_a_time_from_a_wrong_clock_delays_no_post(clock, limiter, table):
    table.put(RATES, "sec-all", NextPost(clock.now + 3600))
    post = Post(clock)
    limiter.send("sec-all", 1.0, post, plenty)
    assert post.times == [0.0]


def test_a_short_retry_after_is_waited_for_in_the_invocation(clock, limiter):
    post = Post(clock, wait(3.0))
    assert limiter.send("sec-all", 1.0, post, plenty).response == "ok"
    assert post.times == [0.0, 3.0]


def test_without_retry_after_the_waits_are_one_and_two_seconds(clock, limiter):
    post = Post(clock, wait(), wait())
    limiter.send("sec-all", 1.0, post, plenty)
    assert post.times == [0.0, 1.0, 3.0]


def test_a_retry_after_of_zero_still_honours_the_rate_limit(clock, limiter):
    post = Post(clock, wait(0.0), wait(0.0))
    limiter.send("sec-all", 1.0, post, plenty)
    assert post.times == [0.0, 1.0, 2.0]


def test_at_most_three_attempts_are_made_in_an_invocation(clock, limiter):
    post = Post(clock, *[wait(1.0)] * 9)
    with pytest.raises(TransientDeliveryError) as caught:
        limiter.send("sec-all", 1.0, post, plenty)
    assert caught.value.retry_after == 1.0
    assert len(post.times) == 3


def test_a_long_retry_after_is_left_to_the_queue(clock, limiter):
    post = Post(clock, wait(30.0))
    with pytest.raises(TransientDeliveryError):
        limiter.send("sec-all", 1.0, post, plenty)
    assert clock.now == 0.0


@pytest.mark.parametrize(("left", "attempts"), [(TIME_FOR_ONE_POST + 3.0, 2), (TIME_FOR_ONE_POST + 2.9, 1)])
def test_no_wait_starts_that_leaves_no_time_for_a_post(clock, limiter, left, attempts):
    post = Post(clock, wait(3.0))
    if attempts == 1:
        with pytest.raises(TransientDeliveryError):
            limiter.send("sec-all", 1.0, post, lambda: left)
    else:
        limiter.send("sec-all", 1.0, post, lambda: left)
    assert len(post.times) == attempts


def test_a_slow_rate_limit_does_not_use_up_the_time_of_the_function(clock, limiter):
    post = Post(clock)
    limiter.send("slow", 60.0, post, plenty)
    with pytest.raises(RateLimitedError) as caught:
        limiter.send("slow", 60.0, post, plenty)
    assert caught.value.retry_after == 60.0
    assert post.times == [0.0]


def test_a_permanent_refusal_is_not_retried(clock, limiter):
    post = Post(clock, PermanentDeliveryError("no_service"))
    with pytest.raises(PermanentDeliveryError):
        limiter.send("sec-all", 1.0, post, plenty)
    assert len(post.times) == 1


def test_backoff_doubles_up_to_five_minutes():
    assert [backoff(received) for received in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10_000)] == [
        *(5, 5, 10, 20, 40, 80, 160),
        *(300, 300, 300, 300),
    ]


@pytest.mark.parametrize(
    ("retry_after", "received", "seconds"),
    [
        (None, 1, 5),
        (None, 50, 300),
        (7.0, 1, 7),
        (120.0, 1, 120),
        (900.0, 50, 900),
        (86_400.0, 1, LONGEST_WAIT),
        (0.0, 1, 5),
        (1.0, 100, 30),
        (float("inf"), 1, LONGEST_WAIT),
    ],
)
def test_the_next_attempt_honours_retry_after_and_a_minimum_backoff(retry_after, received, seconds):
    assert retry_delay(wait(retry_after), received) == seconds


def test_the_receive_limit_is_reached_before_that_of_the_queue():
    """200 receives are what hub.yaml allows; by then a message without an answer was given up long ago."""
    waited = sum(backoff(received) for received in range(1, GIVE_UP_RECEIVES))
    assert waited > GIVE_UP_SECONDS
    assert GIVE_UP_RECEIVES < 200


@pytest.mark.parametrize(
    ("age", "received", "over"),
    [(0, 1, False), (GIVE_UP_SECONDS, 149, False), (GIVE_UP_SECONDS + 1, 2, True), (0, GIVE_UP_RECEIVES, True)],
)
def test_attempts_are_limited_by_time_and_by_number(age, received, over):
    assert is_exhausted(first_received=100.0, received=received, now=100.0 + age) is over

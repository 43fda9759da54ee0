import pytest

from chaos.clock import VirtualClock
from gatewatch.config.destinations import SecretRef, SlackWebhook, SnsTopic
from gatewatch.delivery.rate_limit import (
    GIVE_UP_RECEIVES,
    GIVE_UP_SECONDS,
    TIME_FOR_ONE_POST,
    Clock,
    Pace,
    TooEarlyError,
    backoff,
    is_exhausted,
    next_try,
)
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.model.message import Message, Receipt

SLACK = SlackWebhook(url=SecretRef(ssm="/hook"))


def message(destination="sec-all"):
    return Message(key="k", destination=destination, body="{}")


class Post:
    """Notes when it was called; raises its errors one by one, then takes everything."""

    def __init__(self, clock, *errors):
        self.clock, self.errors, self.times = clock, list(errors), []

    def __call__(self, message, _destination):
        self.times.append(self.clock.now)
        if self.errors:
            raise self.errors.pop(0)
        return Receipt(message.destination, "ok")


@pytest.fixture
def clock():
    return VirtualClock(0.0)


@pytest.fixture
def pace(clock):
    return Pace(Clock(clock.since_1970, clock.monotonic, clock.sleep))


def plenty():
    return 1000.0


def wait(seconds=None):
    return TransientDeliveryError("rate_limited", seconds)


def test_a_channel_gets_one_message_a_second_and_the_first_at_once(clock, pace):
    post = Post(clock)
    for _ in range(3):
        pace.persist(message(), SLACK, post, plenty)
    assert post.times == [0.0, 1.0, 2.0]


def test_who_comes_later_does_not_wait(clock, pace):
    post = Post(clock)
    pace.persist(message(), SLACK, post, plenty)
    clock.sleep(7)
    pace.persist(message(), SLACK, post, plenty)
    assert post.times == [0.0, 7.0]


def test_each_destination_has_a_pace_of_its_own_and_a_topic_none(clock, pace):
    post = Post(clock)
    for name, destination in (("a", SLACK), ("b", SLACK), ("t", SnsTopic()), ("t", SnsTopic())):
        pace.persist(message(name), destination, post, plenty)
    assert post.times == [0.0] * 4


def test_a_short_wait_is_waited_in_place(clock, pace):
    post = Post(clock, wait(3.0))
    assert pace.persist(message(), SLACK, post, plenty).answer == "ok"
    assert post.times == [0.0, 3.0]


def test_no_named_time_is_a_second_and_then_two(clock, pace):
    post = Post(clock, wait(), wait())
    pace.persist(message(), SLACK, post, plenty)
    assert post.times == [0.0, 1.0, 3.0]


def test_zero_is_no_wait_but_the_pace_is_kept(clock, pace):
    post = Post(clock, wait(0.0), wait(0.0))
    pace.persist(message(), SLACK, post, plenty)
    assert post.times == [0.0, 1.0, 2.0]


def test_three_times_in_place_are_enough(clock, pace):
    post = Post(clock, *[wait(1.0)] * 9)
    with pytest.raises(TransientDeliveryError) as caught:
        pace.persist(message(), SLACK, post, plenty)
    assert caught.value.retry_after == 1.0
    assert len(post.times) == 3


def test_a_long_wait_is_left_to_the_queue(clock, pace):
    post = Post(clock, wait(30.0))
    with pytest.raises(TransientDeliveryError):
        pace.persist(message(), SLACK, post, plenty)
    assert clock.now == 0.0


@pytest.mark.parametrize(("left", "attempts"), [(TIME_FOR_ONE_POST + 3.0, 2), (TIME_FOR_ONE_POST + 2.9, 1)])
def test_nobody_waits_who_could_not_post_afterwards(clock, pace, left, attempts):
    post = Post(clock, wait(3.0))
    if attempts == 1:
        with pytest.raises(TransientDeliveryError):
            pace.persist(message(), SLACK, post, lambda: left)
    else:
        pace.persist(message(), SLACK, post, lambda: left)
    assert len(post.times) == attempts


def test_a_slow_pace_does_not_eat_the_functions_time(clock, pace):
    slow = SlackWebhook(url=SecretRef(ssm="/hook"), pace=60.0)
    post = Post(clock)
    pace.persist(message(), slow, post, plenty)
    with pytest.raises(TooEarlyError) as caught:
        pace.persist(message(), slow, post, plenty)
    assert caught.value.retry_after == 60.0
    assert post.times == [0.0]


def test_a_refusal_for_good_is_not_tried_again(clock, pace):
    post = Post(clock, PermanentDeliveryError("no_service"))
    with pytest.raises(PermanentDeliveryError):
        pace.persist(message(), SLACK, post, plenty)
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
        (3600.0, 50, 3600),
        (0.0, 1, 5),
        (1.0, 100, 30),
        (float("inf"), 1, GIVE_UP_SECONDS),
    ],
)
def test_the_next_try_is_when_slack_said_but_never_in_a_hurry(retry_after, received, seconds):
    assert next_try(wait(retry_after), received) == seconds


def test_the_queue_never_gives_up_first():
    """200 receives are what hub.yaml allows; by then a message without an answer was given up long ago."""
    waited = sum(backoff(received) for received in range(1, GIVE_UP_RECEIVES))
    assert waited > GIVE_UP_SECONDS
    assert GIVE_UP_RECEIVES < 200


@pytest.mark.parametrize(
    ("age", "received", "over"),
    [(0, 1, False), (GIVE_UP_SECONDS, 149, False), (GIVE_UP_SECONDS + 1, 2, True), (0, GIVE_UP_RECEIVES, True)],
)
def test_patience_has_an_end_by_time_and_by_number(age, received, over):
    assert is_exhausted(first_received=100.0, received=received, now=100.0 + age) is over

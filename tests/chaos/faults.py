"""What goes wrong, and when: by seed for the chaos runs, by a script for a test of one fault."""

import random
from collections import Counter, defaultdict

from botocore.exceptions import ClientError, ReadTimeoutError

THROTTLE_CODES = {
    "ledger": "ProvisionedThroughputExceededException",
    "rate": "ProvisionedThroughputExceededException",
    "due": "ProvisionedThroughputExceededException",
    "outbox": "ThrottlingException",
    "dlq": "ThrottlingException",
    "visibility": "ThrottlingException",
    "sns": "ThrottledException",
    "ssm": "ThrottlingException",
}


# How many times likelier than the table and the outbox, which are asked a hundred times as often.
RARELY_ASKED = {"sns": 10, "dlq": 10, "ssm": 10}


class Killed(BaseException):
    """SIGKILL: nothing catches it, and nothing after it happens."""


def throttled(point):
    code = THROTTLE_CODES[point.partition(".")[0]]
    return ClientError({"Error": {"Code": code, "Message": "slow down"}}, point)


def lost(point):
    return ReadTimeoutError(endpoint_url=f"https://{point}.example")


class Peace:
    """Nothing goes wrong."""

    def strike(self, point, key):
        """Before each effect, and after it as `… done`."""

    def slack(self, _channel, _key):
        return None


class Script(Peace):
    """`Script({("ledger.write done", 1): Killed()})`: raises at the n-th time of a point."""

    def __init__(self, faults=None, answers=()):
        self.faults = dict(faults or {})
        self.answers = list(answers)
        self.seen = Counter()

    def strike(self, point, key):  # noqa: ARG002
        self.seen[point] += 1
        fault = self.faults.get((point, self.seen[point])) or self.faults.get((point, "always"))
        if fault is not None:
            raise fault

    def slack(self, _channel, _key):
        return self.answers.pop(0) if self.answers else None


class KillAt(Script):
    """Dies once, at the n-th step of all, counted from 0; `steps` tells afterwards which they were."""

    def __init__(self, number=None, answers=()):
        super().__init__(answers=answers)
        self.number = number
        self.steps = []

    def strike(self, point, key):
        self.steps.append((point, key))
        if len(self.steps) - 1 == self.number:
            raise Killed


class Dice(Peace):
    """Everything goes wrong sometimes. Remembers what it did to which message."""

    def __init__(self, seed, *, kill=0.0, throttle=0.0, lose=0.0, slack=()):
        self._random = random.Random(seed)  # noqa: S311  a seed is the point
        self.kill, self.throttle, self.lose = kill, throttle, lose
        self._answers, self._weights = zip(*slack, strict=True) if slack else ((), ())
        self.injected = Counter()
        self.touched = defaultdict(Counter)

    def happens(self, probability):
        return self._random.random() < probability

    def note(self, fault, key):
        self.injected[fault] += 1
        self.touched[key][fault] += 1

    def strike(self, point, key):
        place = point.removesuffix(" done")
        service = place.partition(".")[0]
        weight = RARELY_ASKED.get(service, 1)
        if self.happens(self.kill):
            self.note(f"killed at {place}", key)
            raise Killed
        if point.endswith(" done"):
            if self.happens(self.lose * weight):
                self.note(f"answer of {place} lost", key)
                raise lost(place)
        elif service in THROTTLE_CODES and self.happens(min(self.throttle * weight, 0.5)):
            self.note(f"{service} throttled", key)
            raise throttled(place)

    def slack(self, _channel, key):
        total = sum(self._weights)
        if not self.happens(total):
            return None
        (fault,) = self._random.choices(self._answers, self._weights)
        self.note(f"slack: {fault}", key)
        return fault

    def choice(self, values):
        return self._random.choice(values)

    def number(self, first, last):
        return self._random.randint(first, last)

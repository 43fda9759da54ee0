"""The table of the activity log, a clock and a counter for its tests."""

from datetime import UTC, datetime

from support.tables import create_table

START = datetime(2026, 1, 24, 22, 0, tzinfo=UTC)


TABLE = "gatewatch-prod-activity"


def make_table(dynamodb):
    create_table(dynamodb, TABLE, sort_key=True)


class Counts:
    def __init__(self):
        self.counted = {}

    def count(self, name, value=1):
        self.counted[name] = self.counted.get(name, 0) + value


class Clock:
    def __init__(self, at=START):
        self.at = at.timestamp()

    def now(self):
        return self.at

"""Time that passes only when somebody waits."""

import time

# SQS stamps and Lambda's clock agree here; the date is of no importance.
START = 1_769_212_800.0


class VirtualClock:
    def __init__(self, now=START):
        self.now = now

    def time(self):
        return self.now

    monotonic = time

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += seconds

    def run_concurrently(self, work, groups):
        """Each begins now; it is over when the longest is."""
        start, ends, results = self.now, [self.now], []
        for group in groups:
            self.now = start
            results.append(work(group))
            ends.append(self.now)
        self.now = max(ends)
        return results


class Stopwatch:
    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_error):
        self.seconds = time.monotonic() - self.start

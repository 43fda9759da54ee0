"""Limits that end a test which hangs. They decide nothing else: no test measures how long something takes."""

import signal
from contextlib import contextmanager

GUARD_SECONDS = 600.0


@contextmanager
def ends():
    """The block must end: what takes milliseconds fails after a minute of processor time of this process.

    For input that is so large that a cost that grows faster than linear takes hours.
    """

    def fail(_signal, _frame):
        raise AssertionError("the block does not end")

    before = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, 60.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

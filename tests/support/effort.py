"""How much work something does, in a unit that is the same on every machine and however busy it is."""

import sys


def python_calls(work):
    """The number of calls of Python functions that `work` makes, without those of its first run, which fills caches."""
    work()
    count = 0

    def on_event(_frame, event, _argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count

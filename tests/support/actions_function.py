"""functions/actions for a process of its own: it waits for the local AWS as long as it takes."""

import socket

from functions.actions import handler
from support.limits import GUARD_SECONDS

__all__ = ["handler"]

_set_timeout = socket.socket.settimeout
socket.socket.settimeout = lambda self, seconds: _set_timeout(self, seconds and max(seconds, GUARD_SECONDS))

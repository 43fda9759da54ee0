"""Functions beside a local AWS wait as long as it takes.

Their time limits of a few seconds and less are for AWS. On a busy machine they would decide what a message says.
"""

from __future__ import annotations

import inspect
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from gatewatch.alerts.lookup.client import GroupLookup
from gatewatch.aws.time_budget import TimeBudget
from gatewatch.delivery import message_updates
from gatewatch.delivery.http import HttpClient
from gatewatch.digest import activity_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS = 600.0
_PARAMETERS = (
    (TimeBudget.__init__, "seconds"),
    (GroupLookup.__init__, "seconds"),
    (HttpClient.__init__, "read_seconds"),
)
_CONSTANTS = ((activity_log, "_SECONDS"), (message_updates, "_SECONDS"))


@contextmanager
def without_time_limits() -> Iterator[None]:
    """Functions that are composed and invoked in the block wait ten minutes for each answer."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(socket.socket, "settimeout", _set_longer_timeout))
        for function, parameter in _PARAMETERS:
            stack.enter_context(patch.object(function, "__defaults__", _defaults_with(function, parameter)))
        for module, constant in _CONSTANTS:
            stack.enter_context(patch.object(module, constant, _SECONDS))
        yield


def _set_longer_timeout(self: socket.socket, seconds: float | None) -> None:
    """None and 0 are no time limits but modes."""
    super(socket.socket, self).settimeout(max(seconds, _SECONDS) if seconds else seconds)


def _defaults_with(function: Callable[..., Any], parameter: str) -> tuple[Any, ...]:
    found = inspect.signature(function).parameters.values()
    return tuple(
        _SECONDS if each.name == parameter else each.default for each in found if each.default is not each.empty
    )

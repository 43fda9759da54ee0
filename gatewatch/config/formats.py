"""Formats that several sections of accounts.yaml and policy.yaml share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytz

from gatewatch.model.network import MAX_PORT
from gatewatch.model.security_group import PortRange

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT_BUS = re.compile(r"^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[\w./-]+\Z", re.ASCII)
ACCOUNT_ID = re.compile(r"^[0-9]{12}\Z")
ACCOUNT_ID_PROBLEM = 'an account id has 12 digits; write it in quotes, "111122223333".'
TIME_OF_DAY = re.compile(r"^([01][0-9]|2[0-3]):([0-5][0-9])\Z")
_PORTS = re.compile(r"^([0-9]{1,5})(?:-([0-9]{1,5}))?\Z")


def parse_ports(text: object) -> PortRange | None:
    """Return the range of `22` or `27017-27019`; None for anything else."""
    match = _PORTS.match(str(text))
    ports = PortRange(int(match[1]), int(match[2] or match[1])) if match else None
    return ports if ports and ports.first <= ports.last <= MAX_PORT else None


def time_zone_problems(zone: str | None) -> Iterator[str]:
    """Yield a sentence for an unknown time zone; None is valid."""
    if zone is not None and zone not in pytz.all_timezones_set:
        yield f'"{zone}" is not a time zone; write a name such as Asia/Seoul or UTC.'

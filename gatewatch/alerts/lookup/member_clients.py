"""Into the members' EC2, by the role in each: credentials are kept for their life, and clients as long as those."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.clients import credentials_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ec2 import EC2Client

    from gatewatch.aws.clients import Aws, Credentials

    InTime = Callable[[Callable[[], Credentials]], Credentials]

_SESSION = "gatewatch-survey"
_BEFORE_THE_END = 120.0  # credentials so near to their end are not used
_CLIENTS = 64


class Door(Struct, frozen=True):
    account_id: str
    region: str
    role: str


class MemberDoors:
    def __init__(self, aws: Aws, now: Callable[[], float] = time.time) -> None:
        self._aws = aws
        self._now = now
        self._credentials: dict[str, Credentials] = {}
        self._clients: OrderedDict[Door, tuple[EC2Client, Credentials]] = OrderedDict()

    def credentials(self, door: Door, in_time: InTime) -> Credentials:
        """`in_time` performs the request for them, if there must be one, and waits for it no longer than it may.

        Raises what botocore raises, and what `in_time` does.
        """
        known = self._credentials.get(door.account_id)
        if known is None or known.until < self._now() + _BEFORE_THE_END:
            arn = f"arn:{self._aws.partition(door.region)}:iam::{door.account_id}:role/{door.role}"
            sts = self._aws.brief_sts
            known = in_time(lambda: credentials_of(sts, arn, _SESSION))
            self._credentials[door.account_id] = known
        return known

    def client(self, door: Door, credentials: Credentials) -> EC2Client:
        """It asks nobody anything, but the first of a process reads AWS's description of EC2."""
        client, made_with = self._clients.pop(door, (None, None))
        if client is None or made_with is not credentials:
            client = self._aws.ec2_of(credentials, door.region)
        self._clients[door] = client, credentials
        while len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        return client

    def forget(self, account_id: str) -> None:
        """What an account refuses may be the credentials."""
        self._credentials.pop(account_id, None)
        for door in [each for each in self._clients if each.account_id == account_id]:
            del self._clients[door]

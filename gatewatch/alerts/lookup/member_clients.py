"""EC2 clients of member accounts by their lookup role. Credentials and clients are cached until they expire."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.aws.roles import assume_role_credentials, role_arn

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ec2 import EC2Client

    from gatewatch.aws.clients import Aws
    from gatewatch.aws.roles import Credentials

    RunInTime = Callable[[Callable[[], Credentials]], Credentials]

_SESSION_NAME = "gatewatch-lookup"
_EXPIRY_MARGIN_SECONDS = 120.0  # credentials that expire sooner are renewed
_MAX_CLIENTS = 128  # two of a Region and account


class MemberRole(Struct, frozen=True):
    account_id: str
    region: str
    name: str


class MemberClients:
    def __init__(self, aws: Aws, now: Callable[[], float] = time.time) -> None:
        self._aws = aws
        self._now = now
        self._credentials: dict[str, Credentials] = {}
        self._clients: OrderedDict[tuple[MemberRole, str], tuple[Any, Credentials]] = OrderedDict()

    def credentials(self, role: MemberRole, run_in_time: RunInTime) -> Credentials:
        """Return cached or new credentials. `run_in_time` runs the AssumeRole request within its time limit.

        Raises botocore's errors and those of `run_in_time`.
        """
        known = self._credentials.get(role.account_id)
        if known is None or known.expires_at < self._now() + _EXPIRY_MARGIN_SECONDS:
            arn = role_arn(self.partition(role), role.account_id, role.name)
            sts = self._aws.sts_short_timeout
            known = run_in_time(lambda: assume_role_credentials(sts, arn, _SESSION_NAME))
            self._credentials[role.account_id] = known
        return known

    def client(self, role: MemberRole, credentials: Credentials) -> EC2Client:
        """Return a cached or new client. No request is made; the first client loads the EC2 service model."""
        client: EC2Client = self._client(role, "ec2", credentials, self._aws.member_ec2_client)
        return client

    def ram_client(self, role: MemberRole) -> Any:
        """Return a cached or new client of Resource Access Manager, with the credentials of the account's clients."""
        return self._client(role, "ram", self._credentials[role.account_id], self._aws.member_ram_client)

    def partition(self, role: MemberRole) -> str:
        """Return the partition of a role's Region."""
        return self._aws.partition(role.region)

    def _client(
        self, role: MemberRole, service: str, credentials: Credentials, make: Callable[[Credentials, str], Any]
    ) -> Any:
        client, made_with = self._clients.pop((role, service), (None, None))
        if client is None or made_with is not credentials:
            client = make(credentials, role.region)
        self._clients[role, service] = client, credentials
        while len(self._clients) > _MAX_CLIENTS:
            self._clients.popitem(last=False)
        return client

    def forget(self, account_id: str) -> None:
        """Drop the credentials and clients of an account: they may be the reason of a refusal."""
        self._credentials.pop(account_id, None)
        for each in [each for each in self._clients if each[0].account_id == account_id]:
            del self._clients[each]

"""Query a member account for what a call does not contain: the name of the group, its rules, its network interfaces.

A lookup never fails a message. All requests of one event run concurrently within one time limit; what is not answered
by then is unknown. After a failure no request is made to that account or Region for a while.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.alerts.lookup import ec2_queries
from gatewatch.alerts.lookup.cache import LookupCache
from gatewatch.alerts.lookup.context import (
    NO_CONTEXT,
    CurrentRules,
    GroupContext,
    LookupPart,
    LookupRequest,
    lookup_request_for,
)
from gatewatch.alerts.lookup.cooldown import Cooldown, is_access_denied
from gatewatch.alerts.lookup.member_clients import MemberClients, MemberRole
from gatewatch.alerts.lookup.network_interfaces import summarize_interfaces
from gatewatch.alerts.reachability.queries import read_network
from gatewatch.alerts.reachability.shared_groups import is_shared
from gatewatch.aws import metrics
from gatewatch.aws.error_codes import error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from logging import Logger

    from types_boto3_ec2 import EC2Client

    from gatewatch.alerts.lookup.ec2_queries import InterfacePage
    from gatewatch.alerts.reachability.network import Network
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.metrics import Meter
    from gatewatch.model.alert import Alert
    from gatewatch.model.network_interfaces import NetworkInterfaceSummary
    from gatewatch.model.security_group import Group, SecurityGroupRule

    SaveRules = Callable[[str, Mapping[str, SecurityGroupRule], float], None]

_TIMEOUT_SECONDS = 1.5  # for all requests of one event
_MAX_THREADS = 7  # four requests, and those to a slow Region that have not yet timed out


class GroupLookup:
    """`save_rules` receives the account id, the rules by id and the time of a lookup. `seconds`: the time limit."""

    def __init__(
        self,
        aws: Aws,
        save_rules: SaveRules,
        log: Logger,
        meter: Meter,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._members = MemberClients(aws, now)
        self._save_rules = save_rules
        self._log = log
        self._meter = meter
        self._now = now
        self._monotonic = monotonic
        self._seconds = seconds
        self._cooldown = Cooldown(monotonic)
        self._cache = LookupCache()

    def fetch(self, alert: Alert) -> GroupContext:
        """Look up the group of an alert; `NO_CONTEXT` when its account has no lookup role or nothing is missing."""
        role, request = alert.account.read_role, lookup_request_for(alert)
        if role is None or request is None:
            return NO_CONTEXT
        called = alert.call.time.timestamp() if alert.call.time else 0.0
        known = self._cache.get(request, called, self._now())
        missing = request.parts - _known_parts(known)
        if not missing or self._cooldown.is_active(request.account_id, request.region):
            return known
        responses = self._query_all(msgspec.structs.replace(request, parts=missing), role)
        context = _merge(known, responses, datetime.fromtimestamp(max(self._now(), called), UTC))
        self._cache.put(request, context)
        if context.rules and LookupPart.RULES in responses:
            self._save_rules(request.account_id, context.rules.by_id, context.rules.at.timestamp())
        return context

    def _query_all(self, request: LookupRequest, role: str) -> dict[LookupPart, Any]:
        """Return the responses that arrived in time. Any failure is only logged: the message is sent without them."""
        member = MemberRole(request.account_id, request.region, role)
        try:
            ec2, until = self._member_ec2(member)
            sharing = self._start_sharing(request, member)
            jobs = {part: self._pool.submit(self._query, part, ec2, request, until) for part in sorted(request.parts)}
        except Exception as error:  # noqa: BLE001  see above
            self._cooldown.on_assume_role_failure(error, request.account_id, request.region)
            self._on_error(request, error)
            return {}
        wait(jobs.values(), max(0.0, until - self._monotonic()))
        responses = self._collect(request, jobs)
        if page := responses.get(LookupPart.NETWORK_INTERFACES):
            network = self._read_network(ec2, page, until)
            if network and sharing:
                network = msgspec.structs.replace(network, is_shared=self._is_shared(request, sharing, until))
            responses[LookupPart.NETWORK_INTERFACES] = msgspec.structs.replace(page, network=network)
        return responses

    def _read_network(self, ec2: EC2Client, page: InterfacePage, until: float) -> Network | None:
        """Return the network of the interfaces; None when it was not read in the time that is left."""
        job = self._pool.submit(read_network, ec2, page.addresses, is_partial=page.is_partial)
        wait([job], max(0.0, until - self._monotonic()))
        return job.result() if _error(job) is None else None

    def _start_sharing(self, request: LookupRequest, member: MemberRole) -> Future[bool] | None:
        """Ask whether other accounts may use the group; only with its interfaces."""
        if LookupPart.NETWORK_INTERFACES not in request.parts:
            return None
        arn = f"arn:{self._members.partition(member)}:ec2:{request.region}:{request.account_id}:security-group/"
        ram = self._members.ram_client(member)
        return self._pool.submit(is_shared, ram, f"{arn}{request.group_id}")

    def _is_shared(self, request: LookupRequest, job: Future[bool], until: float) -> bool | None:
        """Return None when it is not known. A refusal says nothing about the other requests, so they go on."""
        wait([job], max(0.0, until - self._monotonic()))
        if error := _error(job):
            self._report(request, error)
            return None
        return job.result()

    def _member_ec2(self, role: MemberRole) -> tuple[EC2Client, float]:
        """Return the client and the deadline of its requests. Creating a client does not count as waiting."""
        start = self._monotonic()
        credentials = self._members.credentials(role, lambda job: self._pool.submit(job).result(self._seconds))
        left = start + self._seconds - self._monotonic()
        ec2 = self._members.client(role, credentials)
        return ec2, self._monotonic() + left

    def _collect(self, request: LookupRequest, jobs: Mapping[LookupPart, Future[Any]]) -> dict[LookupPart, Any]:
        errors = {part: error for part, job in jobs.items() if (error := _error(job)) is not None}
        for error in errors.values():
            self._cooldown.on_failure(error, request.account_id, request.region)
        if errors:
            self._on_error(request, next(iter(errors.values())))
        else:
            self._cooldown.on_success(request.region)
        return {part: job.result() for part, job in jobs.items() if part not in errors}

    def _query(self, part: LookupPart, ec2: EC2Client, request: LookupRequest, until: float) -> Any:
        match part:
            case LookupPart.GROUP:
                return ec2_queries.find_group(ec2, request.group_id)
            case LookupPart.RULES:
                return ec2_queries.find_rules(ec2, request.group_id, request.account_id)
            case LookupPart.NETWORK_INTERFACES:
                page = ec2_queries.find_interfaces(ec2, request.group_id, lambda: self._monotonic() < until)
                if page.names_error:
                    self._report(request, page.names_error)
                return page

    def _on_error(self, request: LookupRequest, error: BaseException) -> None:
        if is_access_denied(error):
            self._members.forget(request.account_id)
        self._report(request, error)

    def _report(self, request: LookupRequest, error: BaseException) -> None:
        self._meter.count(metrics.LOOKUPS_FAILED)
        facts = {"account_id": request.account_id, "region": request.region, "group_id": request.group_id}
        self._log.warning("lookup failed", extra={**facts, "reason": error_code(error)})

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_MAX_THREADS, "lookup")


def _error(job: Future[Any]) -> BaseException | None:
    """Return None for a request that completed in time; a pending one is cancelled."""
    if job.done() and not job.cancelled():
        return job.exception()
    job.cancel()
    return TimeoutError()


def _merge(known: GroupContext, responses: Mapping[LookupPart, Any], at: datetime) -> GroupContext:
    group = responses.get(LookupPart.GROUP, known.group)
    interfaces, network, rules = known.network_interfaces, known.network, known.rules
    if page := responses.get(LookupPart.NETWORK_INTERFACES):
        interfaces = _interface_summary(page, group, at)
        network = page.network if interfaces else None
    if LookupPart.RULES in responses:
        rules = CurrentRules(at, responses[LookupPart.RULES])
    return GroupContext(group=group, network_interfaces=interfaces, network=network, rules=rules)


def _interface_summary(page: InterfacePage, group: Group, at: datetime) -> NetworkInterfaceSummary | None:
    """Return None for no interfaces unless the response is complete and the group is known to exist."""
    if not page.interfaces and (page.is_partial or group.id is None):
        return None
    return summarize_interfaces(page.interfaces, page.names, at, is_partial=page.is_partial)


def _known_parts(context: GroupContext) -> frozenset[LookupPart]:
    known = {
        LookupPart.GROUP: context.group.id,
        LookupPart.NETWORK_INTERFACES: context.network_interfaces,
        LookupPart.RULES: context.rules,
    }
    return frozenset(part for part, value in known.items() if value is not None)

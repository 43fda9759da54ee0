"""Asks an account what its calls leave out: a group's name, its rules, what it is attached to.

A message never waits long for it and never fails for it. All that one event asks is asked at once and has little time
together; what is not answered in it is unknown. After a failure the account, or the Region that did not answer, is
left alone for a while.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.alerts.lookup import ec2_queries as group_questions
from gatewatch.alerts.lookup.cache import SeenLately
from gatewatch.alerts.lookup.context import NOTHING_SEEN, Part, Question, StandingRules, Surroundings, question_of
from gatewatch.alerts.lookup.cooldown import Rest, is_refused, reason
from gatewatch.alerts.lookup.member_clients import Door, MemberDoors
from gatewatch.alerts.lookup.network_interfaces import attached
from gatewatch.aws import metrics as meter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from logging import Logger

    from types_boto3_ec2 import EC2Client

    from gatewatch.alerts.lookup.ec2_queries import Guarded
    from gatewatch.aws.clients import Aws
    from gatewatch.aws.metrics import Meter
    from gatewatch.model.alert import Alert
    from gatewatch.model.network_interfaces import Attached
    from gatewatch.model.security_group import Group, SecurityGroupRule

    Learn = Callable[[str, Mapping[str, SecurityGroupRule], float], None]

_SECONDS = 1.5  # for all that one event asks
_AT_ONCE = 6  # three questions, and what a slow Region has not yet given up


class Surveyor:
    """`learn` takes what the rules of a group were seen to be. `monotonic` measures the `seconds` that a look has."""

    def __init__(
        self,
        aws: Aws,
        learn: Learn,
        log: Logger,
        meter: Meter,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = _SECONDS,
    ) -> None:
        self._doors = MemberDoors(aws, now)
        self._learn = learn
        self._log = log
        self._meter = meter
        self._now = now
        self._monotonic = monotonic
        self._seconds = seconds
        self._rest = Rest(monotonic)
        self._lately = SeenLately()

    def look(self, alert: Alert) -> Surroundings:
        """What the account of an alert says of its group; nothing where it has no role, or need not be asked."""
        role, question = alert.account.read_role, question_of(alert)
        if role is None or question is None:
            return NOTHING_SEEN
        called = alert.call.time.timestamp() if alert.call.time else 0.0
        known = self._lately.of(question, called, self._now())
        missing = question.parts - _parts(known)
        if not missing or self._rest.has(question.account_id, question.region):
            return known
        answers = self._answers(msgspec.structs.replace(question, parts=missing), role)
        seen = _seen(known, answers, datetime.fromtimestamp(max(self._now(), called), UTC))
        self._lately.keep(question, seen)
        if seen.rules and Part.RULES in answers:
            self._learn(question.account_id, seen.rules.by_id, seen.rules.at.timestamp())
        return seen

    def _answers(self, question: Question, role: str) -> dict[Part, Any]:
        """Those that came in time. Whatever goes wrong, a message that lacks a line is better than none."""
        try:
            ec2, until = self._entered(Door(question.account_id, question.region, role))
            jobs = {part: self._pool.submit(self._ask, part, ec2, question, until) for part in sorted(question.parts)}
        except Exception as error:  # noqa: BLE001  see above
            self._rest.after_entering(error, question.account_id, question.region)
            self._failed(question, error)
            return {}
        wait(jobs.values(), max(0.0, until - self._monotonic()))
        return self._answered(question, jobs)

    def _entered(self, door: Door) -> tuple[EC2Client, float]:
        """With the time until which it may be asked. To make a client is not to wait, and does not count."""
        start = self._monotonic()
        credentials = self._doors.credentials(door, lambda request: self._pool.submit(request).result(self._seconds))
        left = start + self._seconds - self._monotonic()
        ec2 = self._doors.client(door, credentials)
        return ec2, self._monotonic() + left

    def _answered(self, question: Question, jobs: Mapping[Part, Future[Any]]) -> dict[Part, Any]:
        errors = {part: error for part, job in jobs.items() if (error := _error(job)) is not None}
        for error in errors.values():
            self._rest.after(error, question.account_id, question.region)
        if errors:
            self._failed(question, next(iter(errors.values())))
        else:
            self._rest.answered(question.region)
        return {part: job.result() for part, job in jobs.items() if part not in errors}

    def _ask(self, part: Part, ec2: EC2Client, question: Question, until: float) -> Any:
        match part:
            case Part.GROUP:
                return group_questions.group(ec2, question.group_id)
            case Part.RULES:
                return group_questions.rules(ec2, question.group_id, question.account_id)
            case Part.ATTACHED:
                guarded = group_questions.guarded(ec2, question.group_id, lambda: self._monotonic() < until)
                if guarded.fault:
                    self._report(question, guarded.fault)
                return guarded

    def _failed(self, question: Question, error: BaseException) -> None:
        if is_refused(error):
            self._doors.forget(question.account_id)
        self._report(question, error)

    def _report(self, question: Question, error: BaseException) -> None:
        self._meter.count(meter.LOOKS_FAILED)
        facts = {"account_id": question.account_id, "region": question.region, "group_id": question.group_id}
        self._log.warning("not looked", extra={**facts, "reason": reason(error)})

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_AT_ONCE, "surveyor")


def _error(job: Future[Any]) -> BaseException | None:
    """None for a question that was answered in time; what is too late is not begun, if it was not."""
    if job.done() and not job.cancelled():
        return job.exception()
    job.cancel()
    return TimeoutError()


def _seen(known: Surroundings, answers: Mapping[Part, Any], at: datetime) -> Surroundings:
    group = answers.get(Part.GROUP, known.group)
    return Surroundings(
        group=group,
        attached=_attached(answers[Part.ATTACHED], group, at) if Part.ATTACHED in answers else known.attached,
        rules=StandingRules(at, answers[Part.RULES]) if Part.RULES in answers else known.rules,
    )


def _attached(guarded: Guarded, group: Group, at: datetime) -> Attached | None:
    """That a group is attached to nothing is said only of one that is there, by an answer that was whole."""
    if not guarded.interfaces and (guarded.is_part or group.id is None):
        return None
    return attached(guarded.interfaces, guarded.names, at, is_part=guarded.is_part)


def _parts(known: Surroundings) -> frozenset[Part]:
    answers = {Part.GROUP: known.group.id, Part.ATTACHED: known.attached, Part.RULES: known.rules}
    return frozenset(part for part, answer in answers.items() if answer is not None)

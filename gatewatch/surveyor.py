"""Asks an account what its calls leave out: a group's name, its rules, what it is attached to.

A message never waits long for it and never fails for it. All that one event asks is asked at once and has little time
together; what is not answered in it is unknown. After a failure the account, or the Region that did not answer, is
left alone for a while.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch import group_questions, meter
from gatewatch.interfaces import Interface, attached, instances_to_name
from gatewatch.member_door import Door, MemberDoors
from gatewatch.rest import EVERYWHERE, Rest, is_refused, reason
from gatewatch.rule_model import NO_GROUP, Group
from gatewatch.surroundings import NOTHING_SEEN, Part, Question, StandingRules, Surroundings, question_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from logging import Logger

    from types_boto3_ec2 import EC2Client

    from gatewatch.attached_model import Attached
    from gatewatch.aws import Aws
    from gatewatch.meter import Meter
    from gatewatch.model import Alert
    from gatewatch.rule_model import SecurityGroupRule

    Learn = Callable[[str, Mapping[str, SecurityGroupRule], float], None]

_SECONDS = 1.5  # for all that one event asks
_FRESH_SECONDS = 60.0
_AT_ONCE = 6  # three questions, and what a slow Region has not yet given up
_LOOKS, _NAMES = 500, 5_000

Place = tuple[str, str, str]
Value = TypeVar("Value")


class _Guarded(Struct, frozen=True):
    """`fault`: why the names of instances are missing."""

    interfaces: tuple[Interface, ...]
    is_part: bool
    names: Mapping[str, str] = {}
    fault: Exception | None = None


class Surveyor:
    """`learn` takes what the rules of a group were seen to be. `monotonic` measures what a look costs."""

    def __init__(
        self,
        aws: Aws,
        learn: Learn,
        log: Logger,
        meter: Meter,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._doors = MemberDoors(aws, now)
        self._learn = learn
        self._log = log
        self._meter = meter
        self._now = now
        self._monotonic = monotonic
        self._rest = Rest(monotonic)
        self._looks: OrderedDict[Place, Surroundings] = OrderedDict()
        self._names: OrderedDict[Place, Group] = OrderedDict()

    def look(self, alert: Alert) -> Surroundings:
        """What the account of an alert says of its group; nothing where it has no role, or need not be asked."""
        role, question = alert.account.read_role, question_of(alert)
        if role is None or question is None:
            return NOTHING_SEEN
        called = alert.call.time.timestamp() if alert.call.time else 0.0
        known = self._known(question, called)
        missing = question.parts - _answered(known)
        if not missing or self._rest.has(question.account_id, question.region):
            return known
        return self._looked(msgspec.structs.replace(question, parts=missing), role, known, called)

    def _known(self, question: Question, called: float) -> Surroundings:
        """A group keeps its name and its VPC. The rest is told only as it was after the call, and not long ago."""
        place = _place(question)
        look, oldest = self._looks.get(place, NOTHING_SEEN), max(called, self._now() - _FRESH_SECONDS)
        return Surroundings(
            group=self._names.get(place, NO_GROUP),
            attached=look.attached if look.attached and look.attached.at.timestamp() >= oldest else None,
            rules=look.rules if look.rules and look.rules.at.timestamp() >= oldest else None,
        )

    def _looked(self, question: Question, role: str, known: Surroundings, called: float) -> Surroundings:
        answers = self._answers(question, role)
        seen = _seen(known, answers, datetime.fromtimestamp(max(self._now(), called), UTC))
        _put(self._looks, _place(question), seen, _LOOKS)
        if seen.group.id:
            _put(self._names, _place(question), seen.group, _NAMES)
        if seen.rules and Part.RULES in answers:
            self._learn(question.account_id, seen.rules.by_id, seen.rules.at.timestamp())
        return seen

    def _answers(self, question: Question, role: str) -> dict[Part, Any]:
        """Those that came in time."""
        try:
            ec2, until = self._entered(Door(question.account_id, question.region, role))
        except Exception as error:  # noqa: BLE001  whatever it is, a message without this line is better than none
            self._failed(question, error, EVERYWHERE)
            return {}
        asked = {part: self._pool.submit(self._ask, part, ec2, question, until) for part in sorted(question.parts)}
        wait(asked.values(), max(0.0, until - self._monotonic()))
        answers = {part: job.result() for part, job in asked.items() if self._is_answered(question, job)}
        if fault := getattr(answers.get(Part.ATTACHED), "fault", None):
            self._report(question, fault)
        return answers

    def _entered(self, door: Door) -> tuple[EC2Client, float]:
        """With the time until which it may be asked. To make a client is not to wait, and does not count."""
        start = self._monotonic()
        credentials = self._doors.credentials(door, lambda request: self._pool.submit(request).result(_SECONDS))
        left = start + _SECONDS - self._monotonic()
        ec2 = self._doors.client(door, credentials)
        return ec2, self._monotonic() + left

    def _is_answered(self, question: Question, job: Future[Any]) -> bool:
        error = job.exception() if job.done() else TimeoutError()
        if error is not None:
            job.cancel()
            self._failed(question, error, question.region)
        return error is None

    def _ask(self, part: Part, ec2: EC2Client, question: Question, until: float) -> Any:
        match part:
            case Part.GROUP:
                return group_questions.group(ec2, question.group_id)
            case Part.RULES:
                return group_questions.rules(ec2, question.group_id, question.account_id)
            case Part.ATTACHED:
                return self._guarded(ec2, question, until)

    def _guarded(self, ec2: EC2Client, question: Question, until: float) -> _Guarded:
        """An instance whose name cannot be had is called by its id."""
        found, is_part = group_questions.interfaces(ec2, question.group_id, lambda: self._monotonic() < until)
        guarded = _Guarded(tuple(found), is_part)
        wanted = instances_to_name(found)
        try:
            names = group_questions.instance_names(ec2, wanted) if wanted else {}
        except (ClientError, BotoCoreError) as error:
            return msgspec.structs.replace(guarded, fault=error)
        return msgspec.structs.replace(guarded, names=names)

    def _failed(self, question: Question, error: BaseException, where: str) -> None:
        self._rest.after(error, question.account_id, where)
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


def _seen(known: Surroundings, answers: Mapping[Part, Any], at: datetime) -> Surroundings:
    group = answers.get(Part.GROUP, known.group)
    return Surroundings(
        group=group,
        attached=_attached(answers[Part.ATTACHED], group, at) if Part.ATTACHED in answers else known.attached,
        rules=StandingRules(at, answers[Part.RULES]) if Part.RULES in answers else known.rules,
    )


def _attached(guarded: _Guarded, group: Group, at: datetime) -> Attached | None:
    """That a group is attached to nothing is said only of one that is there, by an answer that was whole."""
    if not guarded.interfaces and (guarded.is_part or group.id is None):
        return None
    return attached(guarded.interfaces, guarded.names, at, is_part=guarded.is_part)


def _answered(known: Surroundings) -> frozenset[Part]:
    answers = {Part.GROUP: known.group.id, Part.ATTACHED: known.attached, Part.RULES: known.rules}
    return frozenset(part for part, answer in answers.items() if answer is not None)


def _place(question: Question) -> Place:
    return question.account_id, question.region, question.group_id


def _put(kept: OrderedDict[Place, Value], place: Place, value: Value, most: int) -> None:
    kept.pop(place, None)
    kept[place] = value
    while len(kept) > most:
        kept.popitem(last=False)

"""The executor: performs a plan, action by action, and tells of each what became of it.

What is missing is authorised first. A rule is revoked only when everything that is allowed of it stands. An action
that finds its work done already has succeeded: a second run is no error.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.remediation.ingress import ec2 as ingress_ec2
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.plan import Action, Authorize, Revoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from types_boto3_ec2 import EC2Client

    from gatewatch.remediation.ingress.access import Access

# EC2 error codes: the rule stands already, the rule is gone already.
_STANDS = frozenset({"InvalidPermission.Duplicate"})
_GONE = frozenset({"InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"})


class Done(StrEnum):
    DONE = "done"
    ALREADY = "already"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(Struct, frozen=True):
    """An action and what became of it; `why` is AWS's code, or what it waited for in vain."""

    action: Action
    done: Done
    why: str = ""

    @property
    def is_good(self) -> bool:
        return self.done in {Done.DONE, Done.ALREADY}


def apply(group_id: str, actions: Sequence[Action], ec2: EC2Client) -> tuple[Step, ...]:
    """Every action that can be done is done; one that fails does not stop the others."""
    authorized = tuple(_authorizations(group_id, actions, ec2))
    missing = frozenset(access for each in authorized if not each.is_good and (access := access_of(each.action.rule)))
    return (*authorized, *_revocations(group_id, actions, missing, ec2))


class _Authorized(Step, frozen=True):
    action: Authorize


def _authorizations(group_id: str, actions: Sequence[Action], ec2: EC2Client) -> Iterator[_Authorized]:
    for action in actions:
        if isinstance(action, Authorize):
            done, why = _attempt(partial(ingress_ec2.authorize, ec2, group_id, action), _STANDS)
            yield _Authorized(action, done, why)


def _revocations(
    group_id: str, actions: Sequence[Action], missing: AbstractSet[Access], ec2: EC2Client
) -> Iterator[Step]:
    for action in actions:
        if not isinstance(action, Revoke):
            continue
        if not missing.isdisjoint(action.kept):
            yield Step(action, Done.SKIPPED, "its allowed part could not be authorised")
            continue
        rule_id = action.standing.rule.rule_id or ""
        done, why = _attempt(partial(ingress_ec2.revoke, ec2, group_id, rule_id), _GONE)
        yield Step(action, done, why)


def _attempt(call: Callable[[], object], already: frozenset[str]) -> tuple[Done, str]:
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return (Done.ALREADY, code) if code in already else (Done.FAILED, code)
    except BotoCoreError as error:
        return Done.FAILED, type(error).__name__
    return Done.DONE, ""

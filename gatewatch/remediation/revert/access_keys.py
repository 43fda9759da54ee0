"""Access keys that were created or activated: they are deactivated, never deleted. An active key has one entry."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from gatewatch.model.iam import IamFacts, IamOperation, masked_key
from gatewatch.remediation.revert.plan import Entries, NotRevertibleError, Obstacle, PlannedChange, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change

_KEY = re.compile(r"[\w+=,.@-]{1,64}/[A-Z0-9]{16,128}", re.ASCII)
_ACTIVE = ("Active",)
_MAX_CREATION_DELAY = timedelta(minutes=5)  # between the time of the event and the creation date of the key


def key_resource(aws: Aws, change: Change, time: datetime | None) -> str:
    """Return `user/access key id` of the key that a change is about; the event has a part of the id only.

    Raises `NotRevertibleError` unless exactly one key of the user has it, created then where the call created it.
    """
    facts = change.facts
    if not isinstance(facts, IamFacts) or facts.entity is None or facts.entity.kind != "user" or not facts.key:
        raise NotRevertibleError(Obstacle.INVALID_NAME)
    is_new = facts.operation is IamOperation.KEY_CREATED
    found = [
        key_id
        for key_id, created in _keys(aws, facts.entity.name)
        if masked_key(key_id) == facts.key
        and (not is_new or (time is not None and abs(created - time) <= _MAX_CREATION_DELAY))
    ]
    if len(found) != 1:
        raise NotRevertibleError(Obstacle.NOT_FOUND, f"{facts.entity.name} {facts.key}")
    return f"{facts.entity.name}/{found[0]}"


def _keys(aws: Aws, user: str) -> Iterator[tuple[str, datetime]]:
    for page in aws.iam.get_paginator("list_access_keys").paginate(UserName=user):
        for each in page["AccessKeyMetadata"]:
            yield each["AccessKeyId"], each["CreateDate"]


def _read_key(aws: Aws, target: Target) -> Entries:
    user, _, key_id = target.resource.partition("/")
    pages = aws.iam.get_paginator("list_access_keys").paginate(UserName=user)
    found = [each["Status"] for page in pages for each in page["AccessKeyMetadata"] if each["AccessKeyId"] == key_id]
    if not found:
        raise NotRevertibleError(Obstacle.NOT_FOUND, f"{user} {masked_key(key_id)}")
    return _ACTIVE if found == ["Active"] else ()


def _write_key(aws: Aws, target: Target, change: PlannedChange) -> None:
    user, _, key_id = target.resource.partition("/")
    status = "Active" if change.after else "Inactive"
    aws.iam.update_access_key(UserName=user, AccessKeyId=key_id, Status=status)  # type: ignore[arg-type]


def _close(_entries: Entries, _opened: Sequence[Change], _target: Target) -> Entries:
    return ()


SETTINGS = {SettingKind.ACCESS_KEY: Setting(form=_KEY, read=_read_key, close=_close, write=_write_key, calls=())}

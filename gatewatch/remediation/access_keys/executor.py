"""The executor: looks at each key once more, keeps a picture of it, and only then touches it.

An action that finds its work done already has succeeded: a second run is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.alerts.own_actions import DeedBook, OwnDeed, key_deed
from gatewatch.errors import GatewatchError
from gatewatch.model.iam import Deed as IamDeed
from gatewatch.model.iam import masked_key
from gatewatch.remediation.access_keys import iam as keys_iam
from gatewatch.remediation.access_keys.plan import AccessKey, KeyAction, Verdict
from gatewatch.remediation.access_keys.records import Deed, KeyRecord, KeyRecords
from gatewatch.remediation.ingress.executor import Done
from gatewatch.remediation.preimages import PreImage, PreImages

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_iam import IAMClient

KIND = "access_key"


class UndoError(GatewatchError):
    """A deactivation that cannot be taken back."""


class KeyStep(Struct, frozen=True):
    """An action and what became of it; `why` is AWS's code, or what had changed meanwhile."""

    action: KeyAction
    done: Done
    why: str = ""


@dataclass(frozen=True)
class Books:
    """Where the picture of before is kept, and what was done."""

    images: PreImages
    records: KeyRecords
    deeds: DeedBook


def apply(action: KeyAction, iam: IAMClient, books: Books, now: datetime) -> KeyStep:
    """One action of a plan. Only deactivations and deletions change anything."""
    if not action.verdict.changes_aws:
        return KeyStep(action, Done.DONE)
    try:
        standing = keys_iam.look_again(iam, action.key)
        if changed := _changed(action, standing):
            return changed
        _keep(action.key, books, now)
        books.records.begin(action.key)
        books.records.save(action.key, _record(action, now))
        books.deeds.note([_deed(action)], OwnDeed(action.key.change_id, now.timestamp()))
        _do(action, iam)
    except (ClientError, BotoCoreError) as error:
        return KeyStep(action, Done.FAILED, _code(error))
    return KeyStep(action, Done.DONE)


def _changed(action: KeyAction, standing: AccessKey | None) -> KeyStep | None:
    """Whoever changed the key since the plan was made knows more than the plan."""
    if standing is None:
        return KeyStep(action, Done.ALREADY, "gone")
    planned = action.key
    if standing.created != planned.created or standing.is_active != planned.is_active:
        return KeyStep(action, Done.SKIPPED, "changed_meanwhile")
    if action.verdict is Verdict.DEACTIVATE and standing.last_used != planned.last_used:
        return KeyStep(action, Done.SKIPPED, "used_meanwhile")
    return None


def _keep(key: AccessKey, books: Books, now: datetime) -> None:
    """A key that was deactivated has its picture already, from when it still worked."""
    if key.is_active:
        body = msgspec.json.encode(key).decode()
        place = {"account_id": key.account_id, "region": "", "resource_id": key.user}
        books.images.save(PreImage(change_id=key.change_id, kind=KIND, at=now.timestamp(), body=body, **place))


def _record(action: KeyAction, now: datetime) -> KeyRecord:
    deed = Deed.DELETED if action.verdict is Verdict.DELETE else Deed.DEACTIVATED
    return KeyRecord(deed, now, action)


def _deed(action: KeyAction) -> str:
    deed = IamDeed.KEY_DELETED if action.verdict is Verdict.DELETE else IamDeed.KEY_DEACTIVATED
    return key_deed(action.key.account_id, action.key.user, masked_key(action.key.key_id), deed)


def _do(action: KeyAction, iam: IAMClient) -> None:
    (keys_iam.delete if action.verdict is Verdict.DELETE else keys_iam.switch_off)(iam, action.key)


def _code(error: ClientError | BotoCoreError) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def picture(change_id: str, books: Books) -> AccessKey:
    """The key as it was before the change. Raises `UndoError` when the change was to something else."""
    image = books.images.load(change_id)
    if image.kind != KIND:
        raise UndoError(f"{change_id} is no change of an access key but of {image.resource_id}.")
    return msgspec.json.decode(image.body, type=AccessKey)


def undo(key: AccessKey, iam: IAMClient, books: Books, now: datetime) -> KeyStep:
    """Switch a deactivated key on again; from then on it is escalated and not cut. Raises `UndoError`."""
    action = KeyAction(Verdict.KEEP, key, key.age(now))
    standing = keys_iam.look_again(iam, key)
    if standing is None:
        raise UndoError(
            f"a key of {key.user} in {key.account_id} is deleted; AWS cannot bring it back, make a new one."
        )
    books.records.save(key, KeyRecord(Deed.RESTORED, now))
    if standing.is_active:
        return KeyStep(action, Done.ALREADY)
    name = key_deed(key.account_id, key.user, masked_key(key.key_id), IamDeed.KEY_ACTIVATED)
    books.deeds.note([name], OwnDeed(key.change_id, now.timestamp(), is_undo=True))
    keys_iam.switch_on(iam, key)
    return KeyStep(action, Done.DONE)

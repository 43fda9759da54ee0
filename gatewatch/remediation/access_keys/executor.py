"""Performs planned actions: reads each key again, saves a snapshot, and only then changes it.

An action whose result exists already has succeeded, so that a second run is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.alerts.own_actions import ActionLog, OwnAction, key_action_id
from gatewatch.aws.error_codes import error_code
from gatewatch.errors import GatewatchError
from gatewatch.model.iam import IamOperation, masked_key
from gatewatch.model.typed_decoding import decode_json
from gatewatch.remediation.access_keys import iam as keys_iam
from gatewatch.remediation.access_keys.plan import AccessKey, KeyAction, KeyDecision
from gatewatch.remediation.access_keys.records import KeyEvent, KeyRecord, KeyRecords
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.remediation.snapshots import Snapshot, SnapshotStore

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_iam import IAMClient

KIND = "access_key"


class KeyUndoError(GatewatchError):
    """A change of an access key that cannot be undone."""


class KeyStepResult(Struct, frozen=True):
    """An action and its result. `reason`: the error code of AWS, or what changed since the plan."""

    action: KeyAction
    status: StepStatus
    reason: str = ""


@dataclass(frozen=True)
class KeyStores:
    """Stores for snapshots, for what was done to each key, and for gatewatch's own actions."""

    snapshots: SnapshotStore
    records: KeyRecords
    action_log: ActionLog


def apply_key_action(action: KeyAction, iam: IAMClient, stores: KeyStores, now: datetime) -> KeyStepResult:
    """Perform one action. Only deactivations and deletions change anything."""
    if not action.decision.changes_aws:
        return KeyStepResult(action, StepStatus.DONE)
    try:
        current = keys_iam.current_state(iam, action.key)
        if changed := _changed(action, current):
            return changed
        _save_snapshot(action.key, stores, now)
        stores.records.mark_unreported(action.key)
        stores.records.save(action.key, _record(action, now))
        stores.action_log.record([_action_id(action)], OwnAction(action.key.change_id, now.timestamp()))
        _call_iam(action, iam)
    except (ClientError, BotoCoreError) as error:
        return KeyStepResult(action, StepStatus.FAILED, error_code(error))
    return KeyStepResult(action, StepStatus.DONE)


def _changed(action: KeyAction, current: AccessKey | None) -> KeyStepResult | None:
    """Return a result without a change when the key is not as planned any more."""
    if current is None:
        return KeyStepResult(action, StepStatus.ALREADY, "deleted_meanwhile")
    planned = action.key
    if current.created != planned.created or current.is_active != planned.is_active:
        return KeyStepResult(action, StepStatus.SKIPPED, "changed_meanwhile")
    if action.decision is KeyDecision.DEACTIVATE and current.last_used != planned.last_used:
        return KeyStepResult(action, StepStatus.SKIPPED, "used_meanwhile")
    return None


def _save_snapshot(key: AccessKey, stores: KeyStores, now: datetime) -> None:
    """Save a snapshot of an active key; an inactive one has the snapshot of its deactivation."""
    if key.is_active:
        body = msgspec.json.encode(key).decode()
        snapshot = Snapshot(
            change_id=key.change_id,
            kind=KIND,
            account_id=key.account_id,
            region="",
            resource_id=key.user,
            at=now.timestamp(),
            body=body,
        )
        stores.snapshots.save(snapshot)


def _record(action: KeyAction, now: datetime) -> KeyRecord:
    event = KeyEvent.DELETED if action.decision is KeyDecision.DELETE else KeyEvent.DEACTIVATED
    return KeyRecord(event, now, action)


def _action_id(action: KeyAction) -> str:
    operation = IamOperation.KEY_DELETED if action.decision is KeyDecision.DELETE else IamOperation.KEY_DEACTIVATED
    return key_action_id(action.key.account_id, action.key.user, masked_key(action.key.key_id), operation)


def _call_iam(action: KeyAction, iam: IAMClient) -> None:
    (keys_iam.delete if action.decision is KeyDecision.DELETE else keys_iam.deactivate)(iam, action.key)


def load_key_snapshot(change_id: str, stores: KeyStores) -> AccessKey:
    """Return the key as it was before a change. Raises `KeyUndoError` when the change is not one of a key."""
    snapshot = stores.snapshots.load(change_id)
    if snapshot.kind != KIND:
        raise KeyUndoError(f"{change_id} is not a change of an access key but of {snapshot.resource_id}.")
    return decode_json(snapshot.body, AccessKey)


def undo(key: AccessKey, iam: IAMClient, stores: KeyStores, now: datetime) -> KeyStepResult:
    """Activate a deactivated key; from then on it is escalated and not deactivated. Raises `KeyUndoError`."""
    action = KeyAction(KeyDecision.KEEP, key, key.age(now))
    current = keys_iam.current_state(iam, key)
    if current is None:
        raise KeyUndoError(
            f"a key of {key.user} in {key.account_id} is deleted and cannot be restored; create a new one."
        )
    stores.records.save(key, KeyRecord(KeyEvent.RESTORED, now))
    if current.is_active:
        return KeyStepResult(action, StepStatus.ALREADY)
    action_id = key_action_id(key.account_id, key.user, masked_key(key.key_id), IamOperation.KEY_ACTIVATED)
    stores.action_log.record([action_id], OwnAction(key.change_id, now.timestamp(), is_undo=True))
    keys_iam.activate(iam, key)
    return KeyStepResult(action, StepStatus.DONE)

"""Amazon S3: grants of access control lists, and the settings that block public access.

The entries of a list are its grants, those of a block the names of the settings that are on.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.public_access_s3 import is_public_group
from gatewatch.model.security_group import AccountPeer, EveryonePeer
from gatewatch.remediation.revert.plan import Entries, PlannedChange, SettingKind
from gatewatch.remediation.revert.settings import Setting, Target, canonical, or_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatewatch.aws.clients import Aws
    from gatewatch.model.change import Change

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_ACCOUNT = re.compile(r"(?P<account>\d{12})", re.ASCII)
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_NO_BLOCK = "NoSuchPublicAccessBlockConfiguration"


def bucket_parameters(target: Target) -> dict[str, str]:
    """Return the bucket with its owner, so that a bucket of another account is refused."""
    return {"Bucket": target.resource, "ExpectedBucketOwner": target.account_id}


def _read_acl(aws: Aws, target: Target) -> Entries:
    grants = aws.s3.get_bucket_acl(**bucket_parameters(target))["Grants"]
    return tuple(canonical(_without_display_name(each)) for each in grants)


def _without_display_name(grant: dict[str, Any]) -> dict[str, Any]:
    return {**grant, "Grantee": {key: value for key, value in grant["Grantee"].items() if key != "DisplayName"}}


def _write_acl(aws: Aws, target: Target, change: PlannedChange) -> None:
    owner = aws.s3.get_bucket_acl(**bucket_parameters(target))["Owner"]
    policy = {"Owner": {"ID": owner["ID"]}, "Grants": [json.loads(each) for each in change.after]}
    aws.s3.put_bucket_acl(**bucket_parameters(target), AccessControlPolicy=policy)


def _without_grants(entries: Entries, opened: Sequence[Change], _target: Target) -> Entries:
    peers = [each.rule.peer for each in opened]
    named = {each.account_id for each in peers if isinstance(each, AccountPeer)}
    is_public = any(isinstance(each, EveryonePeer) for each in peers)

    def is_opened(entry: str) -> bool:
        grantee = json.loads(entry)["Grantee"]
        return grantee.get("ID") in named or (is_public and is_public_group(grantee.get("URI", "")))

    return tuple(each for each in entries if not is_opened(each))


def _read_block(aws: Aws, target: Target) -> Entries:
    read = aws.s3.get_public_access_block
    return _names(or_nothing(lambda: read(**bucket_parameters(target)), _NO_BLOCK))


def _write_block(aws: Aws, target: Target, change: PlannedChange) -> None:
    where = bucket_parameters(target)
    if change.after:
        aws.s3.put_public_access_block(**where, PublicAccessBlockConfiguration=_configuration(change.after))
    else:
        aws.s3.delete_public_access_block(**where)


def _read_account_block(aws: Aws, target: Target) -> Entries:
    read = aws.s3control.get_public_access_block
    return _names(or_nothing(lambda: read(AccountId=target.account_id), _NO_BLOCK))


def _write_account_block(aws: Aws, target: Target, change: PlannedChange) -> None:
    if change.after:
        configuration = _configuration(change.after)
        aws.s3control.put_public_access_block(AccountId=target.account_id, PublicAccessBlockConfiguration=configuration)
    else:
        aws.s3control.delete_public_access_block(AccountId=target.account_id)


def _names(response: Mapping[str, Any]) -> Entries:
    configuration = response.get("PublicAccessBlockConfiguration", {})
    return tuple(each for each in _BLOCKS if configuration.get(each))


def _configuration(entries: Entries) -> dict[str, bool]:
    return {each: each in entries for each in _BLOCKS}


def _all_blocks(_entries: Entries, _opened: Sequence[Change], _target: Target) -> Entries:
    """No event names the settings before it, so all four are switched on."""
    return _BLOCKS


SETTINGS = {
    SettingKind.BUCKET_ACL: Setting(
        form=BUCKET, read=_read_acl, close=_without_grants, write=_write_acl, calls=("PutBucketAcl",)
    ),
    SettingKind.BUCKET_BLOCK: Setting(
        form=BUCKET,
        read=_read_block,
        close=_all_blocks,
        write=_write_block,
        calls=("PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"),
    ),
    SettingKind.ACCOUNT_BLOCK: Setting(
        form=_ACCOUNT,
        read=_read_account_block,
        close=_all_blocks,
        write=_write_account_block,
        calls=("PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"),
    ),
}

"""IAM requests for access keys: list, read one again, deactivate, activate, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.remediation.access_keys.plan import AccessKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_iam import IAMClient

_ACTIVE = "Active"


def users(iam: IAMClient) -> Iterator[tuple[str, str]]:
    """Yield the id (`AIDA…`) and name of every user."""
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            yield user["UserId"], user["UserName"]


def user_name(iam: IAMClient, user_id: str) -> str | None:
    """Return the name for a user id of AWS Config; None when the user does not exist. IAM has no call by id."""
    return next((name for each, name in users(iam) if each == user_id), None)


def keys_of(iam: IAMClient, account_id: str, user: str, used_before: datetime) -> Iterator[AccessKey]:
    """Yield the keys of a user. The last use is requested only for keys created before `used_before`."""
    for page in iam.get_paginator("list_access_keys").paginate(UserName=user):
        for found in page["AccessKeyMetadata"]:
            key_id, created = found["AccessKeyId"], found["CreateDate"]
            yield AccessKey(
                account_id=account_id,
                user=user,
                key_id=key_id,
                is_active=found["Status"] == _ACTIVE,
                created=created,
                last_used=_last_used(iam, key_id) if created <= used_before else None,
            )


def _last_used(iam: IAMClient, key_id: str) -> datetime | None:
    return iam.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"].get("LastUsedDate")


def root_keys(iam: IAMClient, account_id: str) -> Iterator[AccessKey]:
    """Yield the keys of root. IAM returns only their number."""
    count = iam.get_account_summary()["SummaryMap"].get("AccountAccessKeysPresent", 0)
    for number in range(1, count + 1):
        yield AccessKey(account_id=account_id, user="root", key_id=f"#{number}", is_active=True, is_root=True)


def current_state(iam: IAMClient, key: AccessKey) -> AccessKey | None:
    """Return the key as it is now; None when it does not exist any more."""
    if key.created is None:
        return None
    try:
        found = keys_of(iam, key.account_id, key.user, key.created)
        return next((each for each in found if each.key_id == key.key_id), None)
    except iam.exceptions.NoSuchEntityException:
        return None


def deactivate(iam: IAMClient, key: AccessKey) -> None:
    iam.update_access_key(UserName=key.user, AccessKeyId=key.key_id, Status="Inactive")


def activate(iam: IAMClient, key: AccessKey) -> None:
    iam.update_access_key(UserName=key.user, AccessKeyId=key.key_id, Status="Active")


def delete(iam: IAMClient, key: AccessKey) -> None:
    iam.delete_access_key(UserName=key.user, AccessKeyId=key.key_id)

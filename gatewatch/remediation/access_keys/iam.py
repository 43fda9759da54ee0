"""IAM, as far as access keys need it: find them page by page, look at one again, switch it off, delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.remediation.access_keys.plan import AccessKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_iam import IAMClient

_ACTIVE = "Active"


def users(iam: IAMClient) -> Iterator[tuple[str, str]]:
    """Id (`AIDA…`) and name of every user, however many pages that takes."""
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            yield user["UserId"], user["UserName"]


def user_name(iam: IAMClient, user_id: str) -> str | None:
    """IAM cannot be asked for a user by the id that AWS Config names; None when nobody has it any more."""
    return next((name for each, name in users(iam) if each == user_id), None)


def keys_of(iam: IAMClient, account_id: str, user: str, used_before: datetime) -> Iterator[AccessKey]:
    """The keys of a user. When it was last used is asked only of a key that was made before `used_before`."""
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
    """IAM says only how many keys root has."""
    count = iam.get_account_summary()["SummaryMap"].get("AccountAccessKeysPresent", 0)
    for number in range(1, count + 1):
        yield AccessKey(account_id=account_id, user="root", key_id=f"#{number}", is_active=True, is_root=True)


def look_again(iam: IAMClient, key: AccessKey) -> AccessKey | None:
    """The key as it stands now; None when it is gone."""
    if key.created is None:
        return None
    try:
        found = keys_of(iam, key.account_id, key.user, key.created)
        return next((each for each in found if each.key_id == key.key_id), None)
    except iam.exceptions.NoSuchEntityException:
        return None


def switch_off(iam: IAMClient, key: AccessKey) -> None:
    iam.update_access_key(UserName=key.user, AccessKeyId=key.key_id, Status="Inactive")


def switch_on(iam: IAMClient, key: AccessKey) -> None:
    iam.update_access_key(UserName=key.user, AccessKeyId=key.key_id, Status="Active")


def delete(iam: IAMClient, key: AccessKey) -> None:
    iam.delete_access_key(UserName=key.user, AccessKeyId=key.key_id)

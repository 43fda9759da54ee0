"""`identity_store` of accounts.yaml: where people who are not in `people` are looked up by their e-mail address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(rf"(?:d-[0-9a-f]{{10}}|{_UUID})\Z", re.ASCII)  # botocore identitystore, IdentityStoreId
_REGION = re.compile(r"[a-z]{2,6}(?:-[a-z]+){1,3}-\d{1,2}\Z", re.ASCII)
_ROLE = re.compile(r"arn:aws(?:-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]{1,512}\Z", re.ASCII)


class IdentityStore(Struct, frozen=True, forbid_unknown_fields=True):
    """`id` and `region` are those of the identity store of IAM Identity Center.

    `role` is the ARN of a role that may read it, in the management or delegated administrator account.
    """

    id: str = ""
    region: str = ""
    role: str = ""

    @property
    def is_on(self) -> bool:
        return bool(self.id)

    def problems(self) -> Iterator[str]:
        """Yield `key: sentence` for each problem."""
        if not (self.id or self.region or self.role):
            return
        if not _ID.match(self.id):
            yield f'identity_store.id: "{self.id}" is not the id of an identity store, such as d-1234567890.'
        if not _REGION.match(self.region):
            yield f'identity_store.region: "{self.region}" is not a Region, such as us-east-1.'
        if not _ROLE.match(self.role):
            yield (
                f'identity_store.role: "{self.role}" is not the ARN of a role; '
                "write output IdentityStoreRoleArn of eventbridge/identity_store.yaml."
            )

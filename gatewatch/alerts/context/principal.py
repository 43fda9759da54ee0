"""The caller of a call under a name that stays the same, and that the caller cannot choose.

An access key, and the session name of a role, are new in every session: only IAM Identity Center names sessions after
people. A caller without a name that AWS vouches for has none here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewatch.model.api_call import ApiCall

# IAM Identity Center adds 16 hexadecimal digits, others in every account and after a permission set was replaced.
_PERMISSION_SET = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}\Z")


def principal_of(call: ApiCall) -> str:
    """Permission set and user name of a session of Identity Center, else the ARN of the role or user; empty if unknown.

    AWS services on their own, and events that are not trusted, have none.
    """
    actor = call.actor
    if call.is_aws_work or call.conflicts or not actor.verified_names:
        return ""
    role, *_, arn = (actor.verified_names[0], *actor.verified_names)
    if not actor.is_session_verified:
        return arn
    permission_set = _PERMISSION_SET.match(role)
    return f"{permission_set[1] if permission_set else role}/{actor.session}"


def name_in_all_accounts(call: ApiCall) -> str:
    """The user name of Identity Center, else path and name of the role or user without the account; empty if unknown.

    Another account may have a role of the same name.
    """
    principal = principal_of(call)
    if call.actor.is_session_verified:
        return principal and f"session/{call.actor.session}"
    return principal.split(":", 5)[-1] if principal.startswith("arn:") else principal

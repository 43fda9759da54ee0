"""AWS identities in one form, so that the same identity is written in one way only."""

from __future__ import annotations

import re

_ROLE_SESSION = re.compile(r"arn:([\w-]+):sts::(\d{12}):assumed-role/([^/]+)/(.+)\Z")
_IAM = re.compile(r"(arn:[\w-]+:iam::\d{12}:(?:user|role)/)(?:.+/)?([^/]+)\Z")
_IDENTITY_CENTER_ROLE = "AWSReservedSSO_"


def canonical_identity(name: str) -> str:
    """Return an ARN or a user name in lower case. IAM compares names without case, and ignores the path.

    A session becomes the ARN of its role, or the user name where IAM Identity Center named the session.
    """
    if session := _ROLE_SESSION.match(name):
        partition, account, role, user = session.groups()
        name = user if role.startswith(_IDENTITY_CENTER_ROLE) else f"arn:{partition}:iam::{account}:role/{role}"
    if arn := _IAM.match(name):
        name = arn[1] + arn[2]
    return name.casefold()

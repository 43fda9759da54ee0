"""`access_portal` of accounts.yaml: the portal of IAM Identity Center, whose links open the right account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"https://[a-z0-9.-]+(?:/[\w.-]+)*\Z", re.ASCII)
_ROLE = re.compile(r"[\w+=,.@-]{1,32}\Z", re.ASCII)  # the name of a permission set


class AccessPortal(Struct, frozen=True, forbid_unknown_fields=True):
    """`url` is the start page, `role` the permission set that readers of messages have in every account."""

    url: str = ""
    role: str = ""

    def problems(self) -> Iterator[str]:
        """Yield `key: sentence` for each problem."""
        if bool(self.url) is not bool(self.role):
            missing = "role" if self.url else "url"
            yield f"access_portal.{missing}: missing; write both url and role, or neither."
        if self.url and not _URL.match(self.url):
            yield (
                f'access_portal.url: "{self.url}" is not the address of an access portal; '
                "write one such as https://d-1234567890.awsapps.com/start."
            )
        if self.role and not _ROLE.match(self.role):
            yield f'access_portal.role: "{self.role}" is not the name of a permission set; write one such as ReadOnly.'

    def link(self, account_id: str, console_url: str) -> str:
        """Return the shortcut link that signs in to an account with the role and then opens a page of its console."""
        role, page = quote(self.role, safe=""), quote(console_url, safe="")
        return f"{self.url}/#/console?account_id={account_id}&role_name={role}&destination={page}"

    def serves(self, console_url: str) -> bool:
        """Whether the portal is in the partition of a console: those of China and AWS GovCloud have portals there."""
        host = self.url.split("/")[2] if self.url else ""
        return bool(host) and _partition(host) == _partition(console_url.split("/")[2])


def _partition(host: str) -> str:
    if host.endswith(".cn"):
        return "aws-cn"
    if "us-gov" in host:
        return "aws-us-gov"
    return "aws-eusc" if host.endswith(".eu") else "aws"

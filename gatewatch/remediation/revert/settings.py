"""A kind of setting: how it is named, read, closed and written. The kinds are in the modules beside this one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from gatewatch.aws.clients import Aws
from gatewatch.aws.error_codes import error_code
from gatewatch.model.change import Change
from gatewatch.remediation.revert.plan import Entries, PlannedChange

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Target(Struct, frozen=True):
    """One setting of a member: its account, Region and resource, whose name has the form of the kind."""

    account_id: str
    region: str
    resource: str


class Setting(Struct, frozen=True, kw_only=True):
    """How settings of one kind are reverted.

    `form` is what the name of a resource must match, with the names of its groups as account and Region where it has
    them. `read` returns the current entries. `close` returns the entries without what the changes of a call opened and
    raises `NotRevertibleError`. `write` changes the entries from `before` to `after`. Both calls raise botocore's
    errors. `calls` are CloudTrail's names, without the date of an API, of the calls that `write` makes.
    """

    form: re.Pattern[str]
    read: Callable[[Aws, Target], Entries]
    close: Callable[[Entries, Sequence[Change], Target], Entries]
    write: Callable[[Aws, Target, PlannedChange], None]
    calls: tuple[str, ...]

    def names(self, target: Target) -> bool:
        """Whether the name of the resource has the form of this kind, in the account and Region of the call."""
        match = self.form.fullmatch(target.resource)
        if match is None:
            return False
        named = match.groupdict()
        is_here = named.get("account") in {None, target.account_id}
        return is_here and named.get("region") in {None, target.region}


def canonical(value: Any) -> str:
    """Return JSON with sorted keys: equal values are equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def ignoring(codes: Collection[str], call: Callable[[], object]) -> None:
    """Make a call whose result may exist already: AWS then answers with one of these codes."""
    try:
        call()
    except ClientError as error:
        if error_code(error) not in codes:
            raise


def or_nothing(read: Callable[[], Mapping[str, Any]], *codes: str) -> Mapping[str, Any]:
    """Return what a call returns; nothing when AWS answers with one of these codes. Raises other `ClientError`s."""
    try:
        return read()
    except ClientError as error:
        if error_code(error) in codes:
            return {}
        raise

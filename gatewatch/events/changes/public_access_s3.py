"""Amazon S3: access control lists, and the four settings that block public access.

Canned lists and groups: S3 user guide, "Access control list (ACL) overview". A public access block is replaced as a
whole, and a setting that is left out is false.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.events.changes.base import CallSpec, ParsedCall
from gatewatch.events.changes.normalization import Fields, as_list, as_text
from gatewatch.events.changes.resource_call import (
    Named,
    UnknownShapeError,
    flag,
    names_of,
    resource_change,
    row,
    value_at,
    values_at,
    without_parameters,
)
from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action, Change, Family
from gatewatch.model.resource import Impact
from gatewatch.model.security_group import AccountPeer, EveryonePeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BUCKET = Named("bucket", ("bucketname",))
OBJECT = Named("object", ("key",))
ACCOUNT = Named("all_buckets")
_ACL = "accesscontrolpolicy"
_CANNED_PUBLIC = frozenset({"public-read", "public-read-write", "authenticated-read"})
_CANNED_PRIVATE = frozenset(
    {"private", "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"}
)
_PUBLIC_GROUPS = ("/groups/global/allusers", "/groups/global/authenticatedusers")
_LOG_DELIVERY = "/groups/s3/logdelivery"
_GRANTS = ("read", "write", "read-acp", "write-acp", "full-control")
_HEADER = re.compile(r'(uri|id|emailaddress)\s*=\s*"?([^",]+)"?', re.IGNORECASE)
_SETTINGS = ("blockpublicacls", "ignorepublicacls", "blockpublicpolicy", "restrictpublicbuckets")


class _Acl(Struct, frozen=True):
    """`has_list`: the request has a list, or says it by one of the two other ways."""

    has_list: bool
    everyone: bool
    owners: tuple[str, ...]


def acl(named: Named, *, is_optional: bool = False) -> Callable[[ParsedCall], Iterable[Change]]:
    """Whom an access control list admits beside its owner. `is_optional`: the call may have none."""

    def read(call: ParsedCall) -> Iterable[Change]:
        if call.request is None:
            return [without_parameters(call, named)]
        found = _acl(call.request_parameters)
        if not found.has_list:
            return [] if is_optional else [call.not_understood()]
        (name,) = names_of(call, named)
        peers = [EveryonePeer()] if found.everyone else []
        admitted: list[EveryonePeer | AccountPeer] = [*peers, *map(AccountPeer, found.owners)]
        undo = _make_private if named is BUCKET else None
        if not admitted:
            return [resource_change(call, Impact.POLICY_INSIDE, named.kind, name)]
        return [resource_change(call, Impact.SHARED, named.kind, name, peer=each, undo=undo) for each in admitted]

    return read


def _make_private(_call: ParsedCall, name: str) -> tuple[str, ...]:
    return cli_arguments("s3api", "put-bucket-acl", bucket=name, acl="private")


def _acl(request_parameters: Fields) -> _Acl:
    canned = {(as_text(each) or "").lower() for key in _CANNED_KEYS for each in as_list(request_parameters.get(key))}
    if unknown := canned - _CANNED_PUBLIC - _CANNED_PRIVATE:
        raise UnknownShapeError(str(unknown))
    headers = [
        each
        for source in (request_parameters, value_at(request_parameters, "accesscontrollist"))
        for each in _header_grants(source)
    ]
    policy = request_parameters.get(_ACL)
    grants = values_at(policy, "accesscontrollist.grant")
    if policy is not None and not _is_list_of_grants(policy):
        raise UnknownShapeError(_ACL)
    owner = as_text(value_at(policy, "owner.id"))
    grantees = [*headers, *(each for grant in grants for each in _grantee(grant))]
    return _Acl(
        has_list=bool(canned or headers or policy is not None),
        everyone=bool(canned & _CANNED_PUBLIC) or any(kind == "everyone" for kind, _ in grantees),
        owners=tuple(dict.fromkeys(name for kind, name in grantees if kind == "owner" and name != owner)),
    )


def _is_list_of_grants(policy: Any) -> bool:
    """A list without grants is empty; one with anything but grants cannot be read."""
    if not isinstance(policy, dict) or "accesscontrollist" not in policy:
        return False
    grants = policy["accesscontrollist"]
    return not grants or (isinstance(grants, dict) and "grant" in grants)


_CANNED_KEYS = ("x-amz-acl", "cannedacl")


def _header_grants(source: Any) -> Iterator[tuple[str, str]]:
    for grant in _GRANTS if isinstance(source, dict) else ():
        for value in as_list(source.get(f"x-amz-grant-{grant}")):
            for kind, name in _HEADER.findall(as_text(value) or ""):
                yield _named(name) if kind.lower() == "uri" else ("owner", name)


def _grantee(grant: Any) -> Iterator[tuple[str, str]]:
    grantee = value_at(grant, "grantee")
    if not isinstance(grantee, dict):
        raise UnknownShapeError("grantee")
    if uri := as_text(grantee.get("uri")):
        yield _named(uri)
    elif name := as_text(grantee.get("id")) or as_text(grantee.get("emailaddress")):
        yield "owner", name
    else:
        raise UnknownShapeError("grantee")


def _named(uri: str) -> tuple[str, str]:
    """A group; that of log delivery is AWS itself. Raises `UnknownShapeError` for one that S3 does not have."""
    if is_public_group(uri):
        return "everyone", uri
    if not uri.lower().endswith(_LOG_DELIVERY):
        raise UnknownShapeError("uri")
    return "service", uri


def is_public_group(uri: str) -> bool:
    """Whether a group of grantees is everyone, or everyone with an AWS account."""
    return uri.lower().endswith(_PUBLIC_GROUPS)


def _block(request_parameters: Fields) -> Impact:
    settings = value_at(request_parameters, "publicaccessblockconfiguration")
    if not isinstance(settings, dict):
        raise UnknownShapeError("publicaccessblockconfiguration")
    given = [flag(settings, each) for each in _SETTINGS]
    if given == [None] * len(_SETTINGS):
        raise UnknownShapeError("publicaccessblockconfiguration")
    return Impact.ACCESS_CLOSED if all(given) else Impact.GUARD_REMOVED


_ALL = ",".join(f"{each}=true" for each in ("BlockPublicAcls", "IgnorePublicAcls")) + (
    ",BlockPublicPolicy=true,RestrictPublicBuckets=true"
)


def _block_again(_call: ParsedCall, name: str) -> tuple[str, ...]:
    given = {"bucket": name, "public_access_block_configuration": _ALL}
    return cli_arguments("s3api", "put-public-access-block", **given)


def _block_account(call: ParsedCall, _name: str) -> tuple[str, ...]:
    given = {"account_id": call.call.account_id, "public_access_block_configuration": _ALL}
    return cli_arguments("s3control", "put-public-access-block", **given)


def _own(effect: Impact | Callable[[Fields], Impact], named: Named, action: Action) -> CallSpec:
    undo = _block_again if named is BUCKET else _block_account if named is ACCOUNT else None
    return row(Family.PUBLIC_ACCESS, action, effect, named, worst=Impact.GUARD_REMOVED, undo=undo)


def _reads(read: Callable[[ParsedCall], Iterable[Change]], action: Action = Action.MODIFY) -> CallSpec:
    return CallSpec(Family.PUBLIC_ACCESS, action, read, is_severe=True)


_M, _D = Action.MODIFY, Action.DELETE
_EITHER = Named("bucket", ("bucketname",), is_optional=True)
CALL_SPECS: dict[tuple[str, str], CallSpec] = {
    ("s3", "PutBucketAcl"): _reads(acl(BUCKET)),
    ("s3", "PutObjectAcl"): _reads(acl(OBJECT)),
    ("s3", "CreateBucket"): _reads(acl(BUCKET, is_optional=True), Action.CREATE),
    # CloudTrail's names; the names of the API stand in copies and in records of other tools.
    ("s3", "PutBucketPublicAccessBlock"): _own(_block, BUCKET, _M),
    ("s3", "PutPublicAccessBlock"): _own(_block, _EITHER, _M),
    ("s3", "PutAccountPublicAccessBlock"): _own(_block, ACCOUNT, _M),
    ("s3", "DeleteBucketPublicAccessBlock"): _own(Impact.GUARD_REMOVED, BUCKET, _D),
    ("s3", "DeletePublicAccessBlock"): _own(Impact.GUARD_REMOVED, _EITHER, _D),
    ("s3", "DeleteAccountPublicAccessBlock"): _own(Impact.GUARD_REMOVED, ACCOUNT, _D),
}

"""Changes of one inbound rule by its id: modify it in place, or revoke it.

The automation documents of compliance/ contain the text of this module, so it imports only what Systems Manager
provides: the standard library and botocore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

# EC2 error codes: the rule does not exist any more; an equal rule exists already.
NOT_FOUND = frozenset({"InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"})
DUPLICATE = frozenset({"InvalidPermission.Duplicate"})


class RuleResult(NamedTuple):
    """`status`: modified, revoked, authorized, unchanged or failed. `error`: the error code of the last failed call.

    `is_part_missing`: the rule was revoked because it could not be modified, so its allowed part must be authorised.
    """

    status: str
    error: str = ""
    is_part_missing: bool = False


def modify_rule(ec2: Any, group_id: str, rule_id: str, part: dict[str, Any]) -> RuleResult:
    """Replace a rule by a part of it, an EC2 SecurityGroupRuleRequest, in one atomic call that keeps its id.

    A rule that cannot be modified is revoked: closing it comes before keeping its allowed part. An equal rule makes the
    part superfluous.
    """
    change = {"SecurityGroupRuleId": rule_id, "SecurityGroupRule": part}
    error = error_of(lambda: ec2.modify_security_group_rules(GroupId=group_id, SecurityGroupRules=[change]))
    if not error:
        return RuleResult("modified")
    if error in NOT_FOUND:
        return RuleResult("unchanged", error)
    result = revoke_rule(ec2.revoke_security_group_ingress, group_id, rule_id)
    return result._replace(is_part_missing=result.status == "revoked" and error not in DUPLICATE)


def revoke_rule(revoke: Callable[..., object], group_id: str, rule_id: str) -> RuleResult:
    """Revoke a rule with the EC2 call of its direction."""
    error = error_of(lambda: revoke(GroupId=group_id, SecurityGroupRuleIds=[rule_id]))
    if not error:
        return RuleResult("revoked")
    return RuleResult("unchanged" if error in NOT_FOUND else "failed", error)


def authorize_rule(ec2: Any, group_id: str, permission: dict[str, Any], tags: list[dict[str, str]]) -> RuleResult:
    """Authorise one inbound rule, an EC2 IpPermission with one peer. Tags of AWS itself are left out."""
    tags = [each for each in tags if not each["Key"].startswith("aws:")]
    specification = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": tags}]} if tags else {}
    error = error_of(
        lambda: ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission], **specification)
    )
    if not error:
        return RuleResult("authorized")
    return RuleResult("unchanged" if error in DUPLICATE else "failed", error)


def error_of(call: Callable[[], object]) -> str:
    """Return the error code of a call; empty when it succeeded."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        return type(error).__name__
    return ""

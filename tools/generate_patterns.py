"""The member rules of the families that the tables of `gatewatch/events/changes` describe. `make docs` writes them.

Writes `eventbridge/patterns/*.json` and the part of `eventbridge/member.yaml` between the two marks. Every pair of
service and event name is in one rule: a call that two families read is in the rule of the first below, and one that
the family `hub` reads is in a rule of `hub`, which nobody can switch off. The patterns of `hub` are written by hand:
most of its calls are limited to the names of gatewatch, and a refused call may have null parameters, so that nobody
knows which resource it was about.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.config.paths import EVENTBRIDGE, PATTERNS, ROOT
from gatewatch.events.changes import (
    attachment,
    detection_records,
    detection_services,
    network,
    organization,
    public_access,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    Key = tuple[str, str]

MEMBER = EVENTBRIDGE / "member.yaml"
_BEGIN, _END = (f"  # {word}: rules of tools/generate_patterns.py\n" for word in ("Begin", "End"))
_PLAIN = re.compile(r"^[\w./ -]+$")
_DETAIL_TYPE = ["AWS API Call via CloudTrail"]


class MemberRule(Struct, frozen=True):
    """`name` is that of the pattern, `parameter` switches the rule. `is_global`: in one Region only."""

    name: str
    parameter: str | None
    description: str
    calls: Mapping[Key, Any] | None = None
    services: tuple[str, ...] = ()
    is_global: bool = False

    @property
    def logical_id(self) -> str:
        return "".join(map(str.title, self.name.split("-"))) + "Rule"


def _is_of_policy(key: Key) -> bool:
    """One pattern has no room for the whole family (EventBridge quotas: 4,096 characters)."""
    return "Policy" in key[1] or "Permission" in key[1]


HUB_RULES = (
    MemberRule("hub", None, "Changes of rules, trails and stacks of the alert pipeline"),
    MemberRule("hub-resources", None, "Changes of functions, queues and secrets of the hub"),
)
RULES = (
    MemberRule(
        "public-access",
        "PublicAccess",
        "Resources opened to everyone or to other accounts",
        {key: spec for key, spec in public_access.CALL_SPECS.items() if not _is_of_policy(key)},
    ),
    MemberRule(
        "resource-policies",
        "PublicAccess",
        "Resource policies and their statements",
        {key: spec for key, spec in public_access.CALL_SPECS.items() if _is_of_policy(key)},
    ),
    MemberRule(
        "detection-services",
        "Detection",
        "Services that watch, switched off or limited",
        detection_services.CALL_SPECS,
    ),
    MemberRule(
        "detection-records",
        "Detection",
        "Logs, keys, filters and alarms, deleted or switched off",
        detection_records.CALL_SPECS,
    ),
    MemberRule("network", "Network", "Network ACLs, routes, gateways and connections", network.CALL_SPECS),
    MemberRule(
        "organization",
        "Organization",
        "Permission sets, assignments and sessions of the root user",
        organization.IN_EVERY_REGION,
    ),
    MemberRule(
        "organization-global",
        "Organization",
        "Writes of AWS Organizations and Account Management",
        services=("organizations", "account"),
        is_global=True,
    ),
    MemberRule("attachment", "Attachment", "Security groups set on resources", attachment.CALL_SPECS),
)


def patterns() -> dict[str, dict[str, Any]]:
    """The pattern of each rule, by its name."""
    taken = set(_of_hub())
    found = {}
    for rule in RULES:
        own = [key for key in rule.calls or () if key not in taken]
        taken.update(own)
        found[rule.name] = _every_write(rule.services) if rule.services else _pattern(own)
    return found


def _of_hub() -> Iterator[Key]:
    """The calls in the patterns of `hub`, which are written by hand: most of them are limited by a name."""
    for rule in HUB_RULES:
        for each in _written(rule.name)["detail"]["$or"]:
            service = each["eventSource"][0].removesuffix(".amazonaws.com")
            yield from ((service, name) for name in each["eventName"])


def _pattern(keys: list[Key]) -> dict[str, Any]:
    by_service: dict[str, list[str]] = {}
    for service, name in keys:
        by_service.setdefault(service, []).append(name)
    branches = [
        {"eventSource": [f"{service}.amazonaws.com"], "eventName": names} for service, names in by_service.items()
    ]
    detail = branches[0] if len(branches) == 1 else {"$or": branches}
    return {"source": [f"aws.{each}" for each in by_service], "detail-type": _DETAIL_TYPE, "detail": detail}


def _every_write(services: tuple[str, ...]) -> dict[str, Any]:
    branches = [{"eventSource": [f"{each}.amazonaws.com"], "readOnly": [False]} for each in services]
    return {"source": [f"aws.{each}" for each in services], "detail-type": _DETAIL_TYPE, "detail": {"$or": branches}}


def member_template() -> str:
    """The template with its rules as the tables have them."""
    before, _, remainder = MEMBER.read_text("utf-8").partition(_BEGIN)
    _, _, after = remainder.partition(_END)
    found = {**{rule.name: _written(rule.name) for rule in HUB_RULES}, **patterns()}
    rules = "\n".join(_resource(rule, found[rule.name]) for rule in (*HUB_RULES, *RULES))
    return before + _BEGIN + rules + _END + after


def _written(name: str) -> dict[str, Any]:
    pattern: dict[str, Any] = json.loads((PATTERNS / f"{name}.json").read_text("utf-8"))
    return pattern


def _resource(rule: MemberRule, pattern: dict[str, Any]) -> str:
    condition = f"    Condition: Forwards{rule.parameter}{'Global' * rule.is_global}\n" if rule.parameter else ""
    return (
        f"  {rule.logical_id}:\n"
        "    Type: AWS::Events::Rule\n"
        f"{condition}"
        "    Properties:\n"
        f"      Name: gatewatch-{rule.name}\n"
        f"      Description: {rule.description}, to the gatewatch hub\n"
        "      State: ENABLED\n"
        "      EventPattern:\n"
        f"{_wrapped(_flow(pattern))}"
        "      Targets:\n"
        "        - Id: hub\n"
        "          Arn: !Ref HubBusArn\n"
        "          RoleArn: !GetAtt ForwardRole.Arn\n"
        "          DeadLetterConfig: {Arn: !GetAtt Undelivered.Arn}\n"
        "          RetryPolicy: {MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86400}\n"
    )


def _flow(value: Any) -> str:
    """YAML in flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value) if _PLAIN.match(value) else json.dumps(value)


def _wrapped(text: str) -> str:
    """Lines of 120 characters: a stack set takes a template of 51,200 bytes (CloudFormation quotas)."""
    lines = textwrap.wrap(text, 112, break_long_words=False, break_on_hyphens=False)
    return "".join(f"        {line}\n" for line in lines)


def write() -> Iterator[str]:
    """Write every file; yields their paths in the repository."""
    for name, pattern in patterns().items():
        path = PATTERNS / f"{name}.json"
        path.write_text(json.dumps(pattern, indent=2) + "\n", encoding="utf-8")
        yield str(path.relative_to(ROOT))
    MEMBER.write_text(member_template(), encoding="utf-8")
    yield str(MEMBER.relative_to(ROOT))


if __name__ == "__main__":
    sys.stdout.write("\n".join(write()) + "\n")

"""Values of the family `hub`: tampering with gatewatch and with the trails."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from gatewatch.model.iam import IamFacts


class MonitoringComponent(StrEnum):
    """Kind of resource that the alert pipeline consists of; `resource_id` is `rule/gatewatch-security-group`."""

    RULE = "rule"
    BUS = "event-bus"
    ARCHIVE = "archive"
    TRAIL = "trail"
    ROLE = "role"
    FUNCTION = "function"
    QUEUE = "queue"
    TOPIC = "topic"
    TABLE = "table"
    PARAMETER = "parameter"
    SECRET = "secret"  # noqa: S105  a kind of resource, not a secret
    ALARM = "alarm"
    CONFIG_RULE = "config-rule"
    STACK = "stack"


class MonitoringEffect(StrEnum):
    """What a call does to the pipeline. DEPENDS: on what was set; the policy decides."""

    DISABLES = "disables"
    MODIFIES = "modifies"
    RESTORES = "restores"
    DEPENDS = "depends"


class RuleTarget(Struct, frozen=True):
    """A target of a rule: ARN, and the ARN of the role that EventBridge uses.

    `changes_events`: it gets something else than the event that the rule matched.
    """

    arn: str
    role: str
    changes_events: bool = False


class MonitoringFacts(Struct, frozen=True, kw_only=True, tag=True):
    """Facts of a call on gatewatch's own resources, or on a trail.

    `name` is empty when a refused call does not say. `pattern` is the JSON text of a rule's event pattern, `targets`
    those it sends to, `schedule` when it runs; each only where the call sets it. `settings` are codes of the trail's
    settings that changed. `iam`: what an IAM call did to a role of gatewatch. `by_deployment`: CloudFormation made the
    call. `recent_denials`: number of denied calls of this caller on trails in the window of the policy, including this
    one.
    """

    component: MonitoringComponent
    name: str
    effect: MonitoringEffect
    pattern: str | None = None
    targets: tuple[RuleTarget, ...] = ()
    schedule: str | None = None
    settings: tuple[str, ...] = ()
    iam: IamFacts | None = None
    by_deployment: bool = False
    recent_denials: int = 0

    @property
    def weakens_trail(self) -> bool:
        return self.component is MonitoringComponent.TRAIL and self.effect is not MonitoringEffect.RESTORES

"""One invocation by AWS Config: read, judged by the rule it names, answered with the member's own credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewatch.remediation.config_rule.evaluation import EvaluationError, put_evaluations
from gatewatch.remediation.config_rule.invocation import Invocation, read_invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from logging import Logger

    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.evaluation import Evaluation

DEFAULT_RULE = "ingress"


@dataclass(frozen=True)
class ConfigRuleStage:
    """`rules` by the parameter `rule` of a Config rule; one function serves them all."""

    rules: Mapping[str, Callable[[Invocation, Aws], Iterable[Evaluation]]]
    member: Callable[[Invocation], Aws]
    log: Logger

    def handle(self, event: dict[str, Any]) -> dict[str, int]:
        """Raises when anything could not be judged or told: Config then says that the rule failed, and asks again."""
        invocation = read_invocation(event)
        name = invocation.parameters.get("rule", DEFAULT_RULE)
        if name not in self.rules:
            raise EvaluationError(f'"{name}" is no rule of gatewatch; write one of {", ".join(self.rules)}')
        member = self.member(invocation)
        found = tuple(self.rules[name](invocation, member))
        put_evaluations(member.config, found, invocation.token)
        self.log.info("evaluated", extra={"rule": name, "account_id": invocation.account_id, "count": len(found)})
        return {"evaluations": len(found)}

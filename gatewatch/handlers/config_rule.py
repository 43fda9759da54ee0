"""Handler of AWS Config invocations: read, evaluate by the named rule, answer with the member's credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatewatch.remediation.config_rule.evaluation import EvaluationError, put_evaluations
from gatewatch.remediation.config_rule.invocation import Invocation, read_invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from logging import Logger

    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.evaluation import Evaluation

DEFAULT_RULE = "ingress"


@dataclass(frozen=True)
class ConfigRuleHandler:
    """`rules`: by the parameter `rule` of the Config rule; one Lambda function serves all of them.

    `publishers`, by the same parameter, receive the evaluations once Config has them.
    """

    rules: Mapping[str, Callable[[Invocation, Aws], Iterable[Evaluation]]]
    member: Callable[[Invocation], Aws]
    log: Logger
    publishers: Mapping[str, Callable[[Invocation, Aws, Sequence[Evaluation]], None]] = field(default_factory=dict)

    def handle(self, event: dict[str, Any]) -> dict[str, int]:
        """Evaluate and return the number of evaluations.

        Raises when something cannot be evaluated or sent; Config then shows a failed rule and invokes it again.
        """
        invocation = read_invocation(event)
        name = invocation.parameters.get("rule", DEFAULT_RULE)
        if name not in self.rules:
            raise EvaluationError(f'"{name}" is not a rule of gatewatch; use one of {", ".join(self.rules)}')
        member = self.member(invocation)
        found = tuple(self.rules[name](invocation, member))
        put_evaluations(member.config, found, invocation.token)
        if name in self.publishers and not invocation.is_test:
            self.publishers[name](invocation, member, found)
        self.log.info("evaluated", extra={"rule": name, "account_id": invocation.account_id, "count": len(found)})
        return {"evaluations": len(found)}

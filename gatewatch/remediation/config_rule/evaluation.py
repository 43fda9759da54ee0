"""What gatewatch answers AWS Config, and the one call that does."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_config import ConfigServiceClient
    from types_boto3_config.type_defs import EvaluationTypeDef

    from gatewatch.remediation.config_rule.invocation import Invocation

_PER_CALL = 100
_ANNOTATION = 256  # an empty one is refused as well
_TEST_TOKEN = "TESTMODE"  # noqa: S105  the token of a rehearsal: nothing is stored


class State(StrEnum):
    COMPLIANT = "COMPLIANT"
    NON_COMPLIANT = "NON_COMPLIANT"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Evaluation(Struct, frozen=True):
    """`at` is when the judged state was captured, as Config wrote it."""

    resource_type: str
    resource_id: str
    state: State
    annotation: str
    at: str


class EvaluationError(GatewatchError):
    """Config did not take an evaluation: then the function fails, and Config says that the rule did."""


def put_evaluations(config: ConfigServiceClient, evaluations: Iterable[Evaluation], token: str) -> None:
    """With the member's own credentials: the token is bound to it. Raises `EvaluationError`, `ClientError`."""
    in_order = sorted(evaluations, key=lambda each: (each.resource_type, each.resource_id))
    for batch in _batches(in_order):
        answer = config.put_evaluations(
            Evaluations=[_entry(each) for each in batch], ResultToken=token, TestMode=token == _TEST_TOKEN
        )
        if failed := answer.get("FailedEvaluations"):
            raise EvaluationError(f"AWS Config did not take {len(failed)} of {len(batch)} evaluations")


def _batches(evaluations: Sequence[Evaluation]) -> Iterable[Sequence[Evaluation]]:
    return (evaluations[start : start + _PER_CALL] for start in range(0, len(evaluations), _PER_CALL))


def _entry(each: Evaluation) -> EvaluationTypeDef:
    entry: EvaluationTypeDef = {
        "ComplianceResourceType": each.resource_type,
        "ComplianceResourceId": each.resource_id,
        "ComplianceType": each.state.value,
        "OrderingTimestamp": each.at,
    }
    if each.annotation:
        entry["Annotation"] = fitting(each.annotation)
    return entry


def fitting(annotation: str) -> str:
    return annotation if len(annotation) <= _ANNOTATION else annotation[: _ANNOTATION - 1] + "…"


def already_gone(
    config: ConfigServiceClient, invocation: Invocation, there: Iterable[Evaluation], at: str
) -> list[Evaluation]:
    """What this rule judged before and is no more: a periodic rule has to take its word back itself."""
    known = {(each.resource_type, each.resource_id) for each in there}
    pages = config.get_paginator("get_compliance_details_by_config_rule").paginate(
        ConfigRuleName=invocation.rule_name, ComplianceTypes=["COMPLIANT", "NON_COMPLIANT"]
    )
    judged = (
        each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
        for page in pages
        for each in page["EvaluationResults"]
    )
    before = {(each["ResourceType"], each["ResourceId"]) for each in judged}
    return [Evaluation(*name, State.NOT_APPLICABLE, "It is gone.", at) for name in sorted(before - known)]

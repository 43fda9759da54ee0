"""Evaluations for AWS Config and the call that sends them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.errors import GatewatchError
from gatewatch.remediation.config_rule.invocation import TEST_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_config import ConfigServiceClient
    from types_boto3_config.type_defs import EvaluationTypeDef

    from gatewatch.remediation.config_rule.invocation import Invocation

_PER_CALL = 100
_MAX_ANNOTATION = 256  # PutEvaluations also refuses an empty annotation


class ComplianceType(StrEnum):
    COMPLIANT = "COMPLIANT"
    NON_COMPLIANT = "NON_COMPLIANT"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Evaluation(Struct, frozen=True):
    """`at`: when the evaluated state was captured, in the form that Config sent."""

    resource_type: str
    resource_id: str
    state: ComplianceType
    annotation: str
    at: str


class EvaluationError(GatewatchError):
    """Config refused an evaluation, or names an unknown rule; the invocation fails and Config shows that."""


def put_evaluations(config: ConfigServiceClient, evaluations: Iterable[Evaluation], token: str) -> None:
    """Send evaluations with the credentials of the member, to which the token is bound.

    Raises `EvaluationError`, `ClientError`.
    """
    in_order = sorted(evaluations, key=lambda each: (each.resource_type, each.resource_id))
    for batch in _batches(in_order):
        answer = config.put_evaluations(
            Evaluations=[_entry(each) for each in batch], ResultToken=token, TestMode=token == TEST_TOKEN
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
        entry["Annotation"] = truncate_annotation(each.annotation)
    return entry


def truncate_annotation(annotation: str) -> str:
    """Return at most 256 characters."""
    return annotation if len(annotation) <= _MAX_ANNOTATION else annotation[: _MAX_ANNOTATION - 1] + "…"


def deleted_resources(
    config: ConfigServiceClient, invocation: Invocation, existing: Iterable[Evaluation], at: str
) -> list[Evaluation]:
    """Return NOT_APPLICABLE for resources that this rule evaluated before and that do not exist any more.

    AWS Config does not remove evaluations of a periodic rule by itself. Raises `ClientError`.
    """
    known = {(each.resource_type, each.resource_id) for each in existing}
    pages = config.get_paginator("get_compliance_details_by_config_rule").paginate(
        ConfigRuleName=invocation.rule_name, ComplianceTypes=["COMPLIANT", "NON_COMPLIANT"]
    )
    evaluated = (
        each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
        for page in pages
        for each in page["EvaluationResults"]
    )
    before = {(each["ResourceType"], each["ResourceId"]) for each in evaluated}
    return [
        Evaluation(*name, ComplianceType.NOT_APPLICABLE, "The resource does not exist any more.", at)
        for name in sorted(before - known)
    ]

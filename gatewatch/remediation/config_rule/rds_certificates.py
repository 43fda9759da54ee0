"""Periodic rule: every RDS instance has a server certificate of an accepted certificate authority."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatewatch.remediation.config_rule.evaluation import ComplianceType, Evaluation, deleted_resources
from gatewatch.remediation.config_rule.invocation import ItemChanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_rds.type_defs import DBInstanceTypeDef

    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.invocation import Invocation

DB_INSTANCE = "AWS::RDS::DBInstance"
# RDS user guide, certificate authorities; rds-ca-2019 expired in August 2024.
CURRENT = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")


def evaluations(invocation: Invocation, member: Aws) -> Iterator[Evaluation]:
    """Yield an evaluation for each instance; deleted ones become NOT_APPLICABLE.

    The rule parameter `acceptedAuthorities` is a comma-separated list.
    """
    message = invocation.message
    if isinstance(message, ItemChanged):
        item = message.item
        yield Evaluation(
            item.resource_type,
            item.resource_id,
            ComplianceType.NOT_APPLICABLE,
            "The rule is periodic.",
            item.captured_at,
        )
        return
    accepted = accepted_authorities(invocation.parameters.get("acceptedAuthorities", ""))
    pages = member.rds.get_paginator("describe_db_instances").paginate()
    existing = [_evaluate(each, accepted, message.at) for page in pages for each in page["DBInstances"]]
    yield from existing
    yield from deleted_resources(member.config, invocation, existing, message.at)


def accepted_authorities(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip()) or CURRENT


def _evaluate(instance: DBInstanceTypeDef, accepted: tuple[str, ...], at: str) -> Evaluation:
    authority = instance.get("CACertificateIdentifier", "")
    state = ComplianceType.COMPLIANT if authority in accepted else ComplianceType.NON_COMPLIANT
    text = f"{instance.get('DBInstanceIdentifier', '?')} has {authority or 'no certificate'}{_validity(instance)}"
    end = "." if state is ComplianceType.COMPLIANT else f"; accepted: {', '.join(accepted)}."
    return Evaluation(DB_INSTANCE, instance["DbiResourceId"], state, text + end, at)


def _validity(instance: DBInstanceTypeDef) -> str:
    valid = instance.get("CertificateDetails", {}).get("ValidTill")
    return f" until {valid.astimezone(UTC):%Y-%m-%d}" if isinstance(valid, datetime) else ""

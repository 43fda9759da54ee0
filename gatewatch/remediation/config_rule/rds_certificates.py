"""RDS certificate authorities: every instance has a server certificate of an accepted one. Periodic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatewatch.remediation.config_rule.evaluation import Evaluation, State, already_gone
from gatewatch.remediation.config_rule.invocation import Changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_rds.type_defs import DBInstanceTypeDef

    from gatewatch.aws.clients import Aws
    from gatewatch.remediation.config_rule.invocation import Invocation

DB_INSTANCE = "AWS::RDS::DBInstance"
# RDS user guide, certificate authorities; rds-ca-2019 expired in August 2024.
CURRENT = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")


def evaluations(invocation: Invocation, member: Aws) -> Iterator[Evaluation]:
    """By `acceptedAuthorities`, a list with commas; instances that went away are taken back."""
    message = invocation.message
    if isinstance(message, Changed):
        item = message.item
        yield Evaluation(
            item.resource_type, item.resource_id, State.NOT_APPLICABLE, "The rule is periodic.", item.captured_at
        )
        return
    accepted = accepted_authorities(invocation.parameters.get("acceptedAuthorities", ""))
    pages = member.rds.get_paginator("describe_db_instances").paginate()
    there = [_judged(each, accepted, message.at) for page in pages for each in page["DBInstances"]]
    yield from there
    yield from already_gone(member.config, invocation, there, message.at)


def accepted_authorities(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip()) or CURRENT


def _judged(instance: DBInstanceTypeDef, accepted: tuple[str, ...], at: str) -> Evaluation:
    authority = instance.get("CACertificateIdentifier", "")
    state = State.COMPLIANT if authority in accepted else State.NON_COMPLIANT
    said = f"{instance.get('DBInstanceIdentifier', '?')} has {authority or 'no certificate'}{_until(instance)}"
    more = "." if state is State.COMPLIANT else f"; accepted: {', '.join(accepted)}."
    return Evaluation(DB_INSTANCE, instance["DbiResourceId"], state, said + more, at)


def _until(instance: DBInstanceTypeDef) -> str:
    valid = instance.get("CertificateDetails", {}).get("ValidTill")
    return f" until {valid.astimezone(UTC):%Y-%m-%d}" if isinstance(valid, datetime) else ""

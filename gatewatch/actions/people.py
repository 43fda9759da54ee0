"""Who a person is in AWS, by `people` of accounts.yaml or by a user name of IAM Identity Center."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.model.alert_actions import Person
from gatewatch.model.identity import canonical_identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.people import PersonEntry


def person_in_slack(slack: str, name: str, email: str, people: Sequence[PersonEntry]) -> Person:
    """Return the person of a Slack user. `email` is what Slack says, empty where it may not be read."""
    entry = next((each for each in people if each.is_about(slack, email)), None)
    identities = entry.identities if entry else ()
    return Person(slack, name, email or (entry.email if entry else ""), identities)


def person_with_user_name(person: Person, user_name: str, people: Sequence[PersonEntry]) -> Person:
    """Return a person with a user name of IAM Identity Center.

    Where `people` has this user name, the person has the identities of those entries as well, so that a second Slack
    user of somebody who is listed is no second person.
    """
    return msgspec.structs.replace(person, identities=_with_shared(canonical_identity(user_name), people))


def person_of_caller(arn: str, people: Sequence[PersonEntry]) -> Person:
    """Return the person of the caller of `gatewatch act`, by the ARN that sts:GetCallerIdentity returns.

    A caller in one entry of `people` is the same person as in Slack. An identity that several share names nobody: such
    a caller has the identities of all of them, so that none of them counts as a second person.
    """
    own = canonical_identity(arn)
    entries = [each for each in people if own in each.identities]
    identities = _with_shared(own, people)
    if len(entries) != 1:
        return Person(arn, arn.rpartition("/")[2], "", identities)
    return Person(entries[0].slack or arn, entries[0].email or arn, entries[0].email, identities)


def _with_shared(own: str, people: Sequence[PersonEntry]) -> tuple[str, ...]:
    """An identity with those of everybody who has it, sorted."""
    entries = (each.identities for each in people if own in each.identities)
    return tuple(sorted({own, *(each for identities in entries for each in identities)}))

"""`people:` of accounts.yaml: which AWS identities a Slack user has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.config.actions import EMAIL, SLACK_USER
from gatewatch.model.identity import canonical_identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_IAM_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:(?:user|role)/[\w+=,.@/-]+\Z", re.ASCII)
_USER_NAME = re.compile(r"[\w+=,.@-]{1,128}\Z")


class PersonEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`slack`: user id. `aws`: ARNs of IAM users and roles, and user names of IAM Identity Center.

    A role counts for everybody who may assume it: list it for each of them. The e-mail address counts only without a
    user id, because a person may change the address of a Slack profile.
    """

    aws: tuple[str, ...]
    slack: str = ""
    email: str = ""

    def is_about(self, slack: str, email: str) -> bool:
        if self.slack:
            return self.slack == slack
        return bool(self.email) and self.email.casefold() == email.casefold()

    @property
    def identities(self) -> tuple[str, ...]:
        return tuple(sorted(set(map(canonical_identity, self.aws))))


def people_problems(people: Sequence[PersonEntry]) -> Iterator[str]:
    """Yield `key: sentence` for every problem."""
    for index, each in enumerate(people):
        key = f"people[{index}]"
        if not each.slack and not each.email:
            yield f"{key}: names nobody; write slack: U012ABCDEF or email: alice@example.com."
        if each.slack and not SLACK_USER.match(each.slack):
            yield f'{key}.slack: "{each.slack}" is not a Slack user id, such as U012ABCDEF.'
        if each.email and not EMAIL.match(each.email):
            yield f'{key}.email: "{each.email}" is not an e-mail address.'
        if not each.aws:
            yield f"{key}.aws: is empty; write an AWS identity, or remove the entry."
        yield from (f"{key}.aws[{number}]: {_sentence(text)}" for number, text in _invalid(each))
        for earlier in people[:index]:
            is_same_email = bool(each.email) and earlier.email.casefold() == each.email.casefold()
            if (each.slack and earlier.slack == each.slack) or is_same_email:
                yield f"{key}: is a second entry for one person; write one entry with all identities."


def _invalid(person: PersonEntry) -> Iterator[tuple[int, str]]:
    for number, text in enumerate(person.aws):
        if not (_IAM_ARN if text.startswith("arn:") else _USER_NAME).match(text):
            yield number, text


def _sentence(text: str) -> str:
    return f'"{text}" is neither the ARN of an IAM user or role nor a user name of IAM Identity Center.'

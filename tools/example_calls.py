"""The example calls of tools/coverage/examples: a request, and the keys of the row that it must give."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.paths import ROOT
from gatewatch.config.settings import Settings, load_settings
from gatewatch.events.decoding import decode
from gatewatch.model.api_call import ApiCall
from gatewatch.rendering.json_rows import rows
from gatewatch.rendering.text.labels import Labels, load_labels

FOLDER = ROOT / "tools" / "coverage"


class Example(Struct, frozen=True):
    """`expected`: keys of the row with their values; its severity may be `none` (no row) or `row` (any severity).
    `fields`: further fields of the record.
    """

    id: str
    service: str
    name: str
    request: Any
    response: Any
    error: str | None
    family: str
    expected: dict[str, Any]
    fields: dict[str, Any] = {}

    def record(self, **more: Any) -> dict[str, Any]:
        """A CloudTrail record of the call by a user of account 111122223333."""
        failure = {"errorCode": self.error, "errorMessage": "refused"} if self.error else {}
        return {
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"},
            "eventTime": "2026-01-24T03:45:49Z",
            "eventSource": f"{self.service}.amazonaws.com",
            "eventName": self.name,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2.18.17",
            "requestParameters": self.request,
            "responseElements": self.response,
            "eventID": "1beb5d85-3e0f-4000-b7d7-000000000001",
            "recipientAccountId": "111122223333",
            **failure,
            **self.fields,
            **more,
        }


def _examples() -> tuple[Example, ...]:
    found = []
    for path in sorted((FOLDER / "examples").glob("*.yaml")):
        for number, raw in enumerate(yaml.safe_load(path.read_text("utf-8"))):
            service, name = raw.pop("call").split()
            request, response, error = raw.pop("request"), raw.pop("response", None), raw.pop("error", None)
            fields = raw.pop("fields", {})
            family = raw.pop("family", path.stem)
            label = f"{path.stem}-{number}-{name}-{raw['severity']}"
            found.append(Example(label, service, name, request, response, error, family, raw, fields))
    return tuple(found)


EXAMPLES = _examples()


@cache
def settings() -> Settings:
    """The policy of the repository, and two own accounts, a known one and an organization."""
    return load_settings(FOLDER / "accounts.yaml", ROOT / "policy.yaml")


@cache
def english() -> Labels:
    return load_labels(ROOT / "templates", "en")


def call_of(record: dict[str, Any]) -> ApiCall:
    """The call of a record, through JSON. Raises `TypeError` for a record that is not recognized."""
    (call,) = decode(msgspec.json.decode(msgspec.json.encode(record)))
    if not isinstance(call, ApiCall):
        raise TypeError(call)
    return call


def rows_of(example: Example, policy: Settings | None = None, **more: Any) -> list[dict[str, Any]]:
    """The rows of `gatewatch replay` for the call, as JSON has them. `more` replaces fields of the record."""
    alert = assess_call(call_of(example.record(**more)), Assessor(policy or settings(), InMemoryRuleHistory()))
    found = rows(alert, english()) if alert else ()
    return [msgspec.json.decode(msgspec.json.encode(each)) for each in found]

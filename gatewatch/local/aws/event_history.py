"""CloudTrail's Event history in the embedded AWS: moto does not implement LookupEvents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"


class PastCall(NamedTuple):
    """A call on a resource. `at` is in seconds since 1970."""

    resource: str
    name: str
    username: str
    event_id: str
    at: float


class EventHistory:
    """A WSGI application that answers LookupEvents by resource name and leaves everything else to another one."""

    def __init__(self, others: WSGIApplication) -> None:
        self._others = others
        self.calls: list[PastCall] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_X_AMZ_TARGET") != _TARGET:
            return self._others(environ, start_response)
        wanted = json.loads(Request(environ).get_data())
        (attribute,) = wanted["LookupAttributes"]
        found = [
            {"EventId": each.event_id, "EventName": each.name, "EventTime": each.at, "Username": each.username}
            for each in self.calls
            if each.resource == attribute["AttributeValue"] and wanted["StartTime"] <= each.at <= wanted["EndTime"]
        ]
        answer = Response(json.dumps({"Events": found}), mimetype="application/x-amz-json-1.1")
        return answer(environ, start_response)

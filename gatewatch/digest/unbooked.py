"""How many events the day book is known to lack: what functions/alert counted where the table did not answer.

The count comes by the log, so it is there although the table was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from gatewatch.meter import NAMESPACE, UNBOOKED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_HOUR = 3600


class CloudWatch(Protocol):
    def get_metric_data(self, **query: Any) -> Mapping[str, Any]: ...


def unbooked(cloudwatch: CloudWatch, service: str, first: datetime, last: datetime) -> int:
    """`service` is the name under which functions/alert counts. Errors of CloudWatch go out."""
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": UNBOOKED,
        "Dimensions": [{"Name": "service", "Value": service}],
    }
    query = {"Id": "unbooked", "MetricStat": {"Metric": metric, "Period": _HOUR, "Stat": "Sum"}}
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=first, EndTime=last)
    counts: list[float] = [value for result in answer["MetricDataResults"] for value in result["Values"]]
    return round(sum(counts))

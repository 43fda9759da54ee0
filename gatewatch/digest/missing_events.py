"""How many events the day book is known to lack: what functions/alert counted where the table did not answer.

The count comes by the log, so it is there although the table was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.aws.metrics import NAMESPACE, UNBOOKED

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricTypeDef

_HOUR = 3600


def unbooked(cloudwatch: CloudWatchClient, service: str, first: datetime, last: datetime) -> int:
    """`service` is the name under which functions/alert counts. Errors of CloudWatch go out."""
    metric: MetricTypeDef = {
        "Namespace": NAMESPACE,
        "MetricName": UNBOOKED,
        "Dimensions": [{"Name": "service", "Value": service}],
    }
    query: MetricDataQueryTypeDef = {"Id": "unbooked", "MetricStat": {"Metric": metric, "Period": _HOUR, "Stat": "Sum"}}
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=first, EndTime=last)
    counts: list[float] = [value for result in answer["MetricDataResults"] for value in result["Values"]]
    return round(sum(counts))

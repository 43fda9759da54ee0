"""How many events the activity log is known to lack, from the metric of functions/alert.

The metric is written by the log, so it is available although the table was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.aws.metrics import ACTIVITY_NOT_RECORDED, NAMESPACE

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricTypeDef

_HOUR = 3600


def count_missing_events(cloudwatch: CloudWatchClient, service: str, first: datetime, last: datetime) -> int:
    """Return the number of events between two times. `service` is the metric dimension; raises botocore's errors."""
    metric: MetricTypeDef = {
        "Namespace": NAMESPACE,
        "MetricName": ACTIVITY_NOT_RECORDED,
        "Dimensions": [{"Name": "service", "Value": service}],
    }
    query: MetricDataQueryTypeDef = {"Id": "missing", "MetricStat": {"Metric": metric, "Period": _HOUR, "Stat": "Sum"}}
    response = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=first, EndTime=last)
    counts: list[float] = [value for result in response["MetricDataResults"] for value in result["Values"]]
    return round(sum(counts))

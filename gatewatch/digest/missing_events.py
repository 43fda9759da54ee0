"""Counts of metrics for a digest: events that the activity log is known to lack, late events, and actions of people.

The metrics are written by the logs of the functions, so they are available although a table was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.aws.metrics import ACTIONS_PERFORMED, ACTIONS_REFUSED, ACTIVITY_NOT_RECORDED, LATE_EVENTS, NAMESPACE
from gatewatch.model.digest import ActionCounts

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricTypeDef

_HOUR = 3600


def count_missing_events(cloudwatch: CloudWatchClient, service: str, first: datetime, last: datetime) -> int:
    """Return the number of events between two times. `service` is the metric dimension; raises botocore's errors."""
    return _count(cloudwatch, ACTIVITY_NOT_RECORDED, service, first, last)


def count_late_events(cloudwatch: CloudWatchClient, service: str, first: datetime, last: datetime) -> int:
    """Return how many rules an event explained after they were reported as changed without one. Raises as above."""
    return _count(cloudwatch, LATE_EVENTS, service, first, last)


def count_actions(cloudwatch: CloudWatchClient, service: str, first: datetime, last: datetime) -> ActionCounts:
    """Return how many actions of people were performed and refused. Raises botocore's errors."""
    performed, refused = (
        _count(cloudwatch, name, service, first, last) for name in (ACTIONS_PERFORMED, ACTIONS_REFUSED)
    )
    return ActionCounts(performed, refused)


def _count(cloudwatch: CloudWatchClient, name: str, service: str, first: datetime, last: datetime) -> int:
    metric: MetricTypeDef = {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "Dimensions": [{"Name": "service", "Value": service}],
    }
    query: MetricDataQueryTypeDef = {"Id": "missing", "MetricStat": {"Metric": metric, "Period": _HOUR, "Stat": "Sum"}}
    response = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=first, EndTime=last)
    counts: list[float] = [value for result in response["MetricDataResults"] for value in result["Values"]]
    return round(sum(counts))

"""The run in AWS: an execution of the state machine of history/stack.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.errors import ConfigurationError
from gatewatch.history.runs import plan_name

if TYPE_CHECKING:
    from gatewatch.history.runs import Run

_S3 = "s3://"
_TOLERATED_FAILURE_PERCENTAGE = 5  # more says that something is wrong with the run itself


class ExecutionStatus(Struct, frozen=True):
    """`counts` are of the batches, by their state in the map run."""

    status: str
    counts: dict[str, int]


def start_execution(stepfunctions: Any, state_machine: str, run: Run, workers: int) -> str:
    """Start the execution of a run and return its ARN. Starting a running one again returns the same.

    `workers` is the largest number at the same time. Raises `ConfigurationError` for a run of local folders or one that
    has ended.
    """
    bucket, prefix = _bucket_and_prefix(run.results)
    _bucket_and_prefix(run.logs)
    content = {
        "run": msgspec.to_builtins(run),
        "results_bucket": bucket,
        "batches_key": f"{prefix}{plan_name(run.name)}",
        "workers": workers,
        "tolerated_failure_percentage": _TOLERATED_FAILURE_PERCENTAGE,
        "map_results_prefix": f"{prefix}runs/{run.name}/map",
    }
    text = msgspec.json.encode(content).decode()
    try:
        answer = stepfunctions.start_execution(stateMachineArn=state_machine, name=run.name, input=text)
    except stepfunctions.exceptions.ExecutionAlreadyExists as error:
        arn = execution_arn(state_machine, run.name)
        raise ConfigurationError(
            f"run {run.name} was started before; repeat what failed of it: "
            f"aws stepfunctions redrive-execution --execution-arn {arn}"
        ) from error
    return str(answer["executionArn"])


def _bucket_and_prefix(location: str) -> tuple[str, str]:
    if not location.startswith(_S3):
        raise ConfigurationError(f"{location}: the state machine reads and writes S3 only; name s3://bucket/prefix.")
    bucket, _, prefix = location.removeprefix(_S3).partition("/")
    return bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""


def execution_arn(state_machine: str, run: str) -> str:
    return f"{state_machine.replace(':stateMachine:', ':execution:')}:{run}"


def execution_status(stepfunctions: Any, arn: str) -> ExecutionStatus:
    status = stepfunctions.describe_execution(executionArn=arn)["status"]
    counts: dict[str, int] = {}
    for each in stepfunctions.list_map_runs(executionArn=arn).get("mapRuns", ()):
        found = stepfunctions.describe_map_run(mapRunArn=each["mapRunArn"])["itemCounts"]
        counts |= {name: count for name, count in found.items() if count}
    return ExecutionStatus(status, counts)

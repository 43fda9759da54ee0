"""The state machine of history/stack.yaml: its definition by the schema of the language, and how a run starts it."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import msgspec
import pytest
from moto import mock_aws

from functions.history import BatchEvent
from gatewatch.errors import ConfigurationError
from gatewatch.history.batches import Batch
from gatewatch.history.execution import execution_arn, execution_status, start_execution
from gatewatch.history.runs import Run
from support.cloudformation import Stack
from support.paths import ROOT

SCHEMA = json.loads(Path(__file__).with_name("asl.schema.json").read_bytes())
PARAMETERS = {"TrailBucket": "org-trail", "CodeBucket": "code", "CodeKey": "code.zip"}
RUN = Run("first", "s3://org-trail/AWSLogs", "s3://results/gatewatch")
MACHINE = "arn:aws:states:us-east-1:999988887777:stateMachine:gatewatch-history"


def definition(partition: str = "aws", region: str = "us-east-1") -> dict[str, Any]:
    stack = Stack(ROOT / "history" / "stack.yaml", "999988887777", region, partition, PARAMETERS)
    found: dict[str, Any] = stack.resources["StateMachine"]["Properties"]["Definition"]
    return json.loads(json.dumps(found))


def problems(machine: dict[str, Any]) -> list[str]:
    return [each.message for each in jsonschema.Draft202012Validator(SCHEMA).iter_errors(machine)]


def started_input() -> dict[str, Any]:
    """What `start_execution` gives the state machine."""
    with mock_aws():
        client = boto3.client("stepfunctions", region_name="us-east-1")
        role = "arn:aws:iam::123456789012:role/gatewatch"
        machine = client.create_state_machine(
            name="gatewatch-history", definition=json.dumps(definition()), roleArn=role
        )["stateMachineArn"]
        arn = start_execution(client, machine, RUN, 50)
        assert arn == execution_arn(machine, RUN.name)
        assert execution_status(client, arn).status in {"RUNNING", "SUCCEEDED", "FAILED"}
        found: dict[str, Any] = json.loads(client.describe_execution(executionArn=arn)["input"])
        return found


@pytest.mark.parametrize(("partition", "region"), [("aws", "eu-west-1"), ("aws-cn", "cn-north-1")])
def test_the_definition_is_of_the_language(partition, region) -> None:
    assert problems(definition(partition, region)) == []


def mistakes() -> list[dict[str, Any]]:
    """Definitions that a linter of CloudFormation lets pass."""
    found = []
    for change in (
        lambda batches: batches.update(MaxItemsPerBtch=10),
        lambda batches: batches["ItemProcessor"]["ProcessorConfig"].update(Mode="DISTRIB"),
        lambda batches: batches["ItemReader"]["ReaderConfig"].update(InputType="XML"),
        lambda batches: batches.pop("End"),
        lambda batches: batches.update(Next="Other"),
        lambda batches: batches.update(MaxConcurrency=5),
        lambda batches: batches["ItemSelector"].update({"run.$": "run"}),
        lambda batches: batches["ItemProcessor"]["States"]["Assess"]["Retry"][0].update(MaxAttempt=1),
        lambda batches: batches["ResultWriter"].update(Resource="arn:aws:states:::s3:getObject"),
    ):
        machine = copy.deepcopy(definition())
        change(machine["States"]["Batches"])
        found.append(machine)
    return found


@pytest.mark.parametrize("machine", mistakes(), ids=range(9))
def test_the_schema_finds_a_mistake(machine) -> None:
    assert problems(machine)


def at(path: str, value: dict[str, Any]) -> Any:
    for name in path.removeprefix("$.").split("."):
        value = value[name]
    return value


def test_every_path_of_the_definition_is_in_the_input_of_a_run() -> None:
    batches, given = definition()["States"]["Batches"], started_input()
    paths = [
        *batches["ItemReader"]["Parameters"].values(),
        *batches["ResultWriter"]["Parameters"].values(),
        batches["ItemSelector"]["run.$"],
        batches["MaxConcurrencyPath"],
        batches["ToleratedFailurePercentagePath"],
    ]
    assert [at(path, given) for path in paths] == [
        "results",
        "gatewatch/runs/first/batches.json",
        "results",
        "gatewatch/runs/first/map",
        msgspec.to_builtins(RUN),
        50,
        5,
    ]


def test_a_worker_reads_what_the_item_selector_gives_it() -> None:
    selector = definition()["States"]["Batches"]["ItemSelector"]
    assert selector["batch.$"] == "$$.Map.Item.Value"
    item = msgspec.to_builtins(Batch(3, "a", "b", 2, 10))
    given = {"run": started_input()["run"], "batch": item}
    assert {each.removesuffix(".$") for each in selector} == given.keys()
    assert msgspec.convert(given, BatchEvent) == BatchEvent(RUN, Batch(3, "a", "b", 2, 10))


@pytest.mark.parametrize("run", [Run("x", "trail/", "s3://results"), Run("x", "s3://trail", "results/")])
def test_a_run_of_local_folders_is_not_started_in_aws(run) -> None:
    with pytest.raises(ConfigurationError, match="reads and writes S3 only"):
        start_execution(None, MACHINE, run, 1)


def test_a_run_that_has_ended_is_redriven_and_not_started_again() -> None:
    with mock_aws():
        client = boto3.client("stepfunctions", region_name="us-east-1")
        role = "arn:aws:iam::123456789012:role/gatewatch"
        text = json.dumps(definition())
        machine = client.create_state_machine(name="gatewatch-history", definition=text, roleArn=role)[
            "stateMachineArn"
        ]
        arn = start_execution(client, machine, RUN, 50)
        with contextlib.suppress(client.exceptions.ExecutionDoesNotExist):
            client.stop_execution(executionArn=arn)
        with pytest.raises(ConfigurationError, match=f"redrive-execution --execution-arn {arn}"):
            start_execution(client, machine, RUN, 60)


def test_workers_have_no_right_to_send_anything() -> None:
    stack = Stack(ROOT / "history" / "stack.yaml", "999988887777", "us-east-1", parameters=PARAMETERS)
    statements = [
        statement
        for policy in stack.resources["WorkerRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    actions = {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert {each.partition(":")[0] for each in actions} <= {"s3", "kms", "logs"}

"""The embedded AWS: moto's server in this process, on a free port of 127.0.0.1.

Differences from AWS: moto evaluates no policies, so bus and queue policies deny nothing; the envelope of a forwarded
event has the receiver's Region and, in a queue, no account (the CloudTrail record inside is unchanged).
moto's state is global to the process: use one Cloud at a time.
"""

from __future__ import annotations

import json
import logging
import threading
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

import urllib3
from botocore.exceptions import ClientError, WaiterError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from gatewatch.aws.sessions import service_models
from gatewatch.errors import GatewatchError
from gatewatch.local.aws.ec2 import small_ec2
from gatewatch.local.aws.event_history import EventHistory
from gatewatch.local.aws.names import hosts_of_accounts
from gatewatch.local.aws.policies import store_policies_as_json
from gatewatch.local.aws.schedules import isolate_scheduled_rules, run_scheduled_rules
from gatewatch.local.aws.sessions import LocalCredentials, isolated_session, isolated_variables
from gatewatch.local.aws.shortcuts import moto_shortcuts
from gatewatch.local.aws.time_limits import without_time_limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    import boto3
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

# Accounts of the demo. UNLISTED_ACCOUNT belongs to the organization and is not in accounts.yaml.
HUB_ACCOUNT = "999988887777"
HUB_REGION = "ap-northeast-2"
MEMBER_ACCOUNTS = ("111122223333", "444455556666")
MEMBER_REGIONS = ("ap-northeast-2", "us-east-1")
UNLISTED_ACCOUNT = "777788889999"
MEMBERS = (
    *((account, region) for account in MEMBER_ACCOUNTS for region in MEMBER_REGIONS),
    (UNLISTED_ACCOUNT, HUB_REGION),
)

# moto lets any caller assume any role, whether it exists or not; the session belongs to the role's account.
ANYONE = LocalCredentials("anyone", "anyone", "anyone")


class DeployError(GatewatchError):
    """A stack could not be created; the message has the reason of every failed resource."""


class Cloud:
    """A context manager; the embedded AWS is empty at the start and is reset at the end.

    In the block nothing in this process gives up on it because the machine is busy.
    """

    def __init__(self) -> None:
        app = DomainDispatcherApplication(create_backend_app)
        self.event_history = EventHistory(app)
        self._server = make_server(
            "127.0.0.1", 0, self.event_history, threaded=True, request_handler=_QuietRequestHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._credentials: dict[str, LocalCredentials] = {}
        self._adaptations = ExitStack()
        self._sessions: dict[tuple[str, str], boto3.Session] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self.endpoint = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._adaptations.enter_context(small_ec2(MEMBER_REGIONS))
        self._adaptations.enter_context(hosts_of_accounts())
        self._adaptations.enter_context(without_time_limits())
        self._adaptations.enter_context(moto_shortcuts())
        self._thread.start()
        self._reset()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._reset()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._adaptations.close()

    def session(self, account: str, region: str) -> boto3.Session:
        """The session of an account and Region; all its clients use this server."""
        if (account, region) not in self._sessions:
            credentials = self._credentials_of(account)
            self._sessions[account, region] = isolated_session(self.endpoint, region, credentials, service_models())
        return self._sessions[account, region]

    def client(self, account: str, region: str, service: Any) -> Any:
        """A client of an account and Region, made once."""
        if (account, region, service) not in self._clients:
            self._clients[account, region, service] = self.session(account, region).client(service)
        return self._clients[account, region, service]

    def variables(self, account: str, region: str) -> dict[str, str]:
        """The environment variables for code that creates its clients as a Lambda function does."""
        return isolated_variables(self.endpoint, region, self._credentials_of(account))

    def deploy(self, account: str, region: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create the stack `gatewatch-<file name>` and return its outputs. Raises `DeployError`."""
        client = self.client(account, region, "cloudformation")
        name = f"gatewatch-{template.stem}"
        with without_unsupported_resource_warnings():
            try:
                outputs = _create_stack(client, name, template.read_text("utf-8"), parameters)
            except (ClientError, WaiterError) as error:
                raise DeployError(f"{name} in {account} {region}: {error}{_failure_reasons(client, name)}") from error
        isolate_scheduled_rules(self.client(account, region, "events"))
        store_policies_as_json(self.client(account, region, "iam"))
        return outputs

    def publish(self, account: str, region: str, record: Mapping[str, Any]) -> None:
        """Put a CloudTrail record on the account's default bus, as CloudTrail does after a call."""
        entry: PutEventsRequestEntryTypeDef = {
            "Source": f"aws.{record['eventSource'].removesuffix('.amazonaws.com')}",
            "DetailType": "AWS API Call via CloudTrail",
            "Detail": json.dumps(record),
        }
        self.client(account, region, "events").put_events(Entries=[entry])

    def run_scheduled_rules(self, account: str, region: str) -> int:
        """Run every scheduled rule once; return the number of events sent."""
        return run_scheduled_rules(account, region, lambda owner, place: self.client(owner, place, "events"))

    def _credentials_of(self, account: str) -> LocalCredentials:
        if account not in self._credentials:
            self._credentials[account] = self._assume_role(account)
        return self._credentials[account]

    def _assume_role(self, account: str) -> LocalCredentials:
        sts = isolated_session(self.endpoint, HUB_REGION, ANYONE, service_models()).client("sts")
        role = f"arn:aws:iam::{account}:role/gatewatch-local"
        response = sts.assume_role(RoleArn=role, RoleSessionName="local")["Credentials"]
        return LocalCredentials(response["AccessKeyId"], response["SecretAccessKey"], response["SessionToken"])

    def _reset(self) -> None:
        urllib3.request("POST", f"{self.endpoint}/moto-api/reset", retries=False, timeout=60)
        self._credentials.clear()
        self._sessions.clear()
        self._clients.clear()


class _QuietRequestHandler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: a line for each request would hide the output of the demo."""


def _create_stack(client: CloudFormationClient, name: str, body: str, parameters: Mapping[str, str]) -> dict[str, str]:
    client.create_stack(
        StackName=name,
        TemplateBody=body,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    stack = client.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _failure_reasons(client: CloudFormationClient, name: str) -> str:
    """Why resources failed; empty when the stack does not exist."""
    try:
        events = client.describe_stack_events(StackName=name)["StackEvents"]
    except ClientError:
        return ""
    failed = [event for event in events if event.get("ResourceStatus", "").endswith("FAILED")]
    return "".join(f"\n  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '?')}" for event in failed)


@contextmanager
def without_unsupported_resource_warnings() -> Iterator[None]:
    """Silence moto about EventBusPolicy, QueuePolicy, TopicPolicy and Alarm, which its CloudFormation skips."""
    log = logging.getLogger("moto")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tried to parse AWS::")
        log.addFilter(_is_other_message)
        try:
            yield
        finally:
            log.removeFilter(_is_other_message)


def _is_other_message(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("No Moto CloudFormation support for")

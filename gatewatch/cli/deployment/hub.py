"""The planned deployment of the hub against its live stack."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gatewatch.aws.sessions import CoreSession
from gatewatch.cli.deployment.stack_comparison import live_parameters, parameter_changes, resource_changes
from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gatewatch.cli.deployment.stack_comparison import ParameterChange, ResourceChange
    from gatewatch.cli.deployment.stage_file import Stage

_MAX_TEMPLATE_BODY = 51_200  # bytes; larger templates have to be in S3 (CloudFormation quotas)
_BUCKET = "ServerlessDeploymentBucket"  # logical id that osls uses
_KEY = "gatewatch/deploy-check.json"


class WrongAccountError(GatewatchError):
    """The credentials are of another account than the stage file names."""


def session_of(region: str) -> CoreSession:
    """Return a session for a Region with the credentials of the environment."""
    return CoreSession(region)


def require_account(session: CoreSession, expected: str) -> None:
    """Raise `WrongAccountError` unless the credentials are of the expected account."""
    account = session.client("sts").get_caller_identity()["Account"]
    if account != expected:
        raise WrongAccountError(
            f"the credentials are of account {account}, the stage file names {expected} as the hub."
        )


def hub_changes(stage: Stage, template: Path | None) -> tuple[ParameterChange | ResourceChange, ...] | None:
    """Return what a deployment would change; None if the stack does not exist. Raises botocore's errors.

    Without a packaged template only parameters are compared.
    """
    session = session_of(stage.hub.region)
    require_account(session, stage.hub.account)
    cloudformation, planned = session.client("cloudformation"), stage.hub_stack_parameters()
    live = live_parameters(cloudformation, stage.hub_stack)
    if live is None:
        return None
    known = {name: value for name, value in live.items() if name in planned}
    changes: tuple[ParameterChange | ResourceChange, ...] = parameter_changes(known, planned)
    if template is None:
        return changes
    with _template_argument(session, stage.hub_stack, template.read_text("utf-8")) as argument:
        return changes + resource_changes(cloudformation, stage.hub_stack, argument, planned)


@contextmanager
def _template_argument(session: CoreSession, stack: str, body: str) -> Iterator[dict[str, str]]:
    """Yield TemplateBody, or TemplateURL of a temporary object in the deployment bucket for a large template."""
    if len(body.encode()) <= _MAX_TEMPLATE_BODY:
        yield {"TemplateBody": body}
        return
    resource: Any = session.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=_BUCKET)
    bucket, s3 = resource["StackResourceDetail"]["PhysicalResourceId"], session.client("s3")
    s3.put_object(Bucket=bucket, Key=_KEY, Body=body.encode())
    try:
        yield {"TemplateURL": f"https://{bucket}.{urlsplit(s3.meta.endpoint_url).netloc}/{_KEY}"}
    finally:
        s3.delete_object(Bucket=bucket, Key=_KEY)

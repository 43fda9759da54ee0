"""`gatewatch store-secret`: stores the webhook URL or bot token of a destination."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import CONFIG, STAGE, Config, Stage, configuration_files
from gatewatch.errors import ConfigurationError

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws
    from gatewatch.config.destinations import Destination, SecretRef


def store_secret(
    destination: Annotated[str, typer.Argument(help="A destination of policy.yaml.")],
    stage: Stage = STAGE,
    config: Config = CONFIG,
) -> None:
    """Store the webhook URL or token of a destination.

    It is stored in the hub's Region, under its name in policy.yaml. The value is read from standard input, or asked
    for without echo, so that it is in no file and no shell history. An existing value is replaced. Needs credentials
    of the monitoring account.
    """
    from gatewatch.aws.clients import Aws
    from gatewatch.cli.deployment.hub import require_account, session_of
    from gatewatch.cli.deployment.stage_file import load_stage
    from gatewatch.cli.errors import aws_errors_as_messages
    from gatewatch.config.settings import load_settings

    loaded = load_stage(config, stage)
    known = load_settings(*configuration_files(config, None, None)).destinations
    if destination not in known:
        raise ConfigurationError(f"policy.yaml has no destination {destination}; it has {', '.join(sorted(known))}.")
    reference, prefix = _secret_of(known[destination], destination)
    value = sys.stdin.readline() if not sys.stdin.isatty() else typer.prompt("Value", hide_input=True)
    value = value.strip()
    if not value.startswith(prefix):
        raise ConfigurationError(f"the value of {destination} does not start with {prefix}; nothing was stored.")
    with aws_errors_as_messages():
        session = session_of(loaded.hub.region)
        require_account(session, loaded.hub.account)
        _store(Aws(session), reference, value, loaded.hub.secrets_key)
    typer.echo(f"{reference.ssm or reference.secret} stored in {loaded.hub.region}")


def _secret_of(destination: Destination, name: str) -> tuple[SecretRef, str]:
    """Return the reference and what its value starts with. Raises `ConfigurationError`."""
    from gatewatch.config.destinations import SlackApp, SlackWebhook

    if isinstance(destination, SlackWebhook):
        return destination.url, "https://"
    if isinstance(destination, SlackApp):
        return destination.token, "xox"
    raise ConfigurationError(f"{name} is an SNS topic and has no secret.")


def _store(aws: Aws, reference: SecretRef, value: str, key: str) -> None:
    if reference.ssm:
        options = {"KeyId": key} if key else {}
        aws.ssm.put_parameter(Name=reference.ssm, Value=value, Type="SecureString", Overwrite=True, **options)  # type: ignore[arg-type]
        return
    options, name = {"KmsKeyId": key} if key else {}, reference.secret or ""
    try:
        aws.secretsmanager.create_secret(Name=name, SecretString=value, **options)  # type: ignore[arg-type]
    except aws.secretsmanager.exceptions.ResourceExistsException:
        aws.secretsmanager.put_secret_value(SecretId=name, SecretString=value)

"""`gatewatch store-secret`: stores a secret of a destination, such as its webhook URL or bot token."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gatewatch.cli.options import CONFIG, STAGE, Config, Stage, configuration_files
from gatewatch.errors import ConfigurationError

# What a value starts with, by the key that names the secret: the wrong one is not stored.
_PREFIXES = {"url": "https://", "token": "xox"}

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws
    from gatewatch.config.destinations import SecretRef
    from gatewatch.config.settings import Settings


def store_secret(
    destination: Annotated[
        str, typer.Argument(metavar="DESTINATION", help="A destination of policy.yaml, or actions.")
    ],
    key: Annotated[
        str, typer.Option(help="The key that names the secret, for a destination with several: url, signing_key …")
    ] = "",
    keep_previous: Annotated[
        bool, typer.Option("--keep-previous", help="Accept the signing secret stored before too, while it is rotated.")
    ] = False,
    stage: Stage = STAGE,
    config: Config = CONFIG,
) -> None:
    """Store a secret of a destination or of actions.

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
    settings = load_settings(*configuration_files(config, None, None))
    reference, prefix = _secret_of(_secrets(settings, destination), destination, key)
    value = sys.stdin.readline() if not sys.stdin.isatty() else typer.prompt("Value", hide_input=True)
    value = value.strip()
    if not value:
        raise ConfigurationError("the value is empty; nothing was stored.")
    if not value.startswith(prefix):
        raise ConfigurationError(f"the value of {destination} does not start with {prefix}; nothing was stored.")
    with aws_errors_as_messages():
        session = session_of(loaded.hub.region)
        require_account(session, loaded.hub.account)
        aws = Aws(session)
        _store(
            aws, reference, _with_previous(aws, reference, value) if keep_previous else value, loaded.hub.secrets_key
        )
    typer.echo(f"{reference.ssm or reference.secret} stored in {loaded.hub.region}")


def _secrets(settings: Settings, name: str) -> dict[str, SecretRef]:
    """Return the secrets of a destination, or of `actions`, by their key. Raises `ConfigurationError`."""
    from gatewatch.config.destinations import secrets_of

    known = settings.destinations
    if name in known:
        return dict(secrets_of(known[name]))
    if name == "actions":
        return settings.actions.secrets
    raise ConfigurationError(f"policy.yaml has no destination {name}; it has {', '.join(sorted(known))}.")


def _with_previous(aws: Aws, reference: SecretRef, value: str) -> str:
    """Return the value and, on a second line, the one that is stored: functions/actions accepts both."""
    from gatewatch.delivery.secrets import SecretStore

    before = SecretStore(aws).get(reference).split()
    return "\n".join([value, *(each for each in before[:1] if each != value)])


def _secret_of(secrets: dict[str, SecretRef], name: str, key: str) -> tuple[SecretRef, str]:
    """Return the reference and what its value starts with. Raises `ConfigurationError`."""
    if not secrets:
        raise ConfigurationError(f"{name} has no secret.")
    if not key and len(secrets) == 1:
        (key,) = secrets
    if key not in secrets:
        raise ConfigurationError(f"{name} has the secrets {', '.join(secrets)}; write one of them after --key.")
    return secrets[key], _PREFIXES.get(key, "")


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

"""Errors of a command as messages for the terminal."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from botocore.exceptions import ClientError

NO_CREDENTIALS = (
    "AWS credentials are missing or expired; set AWS_PROFILE or run aws sso login, "
    "then check with aws sts get-caller-identity"
)
_CREDENTIAL_ERRORS = frozenset(
    {
        "CredentialRetrievalError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
_CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
NO_REGION = "no Region is configured; set AWS_DEFAULT_REGION, for commands about the hub to the Region of the hub"
NO_DEPLOYMENT = (
    "there is no deployment of this stage here; "
    "use credentials of the monitoring account, the hub's Region, and --stage"
)
_HUB_REQUESTS = frozenset({"BatchGetItem", "GetItem", "GetQueueUrl", "PutItem", "Query", "UpdateItem"})
_ABSENT = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "ResourceNotFoundException"})
_MAX_LENGTH = 2000
_DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class AwsCallError(GatewatchError):
    """AWS refused a call or cannot be reached."""


@contextmanager
def aws_errors_as_messages() -> Iterator[None]:
    """Raise `AwsCallError` in place of botocore's errors."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise AwsCallError(_aws_message(error)) from error


def message_of(error: Exception) -> str | None:
    """Return what to print for an error of a command; None for a programming error.

    Control characters are replaced, because names of files can contain them.
    """
    from gatewatch.rendering.escaping import sanitize

    if isinstance(error, OSError) and error.errno in _DISK_IS_FULL:
        return f"the output cannot be written: {error.strerror}"
    if isinstance(error, OSError) and error.filename is not None:
        return sanitize(f"{error.filename}: cannot be read or written ({error.strerror})", _MAX_LENGTH)
    if not isinstance(error, GatewatchError) and not type(error).__module__.startswith("botocore."):
        return None
    causes = [error]
    while cause := causes[-1].__cause__:
        if not isinstance(cause, Exception):
            break
        causes.append(cause)
    text = _of_the_environment(causes) or _text(error)
    return "\n".join(sanitize(line, _MAX_LENGTH) for line in text.split("\n"))


def _of_the_environment(causes: Iterable[Exception]) -> str | None:
    """Return the message for missing credentials, Region or deployment, whatever the command made of it."""
    for cause in causes:
        if _is_credentials_error(cause):
            return NO_CREDENTIALS
        if type(cause).__name__ == "NoRegionError":
            return NO_REGION
        if _is_absent_hub(cause):
            return NO_DEPLOYMENT
    return None


def _is_absent_hub(error: Exception) -> bool:
    """True when the hub's table or queue does not exist: `HubTableError` has the code, botocore's error the request."""
    if getattr(error, "operation_name", "") in _HUB_REQUESTS:
        return _code(error) in _ABSENT
    return getattr(error, "code", "") in _ABSENT


def _code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, GatewatchError) else _aws_message(error)


def _aws_message(error: Exception) -> str:
    if found := _of_the_environment([error]):
        return found
    if response := getattr(error, "response", None):
        client_error: ClientError = error  # type: ignore[assignment]
        details = response.get("Error", {})
        return f"AWS refused {client_error.operation_name}: {details.get('Code')}: {details.get('Message')}"
    return f"AWS cannot be reached: {error}"


def _is_credentials_error(error: Exception) -> bool:
    """True for missing and expired credentials. By name, so that botocore is not imported for other errors."""
    return type(error).__name__ in _CREDENTIAL_ERRORS or _code(error) in _CREDENTIAL_CODES

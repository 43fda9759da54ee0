"""Failed AWS calls as messages for the user."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Iterator


class AwsCallError(GatewatchError):
    """AWS refused a call or cannot be reached."""


@contextmanager
def aws_errors_as_messages() -> Iterator[None]:
    """Raise `AwsCallError` in place of botocore's errors."""
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        message = f"AWS refused {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
        raise AwsCallError(message) from error
    except BotoCoreError as error:
        raise AwsCallError(f"AWS cannot be reached: {error}") from error

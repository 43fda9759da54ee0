"""E-mail through Amazon SES."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_ses import SESClient


def send(ses: SESClient, mail: bytes, sender: str, recipients: Sequence[str]) -> None:
    """Send an encoded MIME message. Raises `TransientDeliveryError` with the error code of SES."""
    try:
        ses.send_raw_email(Source=sender, Destinations=list(recipients), RawMessage={"Data": mail})
    except (ClientError, BotoCoreError) as error:
        raise TransientDeliveryError(f"SES: {error_code(error)}") from error

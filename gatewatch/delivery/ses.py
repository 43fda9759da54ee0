"""E-mail through Amazon SES."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_ses import SESClient


def send(ses: SESClient, mail: bytes, sender: str, recipients: Sequence[str]) -> None:
    """Send an encoded MIME message. Raises `TransientDeliveryError` with the error code of SES."""
    try:
        ses.send_raw_email(Source=sender, Destinations=list(recipients), RawMessage={"Data": mail})
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise TransientDeliveryError(f"SES: {code}") from error
    except BotoCoreError as error:
        raise TransientDeliveryError(f"SES: {type(error).__name__}") from error

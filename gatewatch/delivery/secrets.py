"""Secrets, fetched when they are needed and kept in memory; no error and no log line ever holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws
    from gatewatch.config.destinations import SecretRef

# What trying again does not mend. Everything else may be a throttle or an outage.
_GONE = frozenset(
    {
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidKeyId",
        "InvalidParameterException",
        "InvalidRequestException",
        "ParameterNotFound",
        "ParameterVersionNotFound",
        "ResourceNotFoundException",
        "ValidationException",
    }
)


class SecretStore:
    """SSM SecureString parameters and Secrets Manager secrets, decrypted."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._kept: dict[SecretRef, str] = {}

    def get(self, ref: SecretRef, *, fresh: bool = False) -> str:
        """The secret; `fresh` reads it anew, for one that the other side no longer takes."""
        if fresh or ref not in self._kept:
            self._kept[ref] = self._fetch(ref)
        return self._kept[ref]

    def _fetch(self, ref: SecretRef) -> str:
        try:
            if ref.ssm is not None:
                answer = self._aws.ssm.get_parameter(Name=ref.ssm, WithDecryption=True)
                return answer["Parameter"]["Value"]
            return self._aws.secretsmanager.get_secret_value(SecretId=ref.secret or "")["SecretString"]
        except KeyError:
            raise PermanentDeliveryError(f"the secret {ref.ssm or ref.secret} holds no text") from None
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            kind = PermanentDeliveryError if code in _GONE else TransientDeliveryError
            raise kind(f"the secret {ref.ssm or ref.secret} cannot be read: {code}") from None
        except BotoCoreError as error:
            reason = f"the secret {ref.ssm or ref.secret} cannot be read: {type(error).__name__}"
            raise TransientDeliveryError(reason) from None

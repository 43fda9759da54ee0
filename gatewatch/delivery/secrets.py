"""Secrets from SSM and Secrets Manager, cached in memory. No error and no log line contains one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import error_code
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws
    from gatewatch.config.destinations import SecretRef

# Retrying does not help. Every other code may be throttling or an outage.
_PERMANENT = frozenset(
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
        self._cache: dict[SecretRef, str] = {}

    def get(self, ref: SecretRef, *, fresh: bool = False) -> str:
        """Return a secret. `fresh` skips the cache, for a secret that was rotated."""
        if fresh or ref not in self._cache:
            self._cache[ref] = self._fetch(ref)
        return self._cache[ref]

    def _fetch(self, ref: SecretRef) -> str:
        try:
            if ref.ssm is not None:
                answer = self._aws.ssm.get_parameter(Name=ref.ssm, WithDecryption=True)
                return answer["Parameter"]["Value"]
            return self._aws.secretsmanager.get_secret_value(SecretId=ref.secret or "")["SecretString"]
        except KeyError:
            raise PermanentDeliveryError(f"the secret {ref.ssm or ref.secret} holds no text") from None
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
            kind = PermanentDeliveryError if code in _PERMANENT else TransientDeliveryError
            raise kind(f"the secret {ref.ssm or ref.secret} cannot be read: {code}") from None

"""Error codes of AWS, as botocore reports them."""

from __future__ import annotations

from botocore.exceptions import ClientError

CONDITION_FAILED = "ConditionalCheckFailedException"


def error_code(error: BaseException) -> str:
    """Return the code of an error of AWS or of the hub table, or the type of any other error.

    Never the text of an error: it can contain values of events or secrets.
    """
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else getattr(error, "code", "")
    return code or type(error).__name__

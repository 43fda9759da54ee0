"""Reads access keys from an IAM credential report (CSV). It contains no key ids, so it is enough for a plan only.

Columns: IAM user guide, "Getting credential reports". Dates are ISO 8601; `N/A` and `no_information` mean no date.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatewatch.errors import GatewatchError
from gatewatch.remediation.access_keys.plan import AccessKey

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = "<root_account>"
_KEY_NUMBERS = (1, 2)
_REQUIRED_COLUMNS = ("user", "arn", "access_key_1_active", "access_key_1_last_rotated")
_DATE_COLUMNS = ("_creation_time", "_last_used", "_last_used_date", "_last_changed", "_last_rotated")
_FLAG_COLUMNS = ("_active", "_enabled")
_FLAGS = frozenset({"true", "false", "TRUE", "FALSE", "N/A", "not_supported"})
_NO_DATE = frozenset({"", "N/A", "no_information", "not_supported"})


class CredentialReportError(GatewatchError):
    """The file is not a credential report."""


def read_credential_report(text: str, name: str) -> tuple[AccessKey, ...]:
    """Return the keys of every user and of root; `name` is for error texts. Raises `CredentialReportError`."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [column for column in _REQUIRED_COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise CredentialReportError(
            f"{name}: is not a credential report: it has no column {missing[0]}; "
            "get one with `aws iam get-credential-report --query Content --output text | base64 -d`."
        )
    try:
        return tuple(key for row in rows for key in _keys(_complete(row)))
    except (ValueError, csv.Error) as error:
        raise CredentialReportError(f"{name}: line {rows.line_num}: cannot be read ({error}).") from error


def _complete(row: dict[str, str | None]) -> dict[str, str | None]:
    """Raise `ValueError` for a row that was cut: too few columns, or a value of no known form."""
    if None in row.values() or len(row) != len(list(filter(None, row))):
        raise ValueError("the row does not have the columns of the header")
    for column, text in row.items():
        if column.endswith(_DATE_COLUMNS):
            _date(text)
        elif column.endswith(_FLAG_COLUMNS) and text not in _FLAGS:
            raise ValueError(f'"{text}" is not true or false')
    return row


def _keys(row: dict[str, str | None]) -> Iterator[AccessKey]:
    for number in _KEY_NUMBERS:
        created = _date(row.get(f"access_key_{number}_last_rotated"))
        is_active = (row.get(f"access_key_{number}_active") or "").lower() == "true"
        if created is None and not is_active:
            continue
        yield AccessKey(
            account_id=_account(row.get("arn") or ""),
            user="root" if row["user"] == _ROOT else row["user"] or "",
            key_id=f"#{number}",
            is_active=is_active,
            created=created,
            last_used=_date(row.get(f"access_key_{number}_last_used_date")),
            is_root=row["user"] == _ROOT,
        )


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004  arn:partition:service:region:account:resource


def _date(text: str | None) -> datetime | None:
    if text is None or text in _NO_DATE:
        return None
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f'"{text}" has no time zone')
    return parsed.astimezone(UTC)
